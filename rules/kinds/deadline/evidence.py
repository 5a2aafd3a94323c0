"""The evidence of a deadline's alert: the facts known of the order."""

from itertools import compress
from typing import Any

from rules.calendar.instants import HOUR_MS, rfc3339
from rules.facts.order_facts import FACT_NAMES, DetailedFacts, OrderFacts, every_stamp
from rules.facts.statements import DueBy
from rules.kinds.deadline.names import names_of
from rules.kinds.deadline.spec import Deadline, OrderRule
from rules.kinds.deadline.timer import Timer
from rules.kinds.endings import lateness
from rules.kinds.evaluation import Evidence
from rules.kinds.shop_view import OrderView
from rules.messages.alert_state import Emitted
from rules.messages.alerts import Reason, instant

Known = dict[str, dict[str, str | None]]
"""An order's facts as evidence, by name: when each happened, and which event of which source reported it."""


def deadline_evidence(timer: Timer, order: OrderView, due_ms: int | None, known: Known) -> Evidence:
    """The evidence that an order is due at `due_ms` (epoch ms) by a rule."""
    facts = order.facts
    origin = timer.origin or _origin(timer.rule, facts)
    if origin in ("rule", "last_news"):
        usual = timer.usual_names
    else:
        hours = _own_hours(timer, facts, due_ms)
        usual = names_of(timer.rule, hours, due_ms if origin in ("ship_by", "deadline_changed") else None)
    names = {**usual, "order": order.id}
    details: dict[str, Any] = {"due_at": instant(due_ms), "deadline_from": origin, "facts": known}
    if not facts.plain:
        details |= order_details(timer.view_due(facts, due_ms) if timer.by_parcel else facts, facts)
    return Evidence(details, names, order.id)


_BECAME = {
    "shipped": "was shipped",
    "collected": "was collected",
    "scanned": "was scanned",
    "delivered": "was delivered",
    "cancelled": "was cancelled",
    "pickup_failed": "was not picked up",
    "returned": "was returned",
    "refunded": "was refunded",
    "sent_back": "was sent back",
    "part_cancelled": "was cancelled in part",
    "placed": "was placed",
    "deadline_moved": "has another deadline",
    "news": "has news",
}

_NOT_DONE = frozenset({"cancelled", "refunded", "returned", "sent_back", "pickup_failed"})
"""What ends a deadline though nobody has kept it, so it is neither in time nor late."""


def deadline_ending(timer: Timer, order: OrderView, last_emitted: Emitted, reason: Reason) -> str:
    """What ended an order's alert: `Order 8412 was shipped 3 h late`."""
    facts, about = timer.view_due(order.facts, last_emitted.due_ms), f"Order {order.id}"
    if reason == "voided":
        return f"{about} was voided"
    if reason == "deadline_moved":
        due_ms = timer.due(timer.view_due_last(facts))
        return (
            f"{about} has no deadline here any more" if due_ms is None else f"{about} has until {rfc3339(due_ms)} now"
        )
    met = [(stamp[0], fact) for fact in timer.rule.until if (stamp := getattr(facts, fact)) is not None]
    if reason == "no_longer_applies" or (not met and isinstance(timer.rule, Deadline)):
        return f"{about} is no longer under this deadline"
    first = min(met, key=lambda each: (each[0], each[1] == "cancelled"), default=(_last_news_ms(timer, facts), "news"))
    late = lateness(first[0], last_emitted.due_ms)
    if first[1] in _NOT_DONE:
        late = "" if late == "in time" else late.replace("late", "past its deadline")
    known = ", as is known now" if reason == "evidence_arrived" else ""
    return f"{about} {_BECAME[first[1]]} {late}".rstrip() + known


def _last_news_ms(timer: Timer, facts: OrderFacts) -> int:
    """When a silence began anew (epoch ms)."""
    return (timer.due(facts) or 0) - int(timer.rule.within)


def _own_hours(timer: Timer, facts: OrderFacts, due_ms: int | None) -> str:
    """How many hours an order was given that has a deadline of its own."""
    started = getattr(facts, str(timer.rule.from_), None) if isinstance(timer.rule, Deadline) else None
    return "-" if started is None or due_ms is None else f"{round((due_ms - started[0]) / HOUR_MS, 1):g}"


def order_details(view: OrderFacts, facts: OrderFacts) -> dict[str, Any]:
    """What there is to say of an order with more than the plain case: the parcel it is about (`view`), all that count,
    its lines, part refunds, whether it isn't paid yet, and what was left out, with the reason."""
    assert isinstance(facts, DetailedFacts)
    details: dict[str, Any] = {} if view.parcel is None else {"parcel": view.parcel}
    if facts.unpaid:
        details["unpaid"] = "not paid yet: no deadline"
    if facts.parcels:
        details["parcels"] = [_parcel(each) for each in facts.parcels]
    if facts.lines:
        details["lines"] = [
            {"line": name, "ordered": str(ordered), "cancelled": str(cancelled), "shipped": str(shipped)}
            for name, ordered, cancelled, shipped in facts.lines
        ]
    if facts.part_cancelled is not None:
        details["part_cancelled"] = {"by": facts.part_cancelled_by, "reason": facts.part_cancelled_for}
    if facts.part_refunds:
        details["part_refunds"] = [{"at": rfc3339(at_ms), "amount": amount} for at_ms, amount in facts.part_refunds]
    if facts.left_out:
        details["left_out"] = dict(facts.left_out)
    return details


def _parcel(view: OrderFacts) -> dict[str, Any]:
    shipment = view.shipment
    named = {"carrier": shipment.carrier, "tracking_no": shipment.tracking_no} if shipment is not None else {}
    stamps = {
        fact: rfc3339(stamp[0])
        for fact in ("shipped", "pickup_failed", "collected", "scanned", "delivered", "sent_back")
        if (stamp := getattr(view, fact)) is not None
    }
    return {"parcel": view.parcel, **{name: value for name, value in named.items() if value}, **stamps}


def known_by(facts: OrderFacts, at_ms: int) -> Known:
    """The facts up to `at_ms`; in event time the clock may lag behind facts already read."""
    known: Known = {}
    stamps = every_stamp(facts)
    for fact, stamp in zip(compress(FACT_NAMES, stamps), compress(stamps, stamps)):  # noqa: B905 (strict is slow)
        if stamp is not None and stamp[0] <= at_ms:
            known[fact] = {"at": rfc3339(stamp[0]), "source": stamp[1], "event": stamp[2]}
    if "cancelled" in known:
        known["cancelled"] |= {"by": facts.cancelled_by, "reason": facts.cancelled_for}
    if "deadline_moved" in known:
        known["deadline_moved"] |= {"ship_by": _written(facts.moved_to_ms)}
    return known


def _written(due_by: DueBy | None) -> str | None:
    return due_by if isinstance(due_by, str) else instant(due_by)


def _origin(rule: OrderRule, facts: OrderFacts) -> str:
    """Where the deadline comes from: the platform's own word for this order, or the rule."""
    terms = facts.terms
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
