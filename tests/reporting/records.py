"""Daily values and alerts of one shop in the week 2026-W02, by hand."""

from typing import Any

import msgspec

from rules.messages.alerts import Alert, decode
from rules.messages.daily_values import AlertsOfDay, DailyValues, PointsOfDay, RatioOfDay
from tests.sinks.support import alert

SUNDAY_BEFORE = "2026-01-04"
WEEK = [f"2026-01-{day:02}" for day in range(5, 12)]


def ratio(value: float | None, numerator: int = 0, denominator: int = 100) -> RatioOfDay:
    return RatioOfDay(
        value=value,
        threshold=0.05,
        numerator=numerator,
        denominator=denominator,
        first_day="2026-01-01",
        last_day="2026-01-31",
    )


def day_of(day: str, shop: str = "s17", platform: str = "joom", **others: Any) -> DailyValues:
    given: dict[str, Any] = {
        "ratios": {},
        "ledgers": {},
        "open_alerts": {},
        "alerts": AlertsOfDay(),
        "exposure": [],
        "penalties": [],
    } | others
    return DailyValues(platform=platform, shop=shop, day=day, zone="Asia/Shanghai", at=f"{day}T15:59:59Z", **given)


def points(value: float) -> PointsOfDay:
    return PointsOfDay(ledger="A", points=value, limit=12.0)


def by_day(*days: DailyValues) -> dict[str, DailyValues]:
    return {each.day: each for each in days}


def record(order: str | None, at: str, revision: int = 1, state: str = "open", **data: Any) -> Alert:
    """One record of an alert, written at an instant."""
    found: Alert = decode(alert(order, revision, state, **({"opened_at": at} | data)))
    return msgspec.structs.replace(found, time=at)
