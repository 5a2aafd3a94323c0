"""Putting a verdict into words: the record that says what changed, why, and what proves it."""

from decimal import Decimal
from typing import Any

from msgspec import UNSET

from rules.alerts import Action, Alert, AlertData, Cause, Emitted, Open, Penalty, instant
from rules.facts import FACT_NAMES, Mark, OrderFacts
from rules.instants import HOUR_MS, NEVER, rfc3339
from rules.kinds.deadline import Deadline, Timer
from rules.kinds.rule import Advice, Case, Rule
from rules.watch import Order, Shop


def tell(
    shop: Shop, alert: str, rule: Rule, case: Case, said: Emitted | None, wanted: Open | None, cause: Cause, at_ms: int
) -> Alert:
    """The next record of an alert: opened, updated, or resolved where `wanted` is None."""
    reopened = said is None or not said.open
    last = wanted or said
    assert last is not None
    revision = 1 if said is None else said.revision + 1
    return Alert(
        id=f"{alert}/{revision}",
        type="alert.resolved" if wanted is None else "alert.opened" if reopened else "alert.updated",
        time=rfc3339(at_ms),
        platform=shop.platform,
        shop=shop.name,
        order=UNSET if case.order is None else case.order,
        data=AlertData(
            alert=alert,
            revision=revision,
            rule=rule.id,
            clause=rule.clause,
            state="resolved" if wanted is None else "open",
            severity=last.severity,  # type: ignore[arg-type]
            stage=last.stage,
            reason=cause,
            opened_at=rfc3339(at_ms if said is None or reopened else said.opened_at_ms),
            due_at=instant(last.due_ms),
            summary=_summary(shop, rule, case, last),
            value=case.value,
            threshold=case.threshold,
            headroom=case.headroom,
            judgement=last.judgement or UNSET,
            tier=last.tier or UNSET,
            until=UNSET if last.until_ms is None else _until(last.until_ms),
            evidence=case.evidence,
            penalty=_penalty(rule, case),
            actions=[Action(each.to, each.do) for each in _advice(rule, case, last.stage)],
        ),
    )


def _until(until_ms: int) -> str | None:
    return None if until_ms >= NEVER else rfc3339(until_ms)


def _advice(rule: Rule, case: Case, stage: str) -> list[Advice]:
    return [each for each in (*case.actions, *rule.actions) if not each.at or stage in each.at]


def _summary(shop: Shop, rule: Rule, case: Case, last: Emitted | Open) -> str:
    text = rule.summary.get(last.stage)
    if text is None:  # resolved after its pack was changed to one without this stage
        return f"{rule.id} has no stage {last.stage} any more"
    until = None if last.until_ms is None else _until(last.until_ms) or "further notice"
    said = {"shop": shop.name, "due": instant(last.due_ms), "until": until, "judgement": last.judgement}
    names = dict.fromkeys(rule.NAMES, "-") | dict(case.names) | said  # a figure that is gone leaves a dash
    return text.format_map(names)


def _penalty(rule: Rule, case: Case) -> Penalty | None:
    cost = case.cost or rule.penalty
    if cost is None and not case.money and case.points is None:
        return None
    penalty = Penalty()
    if cost is not None:
        penalty.effect, penalty.ledger = cost.effect, cost.ledger
        penalty.points = None if cost.points is None else float(cost.points)
    if case.points is not None:
        penalty.points, penalty.ledger = float(case.points), case.ledger
    if case.money:
        first, *others = money_of(case.money)
        penalty.amount, penalty.currency = first["amount"], first["currency"]
        penalty.others = others or None
    return penalty


def money_of(sums: dict[str, Decimal]) -> list[dict[str, str]]:
    """Sums of money, largest first; currencies are never added together."""
    largest_first = sorted(sums.items(), key=lambda each: (-each[1], each[0]))
    return [{"amount": str(amount), "currency": currency} for currency, amount in largest_first]


def of_deadline(timer: Timer, order: Order, at_ms: int) -> Case:
    rule = timer.rule
    hours = int(rule.within) / HOUR_MS
    names = {
        "order": order.id,
        "within": rule.within,
        "within_h": f"{hours:g}",
        "times": timer.again.times if timer.again else 1,
    }
    return Case(_deadline_evidence(timer, order.facts, at_ms), names, order.id)


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
