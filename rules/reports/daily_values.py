"""Works out a shop's figures of a local day, as they are kept for trends."""

from datetime import date
from decimal import Decimal
from functools import lru_cache

from rules.calendar.days import day_of
from rules.calendar.instants import rfc3339
from rules.calendar.schedule import BOUNDARIES
from rules.kinds.ledger.evaluator import LedgerEvaluator
from rules.kinds.money import money_of
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.messages.daily_values import AlertsOfDay, DailyValues, PointsOfDay, RatioOfDay
from rules.reports.standing import exposure
from rules.state.shop import Shop


def daily_values(shop: Shop, at_ms: int, alerts: AlertsOfDay) -> DailyValues:
    """The figures of the local day that `at_ms` (epoch ms) lies in, as they stand then. `alerts` has counted those of
    the day."""
    plan, emitted = shop.plan, shop.emitted
    return DailyValues(
        platform=shop.platform,
        shop=shop.name,
        day=_date(day_of(at_ms, plan.zone)),
        zone=plan.zone,
        at=rfc3339(at_ms),
        ratios={
            evaluator.rule.id: found
            for evaluator in plan.ratio_evaluators
            if (found := _ratio(evaluator, shop, at_ms)) is not None
        },
        ledgers={evaluator.rule.id: _points(evaluator, shop, at_ms) for evaluator in plan.ledger_evaluators},
        open_alerts={severity: number for severity, number in emitted.open_by_severity.items() if number},
        alerts=alerts,
        exposure=money_of(exposure(shop, at_ms)),
        penalties=money_of(_penalties(shop)),
    )


def alerts_since(shop: Shop, since_ms: int) -> AlertsOfDay:
    """Counts a shop's alerts of a day from what was last emitted of them; `since_ms` is when it began (epoch ms)."""
    counted = AlertsOfDay()
    for emitted in shop.emitted.alerts.values():
        counted.count(emitted, since_ms)
    for order in shop.orders.values():
        if order.alerts:
            for emitted in order.alerts.values():
                counted.count(emitted, since_ms)
    return counted


def _ratio(evaluator: RatioEvaluator, shop: Shop, at_ms: int) -> RatioOfDay | None:
    found = evaluator.measured(shop, at_ms)
    if found is None:
        return None
    ratio, count = found[0].ratio, found[1]
    numerator, period = ratio.numerator(count), count.period
    return RatioOfDay(
        value=numerator / count.total if count.total else None,
        threshold=ratio.threshold(count),
        numerator=numerator,
        denominator=count.total,
        first_day=_date(period.first),
        last_day=_date(period.last),
        period=None if period.name == "-" else period.name,
    )


def _points(evaluator: LedgerEvaluator, shop: Shop, at_ms: int) -> PointsOfDay:
    rule, points = evaluator.rule, evaluator.points(shop, at_ms)
    tier = next((tier for tier in rule.tiers if points < tier.at), next(reversed(rule.tiers), None))
    return PointsOfDay(
        ledger=rule.ledger,
        points=float(points),
        limit=None if tier is None else float(tier.at),
        first_day=_counted_from(evaluator, at_ms),
    )


def _counted_from(evaluator: LedgerEvaluator, at_ms: int) -> str | None:
    """The first local day whose points may not be cleared yet."""
    rule, zone = evaluator.rule, evaluator.zone
    if rule.expires is not None:
        return _date(day_of(at_ms - rule.expires, zone))
    return None if rule.clears is None else _date(BOUNDARIES[rule.clears](day_of(at_ms, zone))[0])


def _penalties(shop: Shop) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for emitted in shop.emitted.open_alerts():
        for currency, amount in ((emitted.figures and emitted.figures.money) or {}).items():
            sums[currency] = sums.get(currency, Decimal()) + amount
    return sums


@lru_cache(maxsize=1_024)  # cached, as all shops have the same few days
def _date(day: int) -> str:
    return date.fromordinal(day).isoformat()
