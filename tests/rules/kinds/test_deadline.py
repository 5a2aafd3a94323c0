"""Deadlines: met, missed, moved, and judged again."""

import pytest

from rules.engine.engine import Engine
from tests.rules.history import (
    book,
    brief,
    cancelled,
    collected,
    late_ship,
    moved,
    ms,
    placed,
    refunded,
    rule,
    run,
    scanned,
    shipped,
    tick,
)

WARN = [{"before": "24h", "severity": "info"}, {"before": "6h", "severity": "warning"}]
LATE = book(late_ship())
WARNED = book(late_ship(warn=WARN))
MOVABLE = book(late_ship(ship_by=True, warn=WARN))


def test_a_deadline_that_passes_opens_an_alert_at_its_own_instant():
    [alert] = run(LATE, [placed()], "500h")
    assert brief([alert]) == ["72h opened overdue deadline_passed"]
    assert alert.data.due_at == alert.time == "2026-01-04T00:00:00Z"
    assert alert.data.alert == "joom.late:joom/s1:1:2026-01-04T00:00:00Z"


def test_the_event_awaited_resolves_it():
    assert brief(run(LATE, [placed(), shipped(at="80h")])) == [
        "72h opened overdue deadline_passed",
        "80h resolved overdue fulfilled",
    ]


def test_a_cancellation_resolves_it_too_and_says_so():
    assert brief(run(LATE, [placed(), cancelled(at="80h", by="buyer")])) == [
        "72h opened overdue deadline_passed",
        "80h resolved overdue cancelled",
    ]


@pytest.mark.parametrize("at", ["0h", "71h", "72h"])
def test_what_comes_by_the_deadline_is_in_time(at):
    assert run(LATE, [placed(), shipped(at=at)], "500h") == []


def test_a_millisecond_after_the_deadline_is_late():
    assert brief(run(LATE, [placed(), shipped(at="72h1ms")], "500h")) == [
        "72h opened overdue deadline_passed",
        "72h resolved overdue fulfilled",
    ]


@pytest.mark.parametrize("others", [[tick("72h"), placed(id="earlier")], [placed("2", "72h"), tick("72h")]])
def test_another_event_at_the_deadline_itself_judges_nothing_early(others):
    assert run(LATE, [placed(), *others, shipped(at="72h"), shipped("2", at="73h")], "500h") == []


def test_a_warning_waits_for_the_end_of_its_instant_too():
    assert run(WARNED, [placed(), tick("48h"), placed(id="earlier"), shipped(at="48h")], "500h") == []


def test_nothing_is_ever_said_of_an_order_that_ends_before_it_is_placed():
    assert run(WARNED, [cancelled(at="1h"), placed(at="2h")], "500h") == []


def test_events_that_arrive_before_the_order_was_placed_count_once_it_is():
    assert run(LATE, [shipped(at="5h"), collected(at="6h"), tick("60h"), placed(at="0h")], "500h") == []


def test_an_order_heard_of_after_its_deadline_is_overdue_at_once():
    assert brief(run(LATE, [tick("100h"), placed(at="0h"), shipped(at="110h")])) == [
        "100h opened overdue deadline_passed",
        "110h resolved overdue fulfilled",
    ]


def test_warnings_come_ahead_each_with_its_severity():
    alerts = run(WARNED, [placed(), shipped(at="80h")])
    assert brief(alerts) == [
        "48h opened due_soon deadline_near",
        "66h updated due_soon deadline_near",
        "72h updated overdue deadline_passed",
        "80h resolved overdue fulfilled",
    ]
    assert [alert.data.severity for alert in alerts] == ["info", "warning", "critical", "critical"]


def test_a_warning_that_ends_well_resolves():
    assert brief(run(WARNED, [placed(), shipped(at="60h")], "500h")) == [
        "48h opened due_soon deadline_near",
        "60h resolved due_soon fulfilled",
    ]


def test_old_evidence_takes_a_missed_deadline_back():
    assert brief(run(LATE, [placed(), tick("80h"), shipped(at="70h")])) == [
        "72h opened overdue deadline_passed",
        "80h resolved overdue evidence_arrived",
    ]


def test_evidence_of_the_very_deadline_is_in_time():
    assert brief(run(LATE, [placed(), tick("80h"), shipped(at="72h")]))[-1] == "80h resolved overdue evidence_arrived"


def test_evidence_from_before_a_warning_was_given_is_late_evidence():
    assert brief(run(WARNED, [placed(), tick("50h"), shipped(at="40h")])) == [
        "48h opened due_soon deadline_near",
        "50h resolved due_soon evidence_arrived",
    ]


def test_a_ship_event_that_proves_to_be_late_itself_is_no_evidence():
    assert brief(run(LATE, [placed(), tick("90h"), shipped(at="80h")])) == [
        "72h opened overdue deadline_passed",
        "90h resolved overdue fulfilled",
    ]


# -- deadlines that move --------------------------------------------------------------------------------------


def test_the_platforms_word_beats_the_computed_time():
    assert brief(run(MOVABLE, [placed(ship_by=ms("30h"))], "40h")) == [
        "6h opened due_soon deadline_near",
        "24h updated due_soon deadline_near",
        "30h updated overdue deadline_passed",
    ]
    assert run(book(late_ship()), [placed(ship_by=ms("30h"))], "40h") == []


def test_a_ship_by_that_is_a_date_ends_with_that_day_in_the_shops_zone():
    rules = book(late_ship(ship_by=True), zone="Asia/Shanghai")
    for events in ([placed(ship_by="2026-01-08")], [placed(), moved(at="1h", to="2026-01-08")]):
        [alert] = run(rules, events, "200h")
        assert alert.data.due_at == "2026-01-08T16:00:00Z"


def test_a_deadline_moved_later_before_it_passes():
    assert brief(run(MOVABLE, [placed(), moved(at="50h", to="100h"), shipped(at="99h")])) == [
        "48h opened due_soon deadline_near",
        "50h resolved due_soon deadline_moved",
        "76h opened due_soon deadline_near",
        "94h updated due_soon deadline_near",
        "99h resolved due_soon fulfilled",
    ]


def test_a_deadline_moved_later_after_it_was_missed():
    alerts = run(MOVABLE, [placed(), moved(at="80h", to="200h"), shipped(at="170h")])
    assert brief(alerts)[2:] == ["72h updated overdue deadline_passed", "80h resolved overdue deadline_moved"]


def test_a_deadline_moved_earlier_than_now_is_missed_at_once():
    assert brief(run(MOVABLE, [placed(), moved(at="40h", to="30h")], "100h")) == [
        "40h opened overdue deadline_passed",
    ]


def test_a_missed_deadline_moved_to_another_one_already_missed():
    alerts = run(MOVABLE, [placed(), moved(at="80h", to="60h")], "100h")
    assert brief(alerts)[2:] == [
        "72h updated overdue deadline_passed",
        "80h opened overdue deadline_passed",
        "80h resolved overdue deadline_moved",
    ]
    assert alerts[3].data.due_at != alerts[4].data.due_at


def test_a_deadline_moved_away_and_back_goes_on_with_the_same_alert():
    alerts = run(MOVABLE, [placed(), moved(at="80h", to="200h"), moved(at="90h", to="72h")], "100h")
    first = [alert for alert in alerts if alert.data.due_at == "2026-01-04T00:00:00Z"]
    assert brief(first)[2:] == [
        "72h updated overdue deadline_passed",
        "80h resolved overdue deadline_moved",
        "90h opened overdue deadline_passed",
    ]
    assert [alert.data.revision for alert in first] == [1, 2, 3, 4, 5]
    assert first[-1].data.opened_at == first[-1].time


def test_of_moves_that_arrive_out_of_order_the_latest_said_holds():
    events = [placed(), tick("20h"), moved(at="11h", to="36h"), moved(at="10h", to="200h")]
    assert brief(run(MOVABLE, events, "40h"))[-1] == "36h updated overdue deadline_passed"


def test_the_evidence_says_whose_deadline_it_is():
    [alert] = run(book(late_ship(ship_by=True)), [placed(), moved(at="3h", to="60h")], "61h")
    assert alert.data.evidence["deadline_from"] == "deadline_changed"
    assert alert.data.evidence["facts"]["deadline_moved"]["ship_by"] == alert.data.due_at
    assert alert.data.evidence["facts"]["placed"] == {
        "at": "2026-01-01T00:00:00Z",
        "source": "test",
        "event": "order.placed:1:0h:",
    }


# -- other times ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "due", "origin"),
    [
        ({}, "72h", "rule"),
        ({"handling_h": 120}, "120h", "handling_h"),
        ({"handling_h": 0.5}, "30m", "handling_h"),
        ({"mode": "presale"}, "15d", "mode presale"),
        ({"mode": "spot"}, "72h", "rule"),
        ({"mode": "presale", "handling_h": 5}, "5h", "handling_h"),
        ({"mode": "presale", "handling_h": 5, "ship_by": ms("7h")}, "7h", "ship_by"),
    ],
)
def test_the_most_particular_time_an_order_was_given_holds(terms, due, origin):
    rules = book(late_ship(ship_by=True, handling=True, modes={"presale": "15d"}))
    [alert] = run(rules, [placed(**terms)], "400h")
    assert (ms(alert.data.due_at), alert.data.evidence["deadline_from"]) == (ms(due), origin)


def test_working_days_are_stepped_over_in_the_platforms_zone():
    rules = book(late_ship(within="2bd", calendar="CN"), zone="Asia/Shanghai")
    # Friday 26 September 2025; the Sunday after is worked on, National Day's holidays begin on 1 October.
    [alert] = run(rules, [placed(at="2025-09-26T02:00:00Z")], "2025-10-01T00:00:00Z")
    assert alert.data.due_at == "2025-09-29T02:00:00Z"


def test_a_rule_watches_only_the_orders_it_is_meant_for():
    rules = book(late_ship(where={"term": "mode", "is": ["presale"]}))
    alerts = run(rules, [placed("1", mode="presale"), placed("2", mode="spot"), placed("3")], "100h")
    assert [alert.order for alert in alerts] == ["1"]


def test_a_rule_that_stops_applying_resolves_its_alert():
    rules = book(late_ship(where={"not": "refunded"}))
    assert brief(run(rules, [placed(), refunded(at="80h")])) == [
        "72h opened overdue deadline_passed",
        "80h resolved overdue no_longer_applies",
    ]


# -- judged again ---------------------------------------------------------------------------------------------

AGAIN = book(late_ship(within="48h", again={"every": "24h", "times": 3}))


def test_an_order_left_unmet_is_judged_again_up_to_the_last_time():
    assert brief(run(AGAIN, [placed(), shipped(at="500h")])) == [
        "48h opened overdue 1 deadline_passed",
        "72h updated overdue 2 judged_again",
        "96h updated overdue 3 judged_again",
        "500h resolved overdue 3 fulfilled",
    ]


@pytest.mark.parametrize(("at", "judgements"), [("72h", 1), ("72h1ms", 2), ("96h", 2), ("97h", 3)])
def test_what_comes_by_a_further_judgement_stops_it(at, judgements):
    alerts = run(AGAIN, [placed(), shipped(at=at)], "500h")
    assert [alert.data.judgement for alert in alerts[:-1]] == [1, 2, 3][:judgements]
    assert alerts[-1].type == "alert.resolved"


def test_an_order_heard_of_late_is_judged_as_often_as_it_would_have_been():
    assert brief(run(AGAIN, [tick("80h"), placed(at="0h")], "81h")) == ["80h opened overdue 2 judged_again"]


def test_an_order_is_watched_from_any_fact_until_any_fact():
    pickup = rule("deadline", "pickup", **{"from": "shipped", "until": ["collected", "scanned"], "within": "24h"})
    rules = book(pickup)
    assert run(rules, [placed(), shipped(at="10h"), scanned(at="30h")], "100h") == []
    assert run(rules, [collected(at="9h"), shipped(at="10h")], "100h") == []
    assert brief(run(rules, [shipped(at="10h"), scanned(at="30h", status="info_received")], "100h")) == [
        "34h opened overdue deadline_passed"
    ]


def test_an_earlier_ship_event_that_comes_later_moves_the_deadline_that_hangs_on_it():
    pickup = rule("deadline", "pickup", **{"from": "shipped", "until": ["collected"], "within": "24h"})
    events = [shipped(at="10h"), tick("20h"), shipped(at="4h")]
    assert brief(run(book(pickup), events, "100h")) == ["28h opened overdue deadline_passed"]


def test_what_is_met_by_the_latest_word_is_missed_once_a_later_word_is_too_late():
    rules = book(
        rule("deadline", "heard", **{"from": "placed", "until": ["news"], "within": "72h"}),
        rule("ratio", "share", numerator={"late": "joom.heard"}, threshold="5%"),
    )
    engine = Engine(rules, stepping=True)
    for happened, at_ms in (placed("1"), scanned("1", "10h"), scanned("1", "100h")):
        engine.advance(at_ms, including=False)
        engine.apply(happened, at_ms)
    engine.advance(ms("110h"))
    assert engine.shop("joom", "s1").orders["1"].decoded().missed


def test_deadlines_that_start_from_one_another_in_turn_are_no_longer_to_write_for_having_versions() -> None:
    dated = {"effective_from": "2026-01-01"}
    rules = [rule("deadline", "d0", **{"from": "placed", "until": ["shipped"], "within": "24h"}, **dated)]
    rules += [
        rule("deadline", f"d{n}", **{"from": {"due": f"joom.d{n - 1}"}, "until": ["shipped"], "within": "24h"}, **dated)
        for n in range(1, 7)
    ]
    written = [len(timer.first()) for timer in book(*rules).plan("joom").timers]
    assert written[6] < 2 * written[1]
