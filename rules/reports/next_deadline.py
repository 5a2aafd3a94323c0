"""An order's deadlines: those that lie ahead, those its shipping is still awaited for, and those its carrier's scan is
awaited for."""

from collections.abc import Iterator
from typing import NamedTuple

from rules.calendar.instants import NEVER
from rules.facts.order_facts import OrderFacts
from rules.kinds.deadline.timer import Timer
from rules.plan.shop_plan import Plan


class Due(NamedTuple):
    """A deadline that is still awaited, whether it lies ahead or has passed: when it falls (epoch ms), its timer, and
    the order or parcel it is about."""

    at_ms: int
    timer: Timer
    about: OrderFacts


def deadlines_ahead(plan: Plan, facts: OrderFacts, after_ms: int, known_ms: int) -> list[tuple[int, Timer]]:
    """The deadlines after `after_ms` that an order still waits for, by its facts up to `known_ms`: when each falls
    (epoch ms), and its timer; soonest first."""
    found = [
        (due_ms, timer)
        for timer in plan.timers
        for view in timer.views(facts)
        if (due_ms := timer.due(view)) is not None
        and due_ms > after_ms
        and timer.evaluate(view, known_ms, known_ms)[2] != NEVER
    ]
    return sorted(found, key=lambda each: (each[0], each[1].rule.id))


HANDED_OVER = frozenset({"shipped", "collected", "scanned", "delivered"})
"""Facts that shipping an order brings, at once or in time."""

SCANNED = frozenset({"collected", "scanned"})
"""Facts that the carrier's first scan brings."""


def waits_to_be_shipped(facts: OrderFacts) -> bool:
    """Whether the order is the warehouse's to ship: it isn't marked as shipped, no carrier has it, and it is still
    wanted."""
    gone = facts.shipped or facts.collected or facts.scanned
    return facts.placed is not None and facts.voided is None and gone is None and not facts.is_over()


def ship_deadlines(plan: Plan, facts: OrderFacts) -> list[Due]:
    """The deadlines of an order that waits to be shipped, the earliest first; empty for any other. One that has passed
    is among them until the order is shipped or over, so the list follows from the facts and needs no clock."""
    if not waits_to_be_shipped(facts):
        return []
    return _by_time(
        Due(due_ms, timer, facts)
        for timer in plan.timers
        if not timer.by_parcel
        and not HANDED_OVER.isdisjoint(timer.rule.until)
        and (due_ms := timer.open_due(facts)) is not None
    )


def scan_deadlines(plan: Plan, facts: OrderFacts) -> list[Due]:
    """The deadlines by which a carrier should have scanned what is shipped, of each parcel that it hasn't; the earliest
    first, and also those that have passed."""
    if facts.voided is not None or facts.is_over():
        return []
    return _by_time(
        Due(due_ms, timer, view)
        for timer in plan.timers
        if not SCANNED.isdisjoint(timer.rule.until)
        for view in timer.views(facts)
        if view.shipped is not None and not view.is_over() and (due_ms := timer.open_due(view)) is not None
    )


def _by_time(dues: Iterator[Due]) -> list[Due]:
    return sorted(dues, key=lambda due: (due.at_ms, due.timer.rule.id, due.about.parcel or ""))
