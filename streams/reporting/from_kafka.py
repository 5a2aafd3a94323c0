"""Reads what a weekly report is made of: daily values, and the records of alerts."""

from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta

import msgspec

from rules.messages import alerts
from rules.messages.alerts import Alert
from rules.messages.daily_values import DailyValues
from streams.kafka import reading
from streams.kafka.topics import TopicNames
from streams.reporting.shop_week import ShopWeek, shop_week
from streams.reporting.week import Week
from streams.settings import Settings
from streams.views.daily_values import read_days

ShopKey = tuple[str, str]
"""`(platform, shop)`"""

Wanted = Callable[[str, str], bool]
"""Whether a report is of a shop, by its platform and name."""

EVER = date(1970, 1, 1)


class NoDataError(ValueError):
    """Nothing is known of a week; the text says so."""


async def weekly(
    settings: Settings, week: Week | None, wanted: Wanted = lambda platform, shop: True
) -> tuple[Week, list[ShopWeek]]:
    """The report of a week, the shop that lost most first; without one, of the newest week that is complete. Raises
    NoDataError and BadTopicsError."""
    names = TopicNames(settings.topic_prefix, settings.app_id)
    if week is None:
        newest = max([values.day async for values in _daily(settings, names.daily_values, EVER, wanted)], default=None)
        if newest is None:
            raise NoDataError("nothing is known of any week: the worker writes a shop's figures from its first day on")
        week = Week.before(date.fromisoformat(newest))
    days: dict[ShopKey, dict[str, DailyValues]] = {}
    async for values in _daily(settings, names.daily_values, week.monday - timedelta(days=1), wanted):
        if values.day <= week.sunday.isoformat():
            days.setdefault((values.platform, values.shop), {})[values.day] = values  # the last one written holds
    trails: dict[ShopKey, dict[str, list[Alert]]] = {}
    if any(week.has(day) for of_shop in days.values() for day in of_shop):
        async for alert in _alerts(settings, names.alerts):
            shop = alert.platform, alert.shop
            if shop in days:
                trails.setdefault(shop, {}).setdefault(alert.data.alert, []).append(alert)
    reports = [shop_week(week, of_shop, trails.get(shop, {}).values()) for shop, of_shop in days.items()]
    found = sorted((report for report in reports if report is not None), key=ShopWeek.place)
    if not found:
        raise NoDataError(f"nothing is known of week {week} ({week.monday} to {week.sunday})")
    return week, found


async def _daily(settings: Settings, topic: str, since: date, wanted: Wanted) -> AsyncIterator[DailyValues]:
    """What there is of the days from `since` on, of several records of a day the newest last. Raises BadTopicsError."""
    partitions = [tp.partition for tp in await reading.partitions_of(settings, topic)]
    with reading.failing_as_bad_topics(settings, topic):
        async for values in read_days(settings, topic, partitions, since, lambda key: True):
            if wanted(values.platform, values.shop):
                yield values


async def _alerts(settings: Settings, topic: str) -> AsyncIterator[Alert]:
    with reading.failing_as_bad_topics(settings, topic):
        async for record in reading.records_of(settings, topic):
            if record.value is not None:
                try:
                    yield alerts.decode(record.value)
                except msgspec.DecodeError:
                    continue
