"""The engine after a restart, with what a worker finds in its changelogs."""

import msgspec
import pytest

from rules.engine.engine import Engine
from rules.engine.restore import restore_alert, restore_order
from rules.facts.stored import encode_facts
from rules.messages.alerts import Alert, decode, encode
from rules.plan.rule_book import RuleBook
from rules.reports.standing import standings
from tests.rules.engines import FULL, LATE, SHARE, WARN, apply, engine
from tests.rules.history import (
    book,
    brief,
    by_order,
    cancelled,
    drained,
    late_ship,
    moved,
    ms,
    placed,
    rule,
    shipped,
)


def restarted(made: Engine, alerts: list[Alert], *, clock: bool = True) -> Engine:
    """Another engine, from what a worker finds in its changelogs."""
    fresh = Engine(made.book, stepping=made.stepping)
    newest = {alert.data.alert: alert for alert in alerts}
    for alert in newest.values():
        restore_alert(fresh, decode(encode(alert)))
    for shop in made.shops.values():
        for order in shop.orders.values():
            restore_order(fresh, shop.platform, shop.name, order.id, encode_facts(order.facts))
    if clock:
        fresh.clock_ms = made.clock_ms
    fresh.settle()
    return fresh


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
    alerts = drained(made)
    fresh = restarted(made, alerts)
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
    alerts = drained(made)
    fresh = Engine(LATE, stepping=True)
    restore_alert(fresh, alerts[0])
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
    alerts = drained(made)
    fresh = Engine(rules, stepping=False)
    restore_alert(fresh, alerts[-1])
    fresh.advance(ms("5h"))
    fresh.advance(ms("2026-02-01T05:00:00Z"))
    assert fresh.shop("joom", "s1").emitted.open_total == 0
    assert [(alert.data.alert, alert.type) for alert in drained(fresh)] == [(alerts[-1].data.alert, "alert.resolved")]


def test_a_month_said_to_be_open_is_not_closed_by_a_clock_that_lags_behind_it():
    month = {**SHARE, "window": {"align": "month"}, "numerator": {"has": "cancelled", "by": ["seller"]}}
    rules = book(late_ship(), month)
    made = engine(rules, placed(at="2026-02-01T05:00:00Z"), cancelled(at="2026-02-01T05:00:00Z", by="seller"))
    made.advance(ms("2026-02-01T06:00:00Z"))
    alerts = drained(made)
    fresh = restarted(made, alerts, clock=False)
    fresh.advance(ms("2026-01-31T06:00:00Z"))
    fresh.advance(ms("2026-02-01T06:00:00Z"))
    assert drained(fresh) == []


BAD = {"has": "cancelled", "by": ["seller"]}


def alert_of_a_bad_order(rules: RuleBook, at: str) -> Alert:
    made = engine(rules, placed(at=at), cancelled(at=at, by="seller"))
    made.advance(ms(at))
    [alert] = drained(made)
    return alert


def test_a_ratio_said_to_be_crossed_later_than_the_clock_is_looked_at_again_then():
    rules = book(late_ship(), {**SHARE, "numerator": BAD})
    fresh = Engine(rules, stepping=True)
    restore_alert(fresh, alert_of_a_bad_order(rules, "5h"))
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
            restore_order(fresh, "joom", "s1", order.id, encode_facts(order.facts))
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
    restore_order(made, "joom", "s1", "1", encode_facts(newer.shops["joom", "s1"].orders["1"].facts))
    made.settle()
    assert standings(made)[0]["exposure"]["amount"] == "7.00"


def test_facts_that_are_restored_twice_count_once():
    made = engine(FULL, placed("1", amount="5"))
    made.advance(ms("100h"))
    drained(made)
    restore_order(made, "joom", "s1", "1", encode_facts(made.shops["joom", "s1"].orders["1"].facts))
    made.settle()
    assert standings(made)[0]["metrics"]["own-share"]["denominator"] == 1
    assert drained(made) == []


def test_the_orders_that_wait_are_listed_soonest_first_and_each_once():
    made = engine(book(late_ship(ship_by=True)), placed("1", "5h"), placed("2"), placed("3"), shipped("3", "1h"))
    made.advance(ms("6h"))
    # Scheduled for 77 h; then for 40 h; then, when that entry has fired, for 77 h again.
    apply(made, moved("1", "7h", to="40h"))
    made.settle()
    apply(made, moved("1", "8h", to="77h"))
    made.advance(ms("41h"))
    assert [order.id for order in made.timers.waiting()] == ["2", "1"]
    restore_order(made, "joom", "s1", "2", None)
    assert [order.id for order in made.timers.waiting()] == ["1"]


def test_where_only_what_was_said_of_an_order_is_left_there_is_nothing_to_compute():
    late = {"late": "joom.late"}
    weekly = rule("ratio", "weekly", numerator=late, window={"length": "7d"}, every="week", threshold="5%", near="2%")
    rules = book(late_ship(), weekly, zone="Asia/Shanghai")
    made = engine(rules, placed(), shipped(at="80h"))
    made.advance(ms("90h"))
    fresh = engine(rules)
    restore_alert(fresh, next(alert for alert in reversed(drained(made)) if alert.order == "1"))
    fresh.clock_ms = ms("5000h")
    fresh.settle()
    assert drained(fresh) == []
    assert fresh.shop("joom", "s1").computed == {}
