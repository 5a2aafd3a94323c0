"""The deadlines by which an order should be shipped, and those by which its carrier should have scanned it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS
from rules.dsl.reader import pack_of
from rules.dsl.yaml_source import Source
from rules.engine.engine import Engine
from rules.facts.order_facts import DetailedFacts, OrderFacts, Stamp
from rules.harness.replay import replay
from rules.plan.rule_book import RuleBook
from rules.reports.next_deadline import scan_deadlines, ship_deadlines
from tests.rules.history import event, ms, placed

T0 = 1_767_225_600_000

PACK = """
platform: joom
title: Two deadlines, one after the other
rules:
  - {id: joom.ship, clause: joom-1, kind: deadline, source: a test, confidence: ours, from: placed,
     until: [shipped, cancelled], within: 72h, severity: {overdue: critical}, summary: {overdue: late}}
  - {id: joom.close, clause: joom-9, kind: deadline, source: a test, confidence: ours, from: placed,
     until: [shipped, cancelled], within: 150d, severity: {overdue: critical}, summary: {overdue: late}}
  - {id: joom.collect, clause: joom-4, kind: deadline, source: a test, confidence: ours, from: shipped,
     until: [collected, cancelled], within: 48h, severity: {overdue: critical}, summary: {overdue: late}}
"""
PLAN = RuleBook([pack_of(Source(PACK, "two.yaml"))]).plan("joom")


def stamp(hours: float) -> Stamp:
    return T0 + round(hours * HOUR_MS), "erp/1", f"e-{hours}"


def to_ship(facts: OrderFacts) -> list[tuple[float, str]]:
    """Hours after `placed`, and the rule."""
    return [((due.at_ms - T0) / HOUR_MS, due.timer.rule.id) for due in ship_deadlines(PLAN, facts)]


def to_scan(facts: OrderFacts) -> list[tuple[float, str, str | None]]:
    return [((due.at_ms - T0) / HOUR_MS, due.timer.rule.id, due.about.parcel) for due in scan_deadlines(PLAN, facts)]


def test_an_order_waits_to_be_shipped_by_each_of_its_deadlines_the_earliest_first() -> None:
    facts = OrderFacts(placed=stamp(0))
    assert to_ship(facts) == [(72, "joom.ship"), (150 * 24, "joom.close")]
    assert to_scan(facts) == []


def test_a_shipped_order_waits_for_its_carriers_scan() -> None:
    facts = OrderFacts(placed=stamp(0), shipped=stamp(10))
    assert to_ship(facts) == []
    assert to_scan(facts) == [(58, "joom.collect", None)]


def test_each_parcel_waits_for_a_scan_of_its_own_while_the_rest_is_to_be_shipped() -> None:
    first = DetailedFacts(placed=stamp(0), shipped=stamp(10), parcel="P1")
    second = DetailedFacts(placed=stamp(0), shipped=stamp(20), collected=stamp(30), parcel="P2")
    facts = DetailedFacts(placed=stamp(0), parcels=(first, second))
    assert [hours for hours, _ in to_ship(facts)] == [72, 150 * 24]
    assert to_scan(facts) == [(58, "joom.collect", "P1")]


@pytest.mark.parametrize("fact", ["cancelled", "returned", "refunded", "delivered", "collected", "scanned"])
def test_an_order_that_is_over_or_on_its_way_is_not_to_be_shipped(fact: str) -> None:
    assert to_ship(OrderFacts(placed=stamp(0), **{fact: stamp(9)})) == []


@pytest.mark.parametrize("fact", ["cancelled", "returned", "refunded", "delivered", "collected"])
def test_one_that_is_over_or_was_collected_does_not_wait_for_a_scan(fact: str) -> None:
    assert to_scan(OrderFacts(placed=stamp(0), shipped=stamp(1), **{fact: stamp(9)})) == []


def test_a_voided_order_waits_for_nothing() -> None:
    facts = DetailedFacts(placed=stamp(0), shipped=stamp(1), voided=stamp(2))
    assert (to_ship(facts), to_scan(facts)) == ([], [])
    facts.shipped = None
    assert to_ship(facts) == []


def test_an_order_nothing_is_known_of_waits_for_nothing() -> None:
    assert (to_ship(OrderFacts()), to_scan(OrderFacts())) == ([], [])


@given(st.lists(st.sampled_from(["order.shipped", "order.cancelled", "order.deadline_changed"]), max_size=3))
def test_the_engine_has_an_alert_open_for_every_deadline_that_has_passed(types: list[str]) -> None:
    """The lists go by the facts alone; the engine by its timers. Both say the same."""
    events = [placed("1", "0h"), *[event(each, "1", f"{n + 1}h", ship_by=ms("90h")) for n, each in enumerate(types)]]
    made = Engine(RuleBook([pack_of(Source(PACK, "two.yaml"))]), stepping=True)
    for _ in replay(made, events, ms("200h")):
        pass
    order = made.shop("joom", "s1").orders["1"]
    listed = ship_deadlines(PLAN, order.facts) + scan_deadlines(PLAN, order.facts)
    overdue = {timer.rule.id for timer in PLAN.timers if order.overdue & timer.bit}
    assert {due.timer.rule.id for due in listed if due.at_ms <= ms("200h")} == overdue
