"""The next deadline of an order, and what meeting it saves."""

from rules.calendar.instants import HOUR_MS
from rules.dsl.reader import pack_of
from rules.dsl.yaml_source import Source
from rules.facts.order_facts import OrderFacts, Stamp
from rules.plan.rule_book import RuleBook
from rules.reports.next_deadline import next_deadline

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


def test_an_order_waits_for_its_deadline() -> None:
    due = next_deadline(PLAN, OrderFacts(placed=stamp(0)), T0)
    assert due is not None
    assert (due.at_ms, due.rules, due.clauses) == (
        T0 + 72 * HOUR_MS,
        ("joom.ship", "joom.close"),
        ("joom-1", "joom-9"),
    )


def test_when_a_deadline_has_passed_the_next_one_lies_ahead() -> None:
    due = next_deadline(PLAN, OrderFacts(placed=stamp(0)), T0 + 72 * HOUR_MS)
    assert due is not None and due.rules == ("joom.close",)
    assert next_deadline(PLAN, OrderFacts(placed=stamp(0)), T0 + 150 * 24 * HOUR_MS) is None


def test_shipping_leads_to_what_comes_after_it() -> None:
    due = next_deadline(PLAN, OrderFacts(placed=stamp(0), shipped=stamp(10)), T0 + 10 * HOUR_MS)
    assert due is not None
    assert due.at_ms == T0 + 58 * HOUR_MS
    assert due.rules == ("joom.collect",)


def test_a_cancelled_order_waits_for_nothing() -> None:
    assert next_deadline(PLAN, OrderFacts(placed=stamp(0), cancelled=stamp(1)), T0 + HOUR_MS) is None


def test_what_is_known_counts_also_where_the_clock_lags_behind_it() -> None:
    assert next_deadline(PLAN, OrderFacts(placed=stamp(0), cancelled=stamp(9)), T0 + HOUR_MS) is None


def test_an_order_nothing_is_known_of_waits_for_nothing() -> None:
    assert next_deadline(PLAN, OrderFacts(), T0) is None
