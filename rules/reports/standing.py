"""A shop's standing: the figures behind its alerts, as one JSON object."""

from decimal import Decimal
from typing import Any

from rules.calendar.instants import NEVER, rfc3339
from rules.engine.engine import Engine
from rules.kinds.money import money_of, money_taken
from rules.reports.next_deadline import deadlines_ahead
from rules.state.shop import OrderInMemory, Shop


def standing(shop: Shop, at_ms: int) -> dict[str, Any]:
    """Metrics by clause, ledgers, sanctions in force and the money at stake, as in the contract."""
    return {
        "platform": shop.platform,
        "shop": shop.name,
        "at": rfc3339(at_ms),
        "open_alerts": shop.emitted.open_total,
        "metrics": _metrics(shop, at_ms),
        "ledgers": {
            evaluator.rule.ledger: evaluator.entry(shop, shop.states[evaluator.n], at_ms)
            | _reported_points(shop, evaluator.rule.ledger, at_ms)
            for evaluator in shop.plan.ledger_evaluators
        },
        "sanctions": sanctions(shop, at_ms),
        "exposure": _one_sum(money_of(exposure(shop, at_ms))),
    }


def _metrics(shop: Shop, at_ms: int) -> dict[str, Any]:
    """What each clause measures. Of several rules with one clause the first is shown, with the others under
    `others`."""
    metrics: dict[str, Any] = {}
    for evaluator in shop.plan.evaluators:
        metric = evaluator.metric(shop, shop.states[evaluator.n], at_ms)
        if metric is None:
            continue
        metric |= _reported(shop, evaluator.rule.clause, evaluator.rule.id, at_ms)
        held = metrics.get(evaluator.rule.clause)
        if held is None:
            metrics[evaluator.rule.clause] = metric
        else:
            held.setdefault("others", {})[evaluator.rule.id] = metric
    return metrics


def _reported(shop: Shop, clause: str, rule: str, at_ms: int) -> dict[str, Any]:
    """The figure that the platform itself shows, beside our own count."""
    for entry in shop.facts.known("metric.reported", at_ms):
        if entry.data.name in (clause, rule) and entry.data.value is not None:
            reported = {"value": float(entry.data.value), "period": entry.data.period, "at": rfc3339(entry.at_ms)}
            return {"reported": reported}
    return {}


def _reported_points(shop: Shop, ledger: str, at_ms: int) -> dict[str, Any]:
    entries = [entry for entry in shop.facts.known("points.reported", at_ms) if entry.data.name in (None, ledger)]
    entries = [entry for entry in entries if entry.data.value is not None]
    if not entries:
        return {}
    newest = entries[-1]
    return {"reported": {"value": float(newest.data.value), "period": newest.data.period, "at": rfc3339(newest.at_ms)}}


def sanctions(shop: Shop, at_ms: int) -> list[dict[str, Any]]:
    """The sanctions in force; `until` is null if it lasts for good, or until something is done."""
    found = []
    for evaluator in shop.plan.evaluators:
        for name, from_ms, until_ms in evaluator.sanctions(shop, shop.states[evaluator.n], at_ms):
            until = None if until_ms >= NEVER else rfc3339(until_ms)
            found.append({"clause": evaluator.rule.clause, "name": name, "from": rfc3339(from_ms), "until": until})
    return found


def _one_sum(sums: list[dict[str, str]]) -> dict[str, Any] | None:
    """The largest sum, with those in other currencies beside it."""
    if not sums:
        return None
    return {**sums[0], "others": sums[1:]} if len(sums) > 1 else dict(sums[0])


def exposure(shop: Shop, at_ms: int) -> dict[str, Decimal]:
    """The money that penalties due by now would take, by currency."""
    sums: dict[str, Decimal] = {}
    for evaluator in shop.plan.ratio_evaluators:
        if not evaluator.takes_money:
            continue  # as most rules, and finding their bad orders takes long
        counter = evaluator.counter(shop, at_ms)
        if counter is None or not counter.ratio.rule.takes_money():
            continue
        for count in counter.counts_at(at_ms):
            step = counter.ratio.reached(count)
            if step is not None:
                bad = counter.bad_facts(count.period)
                taken = money_taken(counter.ratio.cost(step.name), bad, shop.facts.profile("currency"))
                for currency, amount in taken.items():
                    sums[currency] = sums.get(currency, Decimal()) + amount
    return sums


def standings(engine: Engine) -> list[dict[str, Any]]:
    """Every shop's standing at the engine's clock, by platform and name."""
    return [standing(engine.shops[key], engine.clock_ms) for key in sorted(engine.shops)]


def nearest(engine: Engine, limit: int) -> list[tuple[OrderInMemory, str, int]]:
    """The orders whose deadlines come next, with the rule and the instant (epoch ms)."""
    found: list[tuple[OrderInMemory, str, int]] = []
    for order in engine.timers.waiting():
        deadline = next_deadline(order, engine.clock_ms)
        if deadline is not None:
            found.append((order, *deadline))
            if len(found) == limit:
                break
    return sorted(found, key=lambda each: each[2])


def next_deadline(order: OrderInMemory, at_ms: int) -> tuple[str, int] | None:
    """The rule whose deadline comes next for an order that isn't finished, and when (epoch ms)."""
    ahead = deadlines_ahead(order.shop.plan, order.facts, at_ms, at_ms)
    return (ahead[0][1].rule.id, ahead[0][0]) if ahead else None
