"""The terminal view shows what it is given: in order, within its width, and safe to print."""

from collections import Counter, deque
from dataclasses import replace
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len

from streams.terminal.board import Due, render
from streams.terminal.live import LiveView, PlainView, choose_view
from streams.terminal.totals import Totals, summary
from streams.terminal.words import DAY_MS, HOUR_MS, short_id
from tests.ops.pictures.board import board_svg
from tests.terminal.boards import (
    NOW,
    NOW_MS,
    Terminal,
    alert,
    busy_board,
    line_with,
    made,
    metric,
    printed,
    standing,
    unshipped,
)


@pytest.mark.parametrize("height", [20, 24, 40, 70])
@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_board_fits_the_terminal(width: int, height: int) -> None:
    lines = printed(render(busy_board(), width, height), width)
    assert {cell_len(line) for line in lines[2:]} == {width}
    assert max(cell_len(line) for line in lines[:2]) <= width
    assert len(lines) <= height


def test_an_empty_board_says_that_all_is_quiet() -> None:
    text = "\n".join(printed(render(made(), 100)))
    assert "nothing is due" in text
    assert "all quiet" in text


def test_times_in_summaries_are_short_as_all_others_are() -> None:
    said = "Order 8377 was not shipped by 2026-01-24T12:39:19.900Z"
    text = "\n".join(printed(render(made(alerts=deque([alert("8377", summary=said)])), 140), 140))
    assert "Order 8377 was not shipped by 24 Jan 12:39 " in text


def test_wide_characters_and_long_names_do_not_push_a_line_over_the_edge() -> None:
    board = made(
        standings=[standing("douyin/" + "茶叶旗舰店" * 5, {"dy-8": metric(0.5, 10**9, 2 * 10**9)})],
        due=[Due("douyin", "茶" * 40, "9" * 60, "dy." + "x" * 60, NOW_MS, "99999999999.99", "CNY")],
        alerts=deque([alert("1", place="douyin/" + "茶" * 40, summary="订单" * 90)]),
    )
    assert max(cell_len(line) for line in printed(render(board, 100))) == 100


def test_the_header_tells_clock_pace_events_and_open_alerts() -> None:
    first, second, *_ = printed(render(busy_board(), 100))
    assert "shipclock" in first
    assert "Sat 24 Jan 2026  13:42 UTC" in first
    assert "a day in 4.0 s  ×21,600" in first
    assert "184,210 events  2,140 events/s" in second
    assert "31 critical  14 warning  3 info" in second


def test_the_worst_shop_comes_first_and_calm_ones_last() -> None:
    lines = printed(render(busy_board(), 100))
    order = [line_with(shop, lines) for shop in ("joom/gadgetbay", "joom/toys", "joom/s17", "joom/homely")]
    assert order == sorted(order), "a sanction in force costs most"
    assert order[0] == line_with("headroom", lines) + 1


def test_a_shop_with_alerts_and_no_ratio_comes_before_calm_ones() -> None:
    standings = [standing("joom/a", {"joom-3": unshipped(1, 100)}), standing("douyin/b", open_alerts=4)]
    lines = printed(render(made(standings=standings), 100))
    assert line_with("douyin/b", lines) < line_with("joom/a", lines)


def test_the_threshold_marks_stand_under_one_another() -> None:
    lines = printed(render(busy_board(), 100))
    marked = [line for line in lines if "┃" in line]
    assert len(marked) > 10
    assert len({line.index("┃") for line in marked}) == 1


def test_a_shop_s_line_has_value_counts_headroom_money_and_alerts() -> None:
    shops = [
        standing(
            "joom/s17",
            {"joom-3": unshipped(12, 271)},
            open_orders=38,
            open_alerts=5,
            exposure={"amount": "212.50", "currency": "USD"},
        )
    ]
    lines = printed(render(made(standings=shops), 100))
    shown = lines[line_with("joom/s17", lines)].strip("│ ").split()
    assert shown[:3] == ["joom/s17", "38", "joom-3"]
    assert " ".join(shown[4:]) == "4.4% of 5% 12/271 1 more fit 212.50 USD 5"


def test_a_penalty_in_force_is_shown_under_its_shop_even_when_room_is_short() -> None:
    lines = printed(render(busy_board(), 80, 24), 80)
    under = lines[line_with("joom/gadgetbay", lines) + 1]
    assert "⊘ sales suspended until 04 Feb 00:00, 10d 10h left joom-2" in under


TITLES = {"joom-2": "Late marks", "joom-3": "Not shipped this month"}


def test_clauses_are_called_what_people_call_them() -> None:
    board = replace(busy_board(), titles=TITLES)
    text = "\n".join(printed(render(board, 160), 160))
    assert "Not shipped this month" in text
    assert "10d 10h left Late marks" in text
    assert "joom-3" not in text
    narrow = "\n".join(printed(render(board, 100), 100))
    assert "Not shipped… " in narrow
    summed_up = "\n".join(printed(summary(board, Totals(1, 1, Counter({"joom-3": 2}))), 100))
    assert "Not shipped this month (joom-3)" in summed_up


def test_a_penalty_without_an_end_is_for_good() -> None:
    frozen = {"clause": "sho-10", "name": "frozen", "from": NOW, "until": None}
    lines = printed(render(made(standings=[standing("shopee/a", sanctions=[frozen])]), 100))
    assert any("⊘ frozen for good sho-10" in line for line in lines)


def test_shops_that_do_not_fit_are_counted() -> None:
    standings = [standing(f"joom/s{number}", {"joom-3": unshipped(number, 1000)}) for number in range(200)]
    lines = printed(render(made(standings=standings), 100))
    shown = sum("joom/s" in line for line in lines)
    assert any(f"and {200 - shown} calmer shops" in line for line in lines)


def test_deadlines_count_down_nearest_first_with_the_money_at_stake() -> None:
    board = busy_board()
    lines = printed(render(made(due=board.due[::-1]), 100))
    first = line_with("nearest deadlines", lines) + 1
    assert lines[first].strip("│ ").startswith("in 00h41m")
    assert lines[first].rstrip("│ ").endswith("12.50 USD")
    assert "in 03h12m" in lines[first + 1]
    assert "joom.late_ship" in lines[first]


def test_a_deadline_that_has_passed_says_how_long_ago() -> None:
    late = Due("joom", "s17", "8412", "joom.late_ship", NOW_MS - 62 * 60_000, None, None)
    assert any("01h02m ago" in line for line in printed(render(made(due=[late]), 100)))


def test_a_long_order_id_keeps_its_head_and_tail() -> None:
    assert short_id("6921750048221104417") == "6921…104417"
    assert short_id("8412") == "8412"


def test_the_newest_alert_is_on_top_and_a_resolved_one_is_ticked() -> None:
    alerts = deque([alert("1", place="joom/old"), alert("2", "resolved", 2, place="joom/fresh")])
    lines = printed(render(made(alerts=alerts), 100))
    top = line_with("● opened", lines) + 1
    assert "joom/fresh" in lines[top]
    assert "✓ 24 Jan 13:12" in lines[top]
    assert "deadline passed" in lines[top]
    assert "joom/old" in lines[top + 1]


def test_escape_sequences_from_outside_do_not_reach_the_terminal() -> None:
    nasty = alert("1", place="joom/s\x1b[2J", summary="a\x1b]0;x\x07b\nc")
    board = made(alerts=deque([nasty]), standings=[standing("joom/s\x1b[2J")])
    assert "\x1b" not in "".join(printed(render(board, 100)))
    stream = StringIO()
    with PlainView(stream) as view:
        view.update(board)
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().count("\n") == 2


def test_the_plain_view_prints_each_change_once_and_no_escape_codes() -> None:
    stream = StringIO()
    alerts = deque([alert("1")])
    with PlainView(stream) as view:
        view.update(made(alerts=alerts))
        alerts.append(alert("1", "updated", 2, severity="warning"))
        view.update(made(alerts=alerts))
        alerts.append(alert("1", "resolved", 3))
        view.update(made(alerts=alerts))
        view.update(made(alerts=alerts))
    changes = [line for line in stream.getvalue().splitlines() if "STATUS" not in line]
    assert changes == [
        "2026-01-24T13:12:00Z OPEN    critical joom/s17 Order 1 is past its 72 h ship deadline",
        "2026-01-24T13:12:00Z UPDATE  warning  joom/s17 Order 1 is past its 72 h ship deadline",
        "2026-01-24T13:12:00Z RESOLVE critical joom/s17 Order 1 is past its 72 h ship deadline",
    ]
    assert "\x1b" not in stream.getvalue()


def test_the_plain_view_prints_a_status_line_once_a_simulated_day() -> None:
    stream = StringIO()
    with PlainView(stream) as view:
        for hours in range(0, 72, 3):
            at_ms = NOW_MS // DAY_MS * DAY_MS + hours * HOUR_MS
            view.update(made(at_ms=at_ms, events=hours, open_by_severity=Counter(critical=2)))
    days = stream.getvalue().splitlines()
    assert [line[:10] for line in days] == ["2026-01-24", "2026-01-25", "2026-01-26"]
    assert days[1] == "2026-01-25T00:00:00Z STATUS  24 events, 0 events/s, open alerts: 2 critical, 0 warning, 0 info"


def test_a_pipe_a_file_and_a_dumb_terminal_get_plain_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert isinstance(choose_view(StringIO()), PlainView)
    with (tmp_path / "out").open("w") as file:
        assert isinstance(choose_view(file), PlainView)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(choose_view(Terminal()), PlainView)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(choose_view(Terminal()), LiveView)


def test_the_live_view_draws_on_the_other_screen_and_gives_the_old_one_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), choose_view(stream) as view:
        view.update(busy_board())
        raise KeyboardInterrupt
    shown = stream.getvalue()
    assert shown.startswith("\x1b[?1049h")
    assert "most at risk first" in shown
    assert "\x1b[?1049l" in shown[shown.index("most at risk first") :]


def test_totals_count_by_clause_and_know_what_is_open() -> None:
    totals = Totals()
    for change in (
        alert("1"),
        alert("2", severity="warning"),
        alert("2", "updated", 2, severity="critical"),
        alert("3", clause="dy-1"),
        alert("1", "resolved", 2),
        alert("1", revision=3, severity="info"),
    ):
        totals.count(change)
    assert totals.alerts_opened == {"joom-1": 3, "dy-1": 1}
    assert totals.alerts_resolved == {"joom-1": 1}
    assert totals.open_by_severity() == {"critical": 2, "info": 1}


def test_the_summary_tells_what_the_run_came_to() -> None:
    totals = Totals(184_210, 5120, Counter({"joom-1": 91, "dy-1": 55}), Counter({"joom-1": 70}))
    lines = printed(summary(busy_board(), totals), 80)
    text = "\n".join(lines)
    assert max(cell_len(line) for line in lines) <= 80
    assert "184,210 events of 5,120 orders" in text
    assert "money exposed: 12.00 CNY, 1,595 USD" in text
    assert lines[line_with("joom-1", lines)].split() == ["joom-1", "91", "70", "21"]
    assert line_with("joom/toys", lines) < line_with("joom/s17", lines)


def test_a_run_in_which_nothing_happened_has_a_summary_too() -> None:
    assert "money exposed: nothing" in "\n".join(printed(summary(made(), Totals()), 80))


def test_the_picture_is_well_formed_and_loads_nothing() -> None:
    svg = board_svg(busy_board())
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "gadgetbay" in svg
    assert "┃" in svg
    assert "://" not in svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
