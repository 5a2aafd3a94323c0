"""The evidence of a deadline's alert: the facts known of the order."""

from functools import lru_cache

from rules.calendar.instants import HOUR_MS, rfc3339
from rules.facts.order_facts import FACT_NAMES, OrderFacts, every_stamp
from rules.facts.statements import DueBy
from rules.kinds.deadline.spec import Deadline
from rules.kinds.deadline.timer import Timer
from rules.kinds.evaluation import Evidence
from rules.kinds.shop_view import OrderView
from rules.messages.alerts import instant

Known = dict[str, dict[str, str | None]]
"""An order's facts as evidence, by name: when each happened, and which event of which source said so."""


def deadline_evidence(timer: Timer, order: OrderView, due_ms: int | None, known: Known) -> Evidence:
    """The evidence that an order is due at `due_ms` (epoch ms) by a rule."""
    within = timer.rule.within
    names = {
        "order": order.id,
        "within": within,
        "within_h": _hours(within),
        "times": timer.again.times if timer.again else 1,
    }
    details = {"due_at": instant(due_ms), "deadline_from": _origin(timer, order.facts), "facts": known}
    return Evidence(details, names, order.id)


@lru_cache
def _hours(within: int) -> str:
    return f"{int(within) / HOUR_MS:g}"


def known_by(facts: OrderFacts, at_ms: int) -> Known:
    """The facts up to `at_ms`; in event time the clock may lag behind facts already read."""
    known: Known = {
        fact: {"at": rfc3339(stamp[0]), "source": stamp[1], "event": stamp[2]}
        for fact, stamp in zip(FACT_NAMES, every_stamp(facts), strict=True)
        if stamp is not None and stamp[0] <= at_ms
    }
    if "cancelled" in known:
        known["cancelled"] |= {"by": facts.cancelled_by, "reason": facts.cancelled_for}
    if "deadline_moved" in known:
        known["deadline_moved"] |= {"ship_by": _written(facts.moved_to_ms)}
    return known


def _written(due_by: DueBy | None) -> str | None:
    return due_by if isinstance(due_by, str) else instant(due_by)


def _origin(timer: Timer, facts: OrderFacts) -> str:
    """Where the deadline comes from: the platform's own word for this order, or the rule."""
    rule, terms = timer.rule, facts.terms
    if not isinstance(rule, Deadline):
        return "last_news"
    if rule.ship_by and facts.moved_to_ms is not None:
        return "deadline_changed"
    if rule.ship_by and terms is not None and terms.ship_by_ms is not None:
        return "ship_by"
    if rule.handling and terms is not None and terms.handling_h is not None:
        return "handling_h"
    if terms is not None and terms.mode in rule.modes:
        return f"mode {terms.mode}"
    return "rule"
