"""The engine: clocks, slices, and what must be written."""

from typing import Any

import msgspec
import pytest

from rules.calendar.instants import MIN_MS, NEVER
from rules.engine.engine import Engine
from rules.messages.alerts import Alert
from tests.rules.engines import FULL, LATE, MARKS, SHARE, WARN, apply, engine
from tests.rules.history import (
    book,
    brief,
    by_order,
    cancelled,
    collected,
    drained,
    late_ship,
    ms,
    placed,
    rule,
    scanned,
    shipped,
    tick,
)

# -- the clock ------------------------------------------------------------------------------------------------


def test_before_the_clock_has_started_nothing_is_said():
    made = engine(book(late_ship(), SHARE), placed())
    made.settle()
    assert drained(made) == []


def test_the_clock_never_goes_back():
    made = engine(LATE, placed())
    made.advance(ms("50h"))
    assert made.advance(ms("10h"))
    assert made.clock_ms == ms("50h")


@pytest.mark.parametrize("late_word", [True, False])
def test_the_clock_begins_with_the_first_fact_that_holds_in_any_order(late_word):
    first, newer = scanned(at="10h", status="info_received"), scanned(at="30h", status="info_received")
    scans = [newer, first] if late_word else [first, newer]  # only the newest word without a scan is kept
    cancellations = rule("ratio", "cancelled", numerator="cancelled", denominator="placed", threshold="5%")
    made = engine(book(cancellations), *scans, placed(at="20h"), cancelled(at="25h"))
    made.advance(ms("40h"))
    assert brief(drained(made)) == ["20h opened crossed threshold_crossed"]


def test_stepping_fires_each_timer_at_its_own_due_time_in_order():
    made = engine(book(late_ship(warn=WARN)), placed("2", "10h"), placed("1"), shipped("1", "75h"))
    made.advance(ms("900h"))
    alerts = drained(made)
    assert by_order(alerts) == [
        ("1", "48h opened due_soon deadline_near"),
        ("2", "58h opened due_soon deadline_near"),
        ("1", "72h updated overdue deadline_passed"),
        ("1", "75h resolved overdue fulfilled"),
        ("2", "82h updated overdue deadline_passed"),
    ]


def test_a_leap_of_the_wall_clock_raises_nothing_that_has_passed():
    made = engine(book(late_ship(warn=WARN), SHARE, MARKS), placed("1"), placed("2"), placed("3"), stepping=False)
    made.advance(ms("10h"))
    apply(made, shipped("1", "75h"), shipped("2", "60h"))
    made.advance(ms("100h"))
    alerts = drained(made)
    assert by_order(alerts) == [
        ("3", "100h opened overdue deadline_passed"),
        ("-", "100h opened crossed threshold_crossed"),
        ("-", "100h opened active sanction_started"),
    ]
    # The order that was late during the leap counts, though nothing was said of it.
    assert alerts[1].data.evidence["orders"] == ["1", "3"]


def test_a_leap_says_of_each_order_only_how_it_stands():
    again = book(late_ship(within="48h", again={"every": "24h", "times": 3}, warn=WARN))
    made = engine(again, placed(), stepping=False)
    made.advance(ms("10h"))
    made.advance(ms("90h"))
    assert brief(drained(made)) == ["90h opened overdue 2 judged_again"]


@pytest.mark.parametrize("stepping", [True, False])
def test_until_an_instant_is_over_its_deadlines_wait(stepping):
    made = engine(LATE, placed(), stepping=stepping)
    made.advance(ms("72h"), including=False)
    apply(made, placed(id="earlier"))
    made.settle()
    assert drained(made) == []
    made.advance(ms("72h"))
    assert brief(drained(made)) == ["72h opened overdue deadline_passed"]


@pytest.mark.parametrize("stepping", [True, False])
def test_an_instant_that_is_over_does_not_begin_again(stepping):
    made = engine(LATE, placed(), stepping=stepping)
    made.advance(ms("72h"))
    made.advance(ms("72h"), including=False)
    apply(made, placed(id="earlier"))
    made.settle()
    assert brief(drained(made)) == ["72h opened overdue deadline_passed"]


def test_an_event_ahead_of_the_clock_counts_when_its_time_has_come():
    made = engine(LATE, placed(), shipped(at="75h"))
    made.advance(ms("74h"))
    [opened] = drained(made)
    assert brief([opened]) == ["72h opened overdue deadline_passed"]
    assert list(opened.data.evidence["facts"]) == ["placed"]
    made.advance(ms("75h"))
    [resolved] = drained(made)
    assert brief([resolved]) == ["75h resolved overdue fulfilled"]
    assert list(resolved.data.evidence["facts"]) == ["placed", "shipped"]


def test_an_event_ahead_of_the_clock_ends_a_warning_when_its_time_has_come():
    made = engine(book(late_ship(warn=WARN)), placed(), shipped(at="60h"))
    made.advance(ms("100h"))
    assert brief(drained(made)) == ["48h opened due_soon deadline_near", "60h resolved due_soon fulfilled"]


def test_what_was_said_by_a_clock_that_is_turned_back_stands_until_its_time_comes_again():
    made = engine(LATE, placed("1"), stepping=False)
    made.advance(ms("80h"))
    assert by_order(drained(made)) == [("1", "80h opened overdue deadline_passed")]
    made.set_back(ms("60h"))
    apply(made, placed("2"), shipped("1", "61h"))
    made.advance(ms("71h"))
    assert drained(made) == [], "neither what isn't due, nor a word that would be older than the last"
    made.advance(ms("80h"))
    assert by_order(drained(made)) == [
        ("2", "80h opened overdue deadline_passed"),
        ("1", "80h resolved overdue evidence_arrived"),
    ]


def test_orders_expire_by_a_clock_that_is_turned_back_as_by_any():
    made = engine(LATE, placed("1"), shipped("1"), stepping=False)
    made.advance(ms("9000h"))
    made.set_back(ms("10h"))
    apply(made, placed("2"), shipped("2"))
    for hour in range(20, 2000, 100):
        made.advance(ms(f"{hour}h"))
    assert made.order_count == 0


def test_a_clock_is_not_turned_ahead():
    made = engine(LATE, placed(), stepping=False)
    made.advance(ms("10h"))
    made.set_back(ms("80h"))
    assert made.clock_ms == ms("10h")


# -- slices ---------------------------------------------------------------------------------------------------


def burst(stepping: bool) -> Engine:
    rules = book(late_ship(warn=WARN), SHARE, MARKS)
    orders = [placed(f"{n}", "1h") for n in range(30)] + [placed(f"later{n}", "2h") for n in range(5)]
    return engine(rules, *orders, *[shipped(f"{n}", "80h") for n in range(0, 30, 2)], stepping=stepping)


@pytest.mark.parametrize("stepping", [True, False])
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_slices_say_the_same_as_one_go(stepping, limit):
    whole, sliced = burst(stepping), burst(stepping)
    for to in ("3h", "73h", "2000h"):
        assert whole.advance(ms(to))
        while not sliced.advance(ms(to), limit=limit):
            pass
    assert drained(sliced) == drained(whole)


def test_a_slice_fires_no_more_than_it_may():
    made = burst(stepping=True)
    assert not made.advance(ms("73h"), limit=7)
    assert len(drained(made)) <= 7


def test_events_between_two_slices_do_not_judge_half_done_counts():
    whole, sliced = burst(stepping=False), burst(stepping=False)
    for made, limit in ((whole, NEVER), (sliced, 9)):
        made.advance(ms("3h"))
        apply(made, cancelled("29", "73h", by="buyer"))
        while not made.advance(ms("73h"), limit=limit):
            apply(made, placed("28", "1h", id="earlier"))
            made.settle()

    def of_shop(made: Engine) -> list[Alert]:
        return [alert for alert in drained(made) if alert.order is msgspec.UNSET]

    assert of_shop(sliced) == of_shop(whole) != []


def test_events_that_no_rule_looks_at_are_kept_and_judge_nothing():
    made = engine(LATE, placed())
    made.advance(ms("80h"))
    made.drain()
    apply(made, scanned(at="81h"), collected(at="82h"))
    made.settle()
    changes = made.drain()
    assert changes.alerts == []
    assert [order.facts.collected[0] for order in changes.orders] == [ms("82h")]


STALLED = rule("silence", "stalled", after=["collected", "news"], until=["delivered"], within="48h")


def test_news_that_can_only_keep_a_timer_from_telling_waits_for_its_turn():
    made = engine(book(late_ship(), STALLED), placed(), collected(at="1h"))
    made.advance(ms("2h"))
    apply(made, shipped(at="3h"), scanned(at="3h"), scanned(at="10h"))
    assert not made.work.has_orders()
    made.advance(ms("100h"))
    assert brief(drained(made)) == ["58h opened overdue went_silent"]  # 48 h after the last scan, not the first


def test_once_something_was_said_of_an_order_all_news_matters_at_once():
    made = engine(book(late_ship(), STALLED), placed(), collected(at="1h"))
    made.advance(ms("50h"))
    apply(made, scanned(at="50h"))
    made.settle()
    assert brief(drained(made)) == ["49h opened overdue went_silent", "50h resolved overdue fulfilled"]


def test_the_first_news_begins_what_waits_for_none_yet():
    made = engine(book(STALLED), placed())
    made.advance(ms("2h"))
    apply(made, scanned(at="3h"))
    made.advance(ms("60h"))
    assert brief(drained(made)) == ["51h opened overdue went_silent"]


# -- what must be written -------------------------------------------------------------------------------------


def test_only_orders_that_changed_are_to_be_written_and_each_once():
    made = engine(LATE, placed("1"), placed("1"), shipped("1", "5h"), placed("2"))
    assert [order.id for order in made.drain().orders] == ["1", "2"]
    apply(made, placed("1"), shipped("1", "5h"))
    assert made.drain().orders == []
    apply(made, shipped("1", "4h"))
    assert [order.id for order in made.drain().orders] == ["1"]


def test_events_that_concern_no_order_are_passed_over():
    made = engine(LATE, tick("1h"))
    assert (made.shops, made.drain().orders) == ({}, [])


def test_events_of_a_platform_that_no_pack_names_bring_nothing():
    made = engine(LATE, placed(platform="ozon"))
    made.advance(ms("900h"))
    assert drained(made) == []


def test_an_engine_that_never_started_has_no_time():
    assert Engine(LATE, stepping=True).clock_ms == MIN_MS


def test_what_is_open_is_counted_per_shop():
    made: Any = engine(FULL, placed("1"), placed("2"), shipped("2", "76h"))
    for at, count in (("47h", 0), ("50h", 2), ("73h", 4), ("77h", 3)):
        made.advance(ms(at))
        assert made.shop("joom", "s1").emitted.open_total == count, at
