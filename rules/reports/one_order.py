"""All that there is to say of one order: what is known of it, every deadline with its state, in which ratios it counts
and why, and what is wrong with it, or why nothing is.

It follows from the order's facts, the shop's plan and the shop's counts by the engine's own functions.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from rules.calendar.instants import NEVER, rfc3339
from rules.facts.order_facts import DetailedFacts, OrderFacts
from rules.kinds.deadline.evidence import known_by, order_details
from rules.kinds.deadline.timer import MISSED, OVERDUE, Timer
from rules.kinds.ratio.as_json import ratio_json
from rules.kinds.ratio.compiled import CompiledRatio, Count, Part
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.messages.alerts import instant
from rules.reports.because import Reasoning
from rules.reports.next_deadline import waits_to_be_shipped
from rules.reports.order_lines import lines_of, to_ship
from rules.state.shop import Shop


def facts_at_hand(shop: Shop | None, order_id: str) -> OrderFacts | None:
    """An order's facts, None where nothing is known of it. Whoever asks about one order comes through here."""
    return None if shop is None else shop.order_facts(order_id)


def order_report(shop: Shop, order_id: str, facts: OrderFacts, at_ms: int) -> dict[str, Any]:
    """The report of one order at the engine's clock (epoch ms), as JSON."""
    missed, overdue = shop.plan.evaluate_timers(facts, at_ms)
    deadlines = [each for timer in shop.plan.timers for each in _deadlines(timer, facts, at_ms)]
    ratios = list(_ratios(shop, facts, missed, overdue, at_ms))
    found = {
        "platform": shop.platform,
        "shop": shop.name,
        "order": order_id,
        "at": rfc3339(at_ms),
        "state": _state(facts),
        "waits_to_be_shipped": waits_to_be_shipped(facts),
        "facts": known_by(facts, NEVER),
        "terms": _terms(facts),
        "lines": [line.as_json() for line in lines_of(facts)],
        "to_ship": to_ship(facts) if waits_to_be_shipped(facts) else [],
        "parcels": _parcels(facts),
        "left_out": [{"what": what, "why": why} for what, why in getattr(facts, "left_out", ())],
        "odd": list(facts.odd),
        "deadlines": deadlines,
        "ratios": ratios,
        "marks": list(_marks(shop, facts, missed, at_ms)),
    }
    return found | {"verdict": _verdict(shop, facts, deadlines, ratios)}


# -- what is known -----------------------------------------------------------------------------------------------


def _state(facts: OrderFacts) -> str:
    """How far it is, in a word: the last thing that counts."""
    if facts.voided is not None:
        return "voided"
    if getattr(facts, "unpaid", False):
        return "unpaid"
    for fact in ("cancelled", "returned", "refunded", "delivered", "sent_back", "scanned", "collected", "shipped"):
        if getattr(facts, fact) is not None:
            return fact
    return "unknown" if facts.placed is None else "waiting"


def _terms(facts: OrderFacts) -> dict[str, Any] | None:
    terms = facts.terms
    if terms is None:
        return None
    ship_by = terms.ship_by_ms
    return {
        "amount": terms.amount,
        "currency": terms.currency,
        "mode": terms.mode,
        "ship_by": ship_by if isinstance(ship_by, str) else instant(ship_by),
        "handling_h": terms.handling_h,
        "logistics": terms.logistics,
        "sensitive": terms.sensitive,
        "predeclared": terms.predeclared,
    }


def _parcels(facts: OrderFacts) -> list[dict[str, Any]]:
    """Those that count, each with what has happened to it."""
    if isinstance(facts, DetailedFacts):
        found: list[dict[str, Any]] = order_details(facts, facts).get("parcels", [])
        return found
    shipment = facts.shipment
    if facts.shipped is None or shipment is None:
        return []
    stamps = {
        fact: rfc3339(stamp[0])
        for fact in ("shipped", "pickup_failed", "collected", "scanned", "delivered")
        if (stamp := getattr(facts, fact)) is not None
    }
    return [{"parcel": None, "carrier": shipment.carrier, "tracking_no": shipment.tracking_no, **stamps}]


# -- deadlines ---------------------------------------------------------------------------------------------------


def _deadlines(timer: Timer, facts: OrderFacts, at_ms: int) -> Iterator[dict[str, Any]]:
    """What one rule says of the order, or of each of its parcels."""
    rule = timer.rule
    for view in timer.views(facts):
        due_ms, met = timer.due(view), timer.met(view)
        flags, desired, _ = timer.evaluate(view, at_ms, at_ms)
        yield {
            "rule": rule.id,
            "clause": rule.clause,
            "parcel": view.parcel,
            "due_at": instant(due_ms),
            "state": _deadline_state(timer, view, due_ms, flags, desired is not None),
            "judgement": desired.judgement if desired is not None else 0,
            "from": list(rule.starts()),
            "until": list(rule.until),
            "met_by": met[0] if met is not None else None,
            "met_at": rfc3339(met[1]) if met is not None else None,
        }


def _deadline_state(timer: Timer, view: OrderFacts, due_ms: int | None, flags: int, opened: bool) -> str:
    if view.voided is not None or not timer.applies_to(view):
        return "not_applicable"
    if due_ms is None:
        return "not_applicable" if _has_begun(timer, view) else "not_begun"
    if flags & OVERDUE:
        return "overdue"
    if timer.met(view) is not None:
        return "met_late" if flags & MISSED else "met"
    return "due_soon" if opened else "open"


def _has_begun(timer: Timer, view: OrderFacts) -> bool:
    """Whether what it starts from has happened; the rule was not in effect then."""
    return any(getattr(view, fact) is not None for fact in timer.rule.starts())


# -- where it counts ---------------------------------------------------------------------------------------------


def _ratios(shop: Shop, facts: OrderFacts, missed: int, overdue: int, at_ms: int) -> Iterator[dict[str, Any]]:
    """Of each ratio in force whether the order counts, on which day, whether it is bad and why, and what the ratio is
    in the period that the day lies in; null where it lies in no period that is looked at now."""
    reasoning = Reasoning(facts, missed, overdue, shop.plan.timer_bits)
    for evaluator in shop.plan.ratio_evaluators:
        counter = evaluator.counter(shop, at_ms)
        if counter is None:
            continue
        ratio = counter.ratio
        part = ratio.part(facts, missed, overdue)
        count = _count_of(evaluator, shop, part, at_ms)
        bad = part is not None and part[1]
        yield {
            "rule": ratio.rule.id,
            "clause": ratio.rule.clause,
            "counts": part is not None,
            "day": None if part is None else date.fromordinal(part[0]).isoformat(),
            "bad": bad,
            "because": _because(ratio, reasoning, part),
            "now": None if count is None else ratio_json(counter, count),
        }


def _because(ratio: CompiledRatio, reasoning: Reasoning, part: Part | None) -> list[dict[str, Any]]:
    """Why it counts as bad; where it doesn't count at all, what is lacking for that."""
    if part is not None:
        return reasoning.because(ratio.bad_when) if part[1] and ratio.bad_when is not None else []
    condition = ratio.rule.denominator
    return [] if reasoning.holds(condition) else reasoning.because(condition)


def _count_of(evaluator: RatioEvaluator, shop: Shop, part: Part | None, at_ms: int) -> Count | None:
    counter = evaluator.counter(shop, at_ms)
    if part is None or counter is None:
        return None
    counts = counter.counts_at(at_ms)
    if (ahead := counter.next_period_count(at_ms)) is not None:
        counts = [ahead, *counts]
    return next((count for count in counts if count.period.first <= part[0] <= count.period.last), None)


def _marks(shop: Shop, facts: OrderFacts, missed: int, at_ms: int) -> Iterator[dict[str, Any]]:
    """When the order did what other rules count, and in which; with the points, before any cap, where a ledger does."""
    plan = shop.plan
    points = {
        (ledger.n, source.slot): (ledger.rule.ledger, reader.feed)
        for ledger in plan.ledger_evaluators
        for reader in ledger.readers
        for source in reader.sources
        if source.slot is not None
    }
    for slot, extractor in enumerate(plan.extractors):
        for happened_ms in extractor.instants(facts, missed, at_ms):
            for evaluator in plan.evaluators:
                if happened_ms > at_ms or not plan.on_timeline[slot] >> evaluator.n & 1:
                    continue
                ledger, feed = points.get((evaluator.n, slot), (None, None))
                yield {
                    "rule": evaluator.rule.id,
                    "clause": evaluator.rule.clause if feed is None else feed.clause,
                    "at": rfc3339(happened_ms),
                    "ledger": ledger,
                    "points": None if feed is None or feed.points is None else float(feed.points),
                }


# -- the verdict -------------------------------------------------------------------------------------------------


def _verdict(
    shop: Shop, facts: OrderFacts, deadlines: list[dict[str, Any]], ratios: list[dict[str, Any]]
) -> dict[str, Any]:
    """What is wrong with it: the rules by which it is overdue, due soon or bad. Where nothing is, `why` says so, and
    `next` is the deadline that comes first."""
    wrong = {
        state: sorted({each["rule"] for each in deadlines if each["state"] == state})
        for state in ("overdue", "due_soon")
    }
    bad = sorted({each["rule"] for each in ratios if each["bad"] and each["now"] is not None})
    ahead = sorted((each["due_at"], each["rule"]) for each in deadlines if each["state"] in ("open", "due_soon"))
    in_trouble = bool(wrong["overdue"] or wrong["due_soon"] or bad)
    return {
        "in_trouble": in_trouble,
        "why": "trouble" if in_trouble else _calm(shop, facts, bool(ahead)),
        **wrong,
        "bad_in": bad,
        "next": {"due_at": ahead[0][0], "rule": ahead[0][1]} if ahead else None,
    }


def _calm(shop: Shop, facts: OrderFacts, waits: bool) -> str:
    """Why nothing is wrong with an order."""
    if not shop.plan.timers and not shop.plan.evaluators:
        return "unwatched"
    state = _state(facts)
    if state in ("voided", "unpaid", "unknown") or facts.is_over():
        return state
    return "in_time" if waits else "nothing_awaited"
