"""What comes next for an order, and what meeting it saves."""

from typing import NamedTuple

from rules.facts import OrderFacts
from rules.instants import NEVER
from rules.plan import Plan


class Due(NamedTuple):
    """The next deadline (epoch ms), and the rules, soonest first, whose deadlines lie ahead."""

    at_ms: int
    rules: tuple[str, ...]
    clauses: tuple[str, ...]


def next_deadline(plan: Plan, facts: OrderFacts, now_ms: int) -> Due | None:
    """None where nothing is waited for any more. A fact that is known counts, also where the clock lags behind it."""
    known_ms = max(now_ms, facts.last_at_ms())
    ahead = sorted(
        (due_ms, timer.rule.id, timer.rule.clause)
        for timer in plan.timers
        if (due_ms := timer.due(facts)) is not None
        and due_ms > now_ms
        and timer.judge(facts, known_ms, known_ms)[2] != NEVER
    )
    if not ahead:
        return None
    return Due(ahead[0][0], tuple(rule for _, rule, _ in ahead), tuple(clause for _, _, clause in ahead))
