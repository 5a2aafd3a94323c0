"""The terminal view shows what it is given: in order, within its width, and safe to print."""

from collections import Counter, deque
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from streams.terminal.board import Board, Due, render
from streams.terminal.live import LiveView, PlainView, choose_view
from streams.terminal.metrics import Metric, Risk, bar
from streams.terminal.totals import Totals, summary
from streams.terminal.words import DAY_MS, HOUR_MS, instant_ms, short_id
from tests.ops.pictures.board import board_svg

NOW = "2026-01-24T13:42:00Z"
NOW_MS = instant_ms(NOW)


def metric(value: float | None, numerator: int, denominator: int | None, **more: Any) -> dict[str, Any]:
    window = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    return {
        "value": value,
        "numerator": numerator,
        "denominator": denominator,
        "threshold": None,
        "headroom": None,
        "window": window,
    } | more


def unshipped(numerator: int, denominator: int) -> dict[str, Any]:
    headroom = denominator * 5 // 100 - numerator
    return metric(numerator / denominator, numerator, denominator, threshold=0.05, near=0.04, headroom=headroom)


def late_marks(count: int) -> dict[str, Any]:
    return metric(count, count, None, threshold=3, near=2, headroom=3 - count)


def standing(place: str, metrics: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    platform, shop = place.split("/")
    return {
        "platform": platform,
        "shop": shop,
        "at": NOW,
        "open_alerts": 0,
        "metrics": metrics or {},
        "ledgers": {},
        "sanctions": [],
        "exposure": None,
    } | more


def alert(name: str, change: str = "opened", revision: int = 1, place: str = "joom/s17", **data: Any) -> dict[str, Any]:
    platform, shop = place.split("/")
    return {
        "specversion": "1.0",
        "id": f"{name}/{revision}",
        "source": "shipclock",
        "type": f"alert.{change}",
        "time": data.pop("time", "2026-01-24T13:12:00Z"),
        "platform": platform,
        "shop": shop,
        "data": {
            "alert": name,
            "revision": revision,
            "rule": "joom.late_ship",
            "clause": "joom-1",
            "state": "resolved" if change == "resolved" else "open",
            "severity": "critical",
            "reason": "deadline_passed",
            "summary": f"Order {name} is past its 72 h ship deadline",
        }
        | data,
    }


def busy_board() -> Board:
    """A dozen shops with every kind of trouble."""
    suspended = {"clause": "joom-2", "name": "sales suspended", "from": "2026-01-21T00:00:00Z"}
    usd = {"currency": "USD"}
    standings = [
        standing("joom/homely", {"joom-3": unshipped(1, 180), "joom-2": late_marks(0)}, open_orders=21),
        standing(
            "joom/gadgetbay",
            {"joom-3": unshipped(9, 140), "joom-2": late_marks(3)},
            open_orders=64,
            open_alerts=14,
            sanctions=[suspended | {"until": "2026-02-04T00:00:00Z"}],
            exposure={"amount": "1284.40"} | usd,
        ),
        standing(
            "joom/s17",
            {"joom-3": unshipped(12, 271), "joom-2": late_marks(2)},
            open_orders=38,
            open_alerts=5,
            exposure={"amount": "212.50"} | usd,
        ),
        standing(
            "douyin/tea-garden",
            {"dy-8": metric(0.25, 25, 100)},
            open_orders=112,
            open_alerts=25,
            exposure={"amount": "12.00", "currency": "CNY"},
        ),
        standing("douyin/s2", {"dy-8": metric(0.012, 2, 166)}, open_orders=40, open_alerts=1),
        standing(
            "joom/toys",
            {"joom-3": unshipped(31, 160)},
            open_orders=9,
            open_alerts=3,
            exposure={"amount": "98.00"} | usd,
        ),
        standing("joom/shoes", {"joom-3": unshipped(5, 121), "joom-2": late_marks(1)}, open_orders=17),
        standing("joom/lamps", {"joom-3": unshipped(2, 94), "joom-2": late_marks(1)}, open_orders=17),
        standing("joom/garden", {"joom-3": unshipped(0, 4094)}, open_orders=730),
        standing("joom/new", {"joom-3": metric(None, 0, 0, threshold=0.05)}, open_orders=0),
        standing("douyin/s3", open_orders=3),
        standing("aliexpress/s12", {"ali-1": late_marks(1)}, open_orders=12),
    ]
    due = [
        Due("joom", "s17", "8412", "joom.late_ship", NOW_MS + 41 * 60_000, "12.50", "USD"),
        Due(
            "douyin",
            "tea-garden",
            "6921750048221104417",
            "dy.late_ship",
            NOW_MS + 192 * 60_000,
            "88.00",
            "CNY",
        ),
        Due("joom", "gadgetbay", "8391", "joom.silence", NOW_MS + 5 * HOUR_MS, "1249.00", "USD"),
        Due("joom", "shoes", "8502", "joom.late_ship", NOW_MS + 9 * HOUR_MS, "31.99", "USD"),
        Due("douyin", "s2", "6921750048221101223", "dy.pickup_timeout", NOW_MS + 17 * HOUR_MS, None, None),
        Due("joom", "homely", "8433", "joom.late_ship", NOW_MS + 23 * HOUR_MS, "9.10", "USD"),
        Due("joom", "homely", "8434", "joom.late_ship", NOW_MS + 61 * HOUR_MS, "9.10", "USD"),
    ]
    warning = {"severity": "warning", "reason": "deadline_near"}
    alerts = deque(
        [
            alert("8390", time="2026-01-24T09:05:00Z", place="joom/toys"),
            alert(
                "8377",
                "resolved",
                3,
                time="2026-01-24T09:31:00Z",
                reason="shipped",
                summary="Order 8377 shipped, 2 h late",
            ),
            alert("8412", time="2026-01-24T10:12:00Z", summary="Order 8412 must ship within 6 h", **warning),
            alert(
                "joom.unshipped",
                time="2026-01-24T10:20:00Z",
                place="joom/s17",
                summary="4.4 % of January's orders unshipped, 20 % fee above 5 %: 1 more to go",
                severity="warning",
                reason="value_rose",
            ),
            alert("8391", "updated", 2, time="2026-01-24T10:48:00Z", place="joom/gadgetbay"),
            alert(
                "dy.pickup",
                time="2026-01-24T11:02:00Z",
                place="douyin/tea-garden",
                summary="Order 6921750048221104417 judged late, 2nd of 3",
                reason="judged_again",
            ),
            alert(
                "joom.silence",
                "resolved",
                2,
                time="2026-01-24T11:40:00Z",
                place="joom/gadgetbay",
                summary="Order 8386 has been scanned again",
                reason="evidence_arrived",
            ),
            alert(
                "joom.suspended",
                time="2026-01-24T12:00:00Z",
                place="joom/gadgetbay",
                summary="3 late marks: sales suspended until 4 Feb",
                reason="threshold_crossed",
            ),
            alert(
                "info",
                time="2026-01-24T13:12:00Z",
                severity="info",
                summary="Order 8433 is due tomorrow",
                reason="deadline_near",
            ),
        ]
    )
    return Board(
        at_ms=NOW_MS,
        standings=standings,
        due=due,
        alerts=alerts,
        open_by_severity=Counter(critical=31, warning=14, info=3),
        events=184_210,
        events_s=2140.4,
        speed=21_600,
    )


def printed(renderable: RenderableType, width: int = 100) -> list[str]:
    """The lines a terminal of that width would show, without colours."""
    console = Console(record=True, width=width, file=StringIO())
    console.print(renderable)
    return console.export_text().splitlines()


def made(**parts: Any) -> Board:
    """A board with nothing on it but `parts`."""
    empty = {
        "at_ms": NOW_MS,
        "standings": [],
        "due": [],
        "alerts": deque(),
        "open_by_severity": Counter(),
        "events": 0,
        "events_s": 0.0,
        "speed": 21_600.0,
    }
    return Board(**(empty | parts))


def line_with(word: str, lines: list[str]) -> int:
    return next(number for number, line in enumerate(lines) if word in line)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


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


def a_metric(value: float | None, threshold: float | None, **more: Any) -> Metric:
    fields: dict[str, Any] = {"numerator": 5, "denominator": 100, "near": None, "headroom": None} | more
    return Metric(clause="joom-3", value=value, threshold=threshold, **fields)


def test_a_bar_is_heavy_up_to_its_value_with_the_threshold_as_a_mark() -> None:
    assert bar(a_metric(0.025, 0.05), 20).plain == "━━━━━━━───────┃─────"
    assert bar(a_metric(0.0, 0.05), 20).plain == "──────────────┃─────"
    assert bar(a_metric(0.06, 0.05), 20).plain == "━━━━━━━━━━━━━━┃━━━──"
    assert bar(a_metric(0.9, 0.05), 20).plain == "━━━━━━━━━━━━━━┃━━━━▶"
    assert bar(a_metric(None, 0.05), 20).plain == "──────────────┃─────"


def test_a_bar_passes_the_mark_only_when_the_value_is_past_the_threshold() -> None:
    assert bar(a_metric(0.05, 0.05), 20).plain.endswith("━┃─────")
    assert bar(a_metric(0.050001, 0.05), 20).plain.endswith("━┃╸────")


def test_a_metric_without_a_threshold_shows_its_value_only() -> None:
    shops = [standing("douyin/a", {"dy-8": metric(0.25, 25, 100)})]
    lines = printed(render(made(standings=shops), 100))
    row = lines[line_with("douyin/a", lines)]
    assert "25%" in row
    assert "┃" not in row


def test_a_ratio_is_crossed_past_its_threshold_and_a_count_at_it() -> None:
    assert a_metric(0.05, 0.05).risk is Risk.NEAR
    assert a_metric(0.0501, 0.05).risk is Risk.CROSSED
    assert a_metric(3, 3, denominator=None).risk is Risk.CROSSED
    assert a_metric(2, 3, denominator=None, near=2).risk is Risk.NEAR


def test_near_is_what_the_rule_says_or_else_four_fifths_of_the_threshold() -> None:
    assert a_metric(0.031, 0.05, near=0.03).risk is Risk.NEAR
    assert a_metric(0.039, 0.05).risk is Risk.CALM
    assert a_metric(0.041, 0.05).risk is Risk.NEAR


def test_a_rating_is_worse_the_lower_it_is() -> None:
    risks = [a_metric(score, 4.3, near=4.5, denominator=None).risk for score in (4.7, 4.4, 4.2)]
    assert risks == [Risk.CALM, Risk.NEAR, Risk.CROSSED]


def test_a_threshold_of_nought_is_crossed_by_anything() -> None:
    assert a_metric(0.0, 0.0).risk is not Risk.CROSSED
    assert a_metric(0.01, 0.0).risk is Risk.CROSSED
    assert bar(a_metric(0.01, 0.0), 20).plain.endswith("▶")


@pytest.mark.parametrize(
    ("headroom", "words"),
    [(3, "3 more fit"), (0, "0 more fit"), (-2, "2 too many"), (1204, "1,204 fit"), (-1204, "1,204 over"), (None, "")],
)
def test_headroom_of_a_share_is_how_many_more_fit(headroom: int | None, words: str) -> None:
    value = 0.07 if (headroom or 0) < 0 else 0.04
    assert a_metric(value, 0.05, headroom=headroom).room() == words


@pytest.mark.parametrize(
    ("value", "headroom", "words"),
    [(2, 1, "1 to go"), (3, 0, "at the limit"), (6, -3.0, "3 past"), (0.94, 2.059829, "2.1 to go"), (None, 3, "")],
)
def test_a_count_is_reached_at_its_limit(value: float | None, headroom: float, words: str) -> None:
    assert Metric("joom-2", value, None, None, threshold=3, near=None, headroom=headroom).room() == words


def test_a_figure_without_a_share_has_two_places() -> None:
    assert Metric("joom-7", 0.940171, None, None, threshold=3, near=5, headroom=-2.059829).now() == "0.94"


def test_a_share_of_no_orders_yet_is_at_no_limit() -> None:
    assert Metric("ozon-1", None, 0, 0, threshold=0.04, near=None, headroom=0).room() == ""


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


def test_a_share_to_be_kept_up_is_calm_above_its_threshold_and_crossed_below() -> None:
    kept, missed = (
        Metric("joom-10", value, 0, 100, threshold=0.98, near=None, headroom=headroom)
        for value, headroom in ((1.0, 2), (0.9, -8))
    )
    assert (kept.risk, kept.room()) == (Risk.CALM, "2 to spare")
    assert (missed.risk, missed.room()) == (Risk.CROSSED, "short by 8")


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
