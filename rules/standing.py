"""A shop's standing: what its alerts come from, as one JSON object."""

from decimal import Decimal
from typing import Any

from rules.engine import Engine, window_json
from rules.instants import NEVER, rfc3339
from rules.kinds.ratio import Tally
from rules.telling import money_of
from rules.watch import Order, Shop


def standing(shop: Shop, at_ms: int) -> dict[str, Any]:
    """Metrics keyed by clause, ledgers, sanctions in force and the money at stake, as in the contract."""
    metrics: dict[str, Any] = {}
    exposure: dict[str, Decimal] = {}
    for tally in shop.tallies:
        metrics[tally.gauge.rule.clause] = _ratio(tally, at_ms)
        for currency, amount in _exposure(tally, at_ms).items():
            exposure[currency] = exposure.get(currency, Decimal()) + amount
    sanctions = []
    for n, counter in enumerate(shop.plan.counters):
        now = counter.stand(shop.marks_of(n), at_ms)
        rule = counter.rule
        metrics[rule.clause] = {
            "value": len(now.marks),
            "numerator": len(now.marks),
            "denominator": None,
            "threshold": rule.threshold,
            "headroom": counter.headroom(now),
            "window": None,
        }
        if now.from_ms is not None and now.until_ms is not None:
            sanctions.append(
                {
                    "clause": rule.clause,
                    "name": rule.sanction.name,
                    "from": rfc3339(now.from_ms),
                    "until": rfc3339(now.until_ms),
                }
            )
    sums = money_of(exposure)
    return {
        "platform": shop.platform,
        "shop": shop.name,
        "at": rfc3339(at_ms),
        "open_alerts": shop.open_alerts,
        "metrics": metrics,
        "ledgers": {},
        "sanctions": sanctions,
        "exposure": _one_sum(sums),
    }


def _one_sum(sums: list[dict[str, str]]) -> dict[str, Any] | None:
    """The largest sum, with those in other currencies beside it."""
    if not sums:
        return None
    return {**sums[0], "others": sums[1:]} if len(sums) > 1 else dict(sums[0])


def _ratio(tally: Tally, at_ms: int) -> dict[str, Any]:
    counts = tally.counts_at(at_ms)
    # A month that has just begun says nothing yet: then the one before it, still being judged, is the news.
    count = next((each for each in counts if each.denominator), counts[0])
    rule = tally.gauge.rule
    return {
        "value": count.numerator / count.denominator if count.denominator else None,
        "numerator": count.numerator,
        "denominator": count.denominator,
        "threshold": None if rule.threshold is None else float(rule.threshold),
        "headroom": tally.gauge.headroom(count),
        "window": window_json(tally, count),
    }


def _exposure(tally: Tally, at_ms: int) -> dict[str, Decimal]:
    """What the penalties that are due by now would take."""
    sums: dict[str, Decimal] = {}
    for count in tally.counts_at(at_ms):
        reached = tally.gauge.judge(count, at_ms)
        if reached is not None and reached.stage == "crossed":
            for currency, amount in tally.money(count.period).items():
                sums[currency] = sums.get(currency, Decimal()) + amount
    return sums


def standings(engine: Engine) -> list[dict[str, Any]]:
    """Every shop's standing at the engine's clock, by platform and name."""
    return [standing(engine.shops[key], engine.clock_ms) for key in sorted(engine.shops)]


def nearest(engine: Engine, limit: int) -> list[tuple[Order, str, int]]:
    """The orders whose deadlines come next, with the rule and the instant (epoch ms)."""
    found: list[tuple[Order, str, int]] = []
    for order in engine.waiting():
        deadline = next_deadline(order, engine.clock_ms)
        if deadline is not None:
            found.append((order, *deadline))
            if len(found) == limit:
                break
    return sorted(found, key=lambda each: each[2])


def next_deadline(order: Order, at_ms: int) -> tuple[str, int] | None:
    """The rule whose deadline comes next for an order that isn't finished, and when (epoch ms)."""
    ahead = [
        (due, timer.rule.id)
        for timer in order.shop.plan.timers
        if (due := timer.due(order.facts)) is not None
        and due > at_ms
        and timer.judge(order.facts, at_ms, at_ms)[2] != NEVER
    ]
    return (min(ahead)[1], min(ahead)[0]) if ahead else None
