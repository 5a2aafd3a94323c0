"""The engine: clocks, slices, restarts, and what is let go."""

from typing import Any

import msgspec
import pytest

from rules.alerts import Alert, decode, encode
from rules.book import RuleBook
from rules.engine import Engine
from rules.facts import OrderFacts
from rules.instants import DAWN, DAY_MS, NEVER
from rules.plan import KEPT_BEYOND_MS
from rules.restoring import restore_alert, restore_order
from rules.standing import standings
from tests.rules.history import (
    Happening,
    book,
    brief,
    by_order,
    cancelled,
    collected,
    drained,
    late_ship,
    moved,
    ms,
    placed,
    rule,
    scanned,
    shipped,
    tick,
)

WARN = [{"before": "24h", "severity": "info"}]
LATE = book(late_ship())
SHARE = rule(
    "ratio",
    "share",
    numerator={"late": "joom.late"},
    denominator="placed",
    window={"length": "30d"},
    threshold="5%",
)
MARKS = rule("count", "marks", of={"missed": "joom.late"}, threshold=2, sanction={"name": "suspended", "lasts": "14d"})


def engine(rules: RuleBook = LATE, *events: Happening, stepping: bool = True) -> Engine:
    made = Engine(rules, stepping=stepping)
    apply(made, *events)
    return made


def apply(to: Engine, *events: Happening) -> None:
    for happened, at_ms in events:
        to.apply(happened, at_ms)


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
    assert made.agenda.orders == []
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


# -- restarts -------------------------------------------------------------------------------------------------


def restarted(made: Engine, said: list[Alert], *, clock: bool = True) -> Engine:
    """Another engine, from what a worker finds in its changelogs."""
    fresh = Engine(made.book, stepping=made.stepping)
    newest = {alert.data.alert: alert for alert in said}
    for alert in newest.values():
        restore_alert(fresh, decode(encode(alert)))
    for shop in made.shops.values():
        for order in shop.orders.values():
            facts = msgspec.msgpack.decode(msgspec.msgpack.encode(order.facts), type=OrderFacts)
            restore_order(fresh, shop.platform, shop.name, order.id, facts)
    if clock:
        fresh.clock_ms = made.clock_ms
    fresh.settle()
    return fresh


FULL = book(late_ship(ship_by=True, warn=WARN), SHARE, MARKS)
LIVES = [
    placed("1"),
    placed("2", "1h"),
    placed("3", "2h"),
    moved("3", "20h", to="60h"),
    shipped("2", "76h"),
    cancelled("3", "90h", by="seller"),
]


@pytest.mark.parametrize("stepping", [True, False])
@pytest.mark.parametrize("at", ["1h", "48h", "60h", "72h", "73h", "80h", "95h", "400h", "900h"])
def test_a_restart_says_nothing_again_and_goes_on_alike(stepping, at):
    made = engine(FULL, *LIVES, stepping=stepping)
    made.advance(ms(at))
    said = drained(made)
    fresh = restarted(made, said)
    assert drained(fresh) == []
    assert standings(fresh) == standings(made)
    for going in (made, fresh):
        going.advance(ms("1200h"))
    assert drained(fresh) == drained(made)
    assert standings(fresh) == standings(made)


def test_a_restart_that_finds_no_clock_says_nothing_of_what_was_said():
    made = engine(book(late_ship(warn=WARN)), placed("1"), placed("2"), shipped("2", "80h"))
    made.advance(ms("90h"))
    fresh = restarted(made, drained(made), clock=False)
    fresh.advance(ms("90h"))
    assert drained(fresh) == []
    assert standings(fresh) == standings(made)


def test_what_was_said_later_than_the_clock_stands_until_then():
    made = engine(LATE, placed())
    made.advance(ms("72h"))
    said = drained(made)
    fresh = Engine(LATE, stepping=True)
    restore_alert(fresh, said[0])
    apply(fresh, placed(), shipped(at="70h"))
    fresh.advance(ms("71h"))
    assert drained(fresh) == []
    fresh.advance(ms("80h"))
    assert brief(drained(fresh)) == ["72h resolved overdue evidence_arrived"]


def test_an_open_alert_of_a_month_that_ended_during_the_outage_is_closed():
    month = {**SHARE, "window": {"align": "month"}, "numerator": {"has": "cancelled", "by": ["seller"]}}
    rules = book(late_ship(), month)
    made = engine(rules, placed(), cancelled(at="1h", by="seller"))
    made.advance(ms("1h"))
    said = drained(made)
    fresh = Engine(rules, stepping=False)
    restore_alert(fresh, said[-1])
    fresh.advance(ms("5h"))
    fresh.advance(ms("2026-02-01T05:00:00Z"))
    assert fresh.shop("joom", "s1").open_alerts == 0
    assert [(alert.data.alert, alert.type) for alert in drained(fresh)] == [(said[-1].data.alert, "alert.resolved")]


def test_a_month_said_to_be_open_is_not_closed_by_a_clock_that_lags_behind_it():
    month = {**SHARE, "window": {"align": "month"}, "numerator": {"has": "cancelled", "by": ["seller"]}}
    rules = book(late_ship(), month)
    made = engine(rules, placed(at="2026-02-01T05:00:00Z"), cancelled(at="2026-02-01T05:00:00Z", by="seller"))
    made.advance(ms("2026-02-01T06:00:00Z"))
    said = drained(made)
    fresh = restarted(made, said, clock=False)
    fresh.advance(ms("2026-01-31T06:00:00Z"))
    fresh.advance(ms("2026-02-01T06:00:00Z"))
    assert drained(fresh) == []


BAD = {"has": "cancelled", "by": ["seller"]}


def said_of_a_bad_order(rules: RuleBook, at: str) -> Alert:
    made = engine(rules, placed(at=at), cancelled(at=at, by="seller"))
    made.advance(ms(at))
    [alert] = drained(made)
    return alert


def test_a_ratio_said_to_be_crossed_later_than_the_clock_is_looked_at_again_then():
    rules = book(late_ship(), {**SHARE, "numerator": BAD})
    fresh = Engine(rules, stepping=True)
    restore_alert(fresh, said_of_a_bad_order(rules, "5h"))
    apply(fresh, placed())
    fresh.advance(ms("1h"))
    assert drained(fresh) == []
    fresh.advance(ms("10h"))
    assert brief(drained(fresh)) == ["5h resolved crossed fell_back"]


def test_a_month_said_later_than_the_clock_and_no_longer_judged_is_closed_then():
    lagging = {**SHARE, "numerator": BAD, "window": {"align": "month", "lag": "10d"}}
    made = engine(book(late_ship(), lagging), placed(), cancelled(at="1h", by="seller"))
    made.advance(ms("2026-02-05T00:00:00Z"))
    [alert] = drained(made)
    alert.time = "2026-02-05T00:00:00Z"
    fresh = Engine(book(late_ship(), {**lagging, "window": {"align": "month"}}), stepping=True)
    restore_alert(fresh, alert)
    fresh.advance(ms("2026-02-02T00:00:00Z"))
    assert drained(fresh) == []
    fresh.advance(ms("2026-02-09T00:00:00Z"))
    assert [(each.time, each.data.reason) for each in drained(fresh)] == [("2026-02-05T00:00:00Z", "period_ended")]


def test_an_alert_said_just_before_its_facts_were_lost_waits_for_them():
    made = engine(LATE, placed())
    made.advance(ms("80h"))
    [alert] = drained(made)
    fresh = Engine(LATE, stepping=True)
    restore_alert(fresh, alert)
    fresh.clock_ms = ms("80h")
    fresh.settle()
    apply(fresh, placed())
    fresh.settle()
    assert drained(fresh) == []
    apply(fresh, shipped(at="81h"))
    fresh.advance(ms("81h"))
    [resolved] = drained(fresh)
    assert (resolved.data.revision, resolved.data.opened_at) == (2, alert.data.opened_at)


def test_an_alert_whose_rule_is_no_longer_loaded_is_left_as_it_is():
    made = engine(LATE, placed())
    made.advance(ms("80h"))
    [alert] = drained(made)
    fresh = Engine(book(SHARE | {"numerator": "cancelled"}), stepping=True)
    restore_alert(fresh, alert)
    apply(fresh, placed(), shipped(at="81h"))
    fresh.advance(ms("90h"))
    assert drained(fresh) == []


def test_an_order_dropped_after_it_was_written_counts_for_nothing():
    made = engine(FULL, placed("1"), placed("2"))
    fresh = Engine(FULL, stepping=True)
    for shop in made.shops.values():
        for order in shop.orders.values():
            restore_order(fresh, "joom", "s1", order.id, order.facts)
    restore_order(fresh, "joom", "s1", "2", None)
    restore_order(fresh, "joom", "s1", "never-heard-of", None)
    fresh.advance(ms("100h"))
    assert standings(fresh)[0]["metrics"]["own-share"]["denominator"] == 1
    assert {alert.order for alert in drained(fresh)} == {"1", msgspec.UNSET}
    restore_order(fresh, "joom", "s1", "1", None)
    fresh.settle()
    assert standings(fresh)[0]["metrics"]["own-share"]["denominator"] == 0
    assert by_order(drained(fresh))[-1] == ("-", "100h resolved crossed fell_back")


def test_an_order_of_which_nothing_was_said_counts_no_more_once_it_is_dropped():
    made = engine(FULL, placed("1"))
    made.advance(ms("1h"))
    assert standings(made)[0]["metrics"]["own-share"]["denominator"] == 1
    restore_order(made, "joom", "s1", "1", None)
    made.settle()
    assert standings(made)[0]["metrics"]["own-share"]["denominator"] == 0


def test_facts_that_are_restored_again_replace_those_that_counted():
    rules = book(late_ship(), {**SHARE, "penalty": {"share": "100%"}})
    made, newer = engine(rules, placed("1", amount="5")), engine(rules, placed("1", amount="7"))
    made.advance(ms("100h"))
    restore_order(made, "joom", "s1", "1", newer.shops["joom", "s1"].orders["1"].facts)
    made.settle()
    assert standings(made)[0]["exposure"]["amount"] == "7.00"


def test_facts_that_are_restored_twice_count_once():
    made = engine(FULL, placed("1", amount="5"))
    made.advance(ms("100h"))
    drained(made)
    restore_order(made, "joom", "s1", "1", made.shops["joom", "s1"].orders["1"].facts)
    made.settle()
    assert standings(made)[0]["metrics"]["own-share"]["denominator"] == 1
    assert drained(made) == []


def test_the_orders_that_wait_are_listed_soonest_first_and_each_once():
    made = engine(book(late_ship(ship_by=True)), placed("1", "5h"), placed("2"), placed("3"), shipped("3", "1h"))
    made.advance(ms("6h"))
    # Armed for 77 h; then for 40 h; then, when that entry has fired, for 77 h again.
    apply(made, moved("1", "7h", to="40h"))
    made.settle()
    apply(made, moved("1", "8h", to="77h"))
    made.advance(ms("41h"))
    assert [order.id for order in made.agenda.waiting()] == ["2", "1"]
    restore_order(made, "joom", "s1", "2", None)
    assert [order.id for order in made.agenda.waiting()] == ["1"]


# -- letting go -----------------------------------------------------------------------------------------------

LATER = ms("2400h")


def sweep(made: Engine, at_ms: int) -> list[str]:
    """Moves the clock on until orders have been swept; which were."""
    gone = []
    for day in range(16):
        made.advance(at_ms + day * DAY_MS)
        gone += [order.id for order in made.drain().forgotten]
    return gone


def test_spent_orders_are_let_go_and_no_ratio_in_a_window_changes():
    made = engine(FULL, placed("done"), shipped("done", "5h"), placed("open"), placed("new", "2390h"))
    made.advance(ms("1h"))
    before = standings(made)[0]["metrics"]["own-share"]["denominator"]
    made.advance(ms("600h"))
    assert standings(made)[0]["metrics"]["own-share"]["denominator"] == before == 2
    assert sweep(made, LATER) == ["done"]
    assert set(made.shops["joom", "s1"].orders) == {"open", "new"}
    assert standings(made)[0]["metrics"]["own-share"]["denominator"] == 1


def test_an_order_in_some_window_is_kept_whatever_its_age():
    made = engine(book(late_ship(), SHARE), placed(), shipped(at="5h"))
    kept_ms = KEPT_BEYOND_MS + 30 * DAY_MS
    assert sweep(made, ms("5h") + kept_ms - 17 * DAY_MS) == []
    assert sweep(made, ms("5h") + kept_ms + 16 * DAY_MS) == ["1"]


def test_an_order_with_an_open_alert_or_a_mark_that_counts_is_kept():
    made = engine(book(late_ship(), MARKS), placed("open"), placed("marked"), shipped("marked", "100h"))
    assert sweep(made, LATER) == []


def test_an_order_spoken_of_lately_is_kept():
    made = engine(LATE, placed())
    made.advance(LATER)
    apply(made, shipped(at="5h"))
    assert sweep(made, LATER) == []
    assert sweep(made, LATER + KEPT_BEYOND_MS + 10 * DAY_MS) == ["1"]


def test_alerts_whose_orders_facts_are_gone_are_let_go_too():
    made = engine(LATE, placed(), shipped(at="80h"))
    made.advance(ms("90h"))
    fresh = Engine(LATE, stepping=False)
    restore_alert(fresh, drained(made)[-1])
    assert sweep(fresh, LATER) == [], "there are no facts to delete"
    assert fresh.shops["joom", "s1"].orders == {}


def test_an_order_that_is_let_go_before_it_was_written_is_still_to_be_written():
    made = engine(LATE, placed(), shipped(at="5h"))
    made.advance(LATER)
    changes = made.drain()
    assert [order.id for order in changes.orders] == [order.id for order in changes.forgotten] == ["1"]


def test_an_engine_that_never_started_has_no_time():
    assert Engine(LATE, stepping=True).clock_ms == DAWN


def test_what_is_open_is_counted_per_shop():
    made: Any = engine(FULL, placed("1"), placed("2"), shipped("2", "76h"))
    for at, count in (("47h", 0), ("50h", 2), ("73h", 4), ("77h", 3)):
        made.advance(ms(at))
        assert made.shop("joom", "s1").open_alerts == count, at
