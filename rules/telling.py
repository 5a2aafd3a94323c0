"""Putting a verdict into words: the record that says what changed, why, and what proves it."""

from decimal import Decimal
from typing import Any

from msgspec import UNSET, Struct

from rules.alerts import Action, Alert, AlertData, Cause, Emitted, Open, Penalty, instant
from rules.facts import FACT_NAMES, Mark, OrderFacts
from rules.instants import HOUR_MS, rfc3339
from rules.kinds.count import Counter, Standing
from rules.kinds.deadline import Deadline, Timer
from rules.kinds.ratio import Count, Tally
from rules.packs import AnyRule
from rules.watch import Order, Shop

ORDERS_SHOWN = 20
"""How many orders of a numerator an alert names; it always says how many there are."""


class Case(Struct):
    """What a rule knows about one alert, beside its stage."""

    alert: str
    rule: AnyRule
    evidence: dict[str, Any]
    names: dict[str, object]
    order: str | None = None
    value: float | None = None
    threshold: float | None = None
    headroom: int | None = None
    money: dict[str, Decimal] = {}


def tell(shop: Shop, case: Case, said: Emitted | None, wanted: Open | None, cause: Cause, at_ms: int) -> Alert:
    """The next record of an alert: opened, updated, or resolved where `wanted` is None."""
    reopened = said is None or not said.open
    last = wanted or said
    assert last is not None
    rule, revision = case.rule, 1 if said is None else said.revision + 1
    due_ms, until_ms = last.due_ms, last.until_ms
    names = {**case.names, "due": instant(due_ms), "until": instant(until_ms), "judgement": last.judgement}
    return Alert(
        id=f"{case.alert}/{revision}",
        type="alert.resolved" if wanted is None else "alert.opened" if reopened else "alert.updated",
        time=rfc3339(at_ms),
        platform=shop.platform,
        shop=shop.name,
        order=UNSET if case.order is None else case.order,
        data=AlertData(
            alert=case.alert,
            revision=revision,
            rule=rule.id,
            clause=rule.clause,
            state="resolved" if wanted is None else "open",
            severity=last.severity,  # type: ignore[arg-type]
            stage=last.stage,  # type: ignore[arg-type]
            reason=cause,
            opened_at=rfc3339(at_ms if said is None or reopened else said.opened_at_ms),
            due_at=instant(due_ms),
            summary=_summary(rule, last, names),
            value=case.value,
            threshold=case.threshold,
            headroom=case.headroom,
            judgement=last.judgement or UNSET,
            until=UNSET if until_ms is None else rfc3339(until_ms),
            evidence=case.evidence,
            penalty=_penalty(rule, case.money),
            actions=[Action(each.to, each.do) for each in rule.actions if not each.at or last.stage in each.at],
        ),
    )


def _summary(rule: AnyRule, last: Emitted | Open, names: dict[str, object]) -> str:
    text = rule.summary.get(last.stage)
    if text is None:  # resolved after its pack was changed to one without this stage
        return f"{rule.id} has no stage {last.stage} any more"
    return text.format_map(names)


def _penalty(rule: AnyRule, money: dict[str, Decimal]) -> Penalty | None:
    if rule.penalty is None:
        return None
    penalty = Penalty(effect=rule.penalty.effect)
    if money:
        first, *others = money_of(money)
        penalty.amount, penalty.currency = first["amount"], first["currency"]
        penalty.others = others or None
    return penalty


def money_of(sums: dict[str, Decimal]) -> list[dict[str, str]]:
    """Sums of money, largest first; currencies are never added together."""
    largest_first = sorted(sums.items(), key=lambda each: (-each[1], each[0]))
    return [{"amount": str(amount), "currency": currency} for currency, amount in largest_first]


def of_deadline(timer: Timer, order: Order, alert: str, at_ms: int) -> Case:
    rule = timer.rule
    hours = int(rule.within) / HOUR_MS
    names = {
        "order": order.id,
        "shop": order.shop.name,
        "within": rule.within,
        "within_h": f"{hours:g}",
        "times": timer.again.times if timer.again else 1,
    }
    return Case(alert, rule, _deadline_evidence(timer, order.facts, at_ms), names, order.id)


def _deadline_evidence(timer: Timer, facts: OrderFacts, at_ms: int) -> dict[str, Any]:
    """What was known to have happened by `at_ms`; the event clock may lag behind facts already read."""
    known = {
        name: _fact(mark) for name in FACT_NAMES if (mark := getattr(facts, name)) is not None and mark[0] <= at_ms
    }
    if "cancelled" in known:
        known["cancelled"] |= {"by": facts.cancelled_by, "reason": facts.cancelled_for}
    if "deadline_moved" in known:
        known["deadline_moved"]["ship_by"] = instant(facts.moved_to_ms)
    return {"due_at": instant(timer.due(facts)), "deadline_from": _origin(timer, facts), "facts": known}


def _fact(mark: Mark) -> dict[str, Any]:
    at_ms, source, event = mark
    return {"at": rfc3339(at_ms), "source": source, "event": event}


def _origin(timer: Timer, facts: OrderFacts) -> str:
    """Whose deadline it is: the platform's own word for this order, or the rule's."""
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


def of_ratio(tally: Tally, count: Count, shop: Shop, alert: str, window: dict[str, str]) -> Case:
    gauge = tally.gauge
    bad = tally.bad_orders(count.period)
    numerator, denominator = count.numerator, count.denominator
    value = numerator / denominator if denominator else None
    threshold = None if gauge.rule.threshold is None else float(gauge.rule.threshold)
    headroom = gauge.headroom(count)
    evidence = {
        "numerator": numerator,
        "denominator": denominator,
        "window": window,
        "orders": [order for order, _ in bad[:ORDERS_SHOWN]],
        "orders_total": len(bad),
    }
    names = {
        "shop": shop.name,
        "value": _percent(value),
        "numerator": numerator,
        "denominator": denominator,
        "threshold": _percent(threshold),
        "headroom": headroom,
        "period": count.period.name,
    }
    return Case(
        alert,
        gauge.rule,
        evidence,
        names,
        value=value,
        threshold=threshold,
        headroom=headroom,
        money=tally.money(count.period),
    )


def _percent(part: float | None) -> str:
    return "-" if part is None else f"{100 * part:.3g} %"


def of_count(counter: Counter, standing: Standing, marks: list[tuple[int, str]], shop: Shop, alert: str) -> Case:
    rule = counter.rule
    gathered = standing.marks
    if standing.from_ms is not None:  # the marks that brought the sanction, not those gathered since
        gathered = tuple(mark for mark in sorted(marks) if mark[0] <= standing.from_ms)[-rule.threshold :]
    evidence = {
        "marks": [{"order": order, "at": rfc3339(at_ms)} for at_ms, order in gathered],
        "sanction": rule.sanction.name,
    }
    names = {
        "shop": shop.name,
        "value": len(gathered),
        "threshold": rule.threshold,
        "headroom": counter.headroom(standing),
        "sanction": rule.sanction.name,
    }
    return Case(
        alert,
        rule,
        evidence,
        names,
        value=len(gathered),
        threshold=rule.threshold,
        headroom=counter.headroom(standing),
    )
