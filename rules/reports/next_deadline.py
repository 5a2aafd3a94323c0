"""An order's next deadline, and the rules whose deadlines lie ahead."""

from typing import NamedTuple

from rules.calendar.instants import NEVER
from rules.facts.order_facts import OrderFacts
from rules.kinds.deadline.timer import Timer
from rules.plan.shop_plan import Plan


class Due(NamedTuple):
    """The next deadline (epoch ms), and the rules and clauses whose deadlines lie ahead, soonest first."""

    at_ms: int
    rules: tuple[str, ...]
    clauses: tuple[str, ...]


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


def first_ahead(plan: Plan, facts: OrderFacts, after_ms: int, known_ms: int) -> int | None:
    """When the first of `deadlines_ahead` falls (epoch ms); None if there is none."""
    first_ms = NEVER
    for timer in plan.timers:
        for view in timer.views(facts):
            due_ms = timer.due(view)
            if (
                due_ms is not None
                and after_ms < due_ms < first_ms
                and timer.evaluate(view, known_ms, known_ms)[2] != NEVER
            ):
                first_ms = due_ms
    return None if first_ms == NEVER else first_ms


def next_deadline(plan: Plan, facts: OrderFacts, now_ms: int) -> Due | None:
    """None if no deadline lies ahead. A known fact counts even where the clock lags behind it."""
    ahead = deadlines_ahead(plan, facts, now_ms, max(now_ms, facts.last_at_ms()))
    if not ahead:
        return None
    rules = [timer.rule for _, timer in ahead]
    return Due(ahead[0][0], tuple(rule.id for rule in rules), tuple(rule.clause for rule in rules))
