"""Reads what a weekly report is made of: daily values, and the records of alerts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from rules.messages import alerts
from rules.messages.alerts import Alert
from rules.messages.daily_values import DailyValues, decode
from streams.kafka import access
from streams.kafka.topics import BadTopicsError, TopicNames, partition_counts
from streams.reporting.shop_week import ShopWeek, shop_week
from streams.reporting.week import Week
from streams.settings import Settings, bootstrap_servers

ShopKey = tuple[str, str]
"""`(platform, shop)`"""


class NoDataError(ValueError):
    """Nothing is known of a week; the text says so."""


async def weekly(
    settings: Settings, week: Week | None, wanted: Callable[[str, str], bool] = lambda platform, shop: True
) -> tuple[Week, list[ShopWeek]]:
    """The report of a week, the shop that lost most first; without one, of the newest week that is complete. Raises
    NoDataError and BadTopicsError."""
    names = TopicNames(settings.topic_prefix, settings.app_id)
    if week is None:
        newest = max([values.day async for values in _daily(settings, names, wanted)], default=None)
        if newest is None:
            raise NoDataError("nothing is known of any week: the worker writes a shop's figures from its first day on")
        week = Week.before(date.fromisoformat(newest))
    first = (week.monday - timedelta(days=1)).isoformat()
    days: dict[ShopKey, dict[str, DailyValues]] = {}
    async for values in _daily(settings, names, wanted):
        if first <= values.day <= week.sunday.isoformat():
            days.setdefault((values.platform, values.shop), {})[values.day] = values  # the last one written holds
    trails: dict[ShopKey, dict[str, list[Alert]]] = {}
    if any(week.has(day) for of_shop in days.values() for day in of_shop):
        async for alert in _alerts(settings, names):
            shop = alert.platform, alert.shop
            if shop in days:
                trails.setdefault(shop, {}).setdefault(alert.data.alert, []).append(alert)
    reports = [shop_week(week, of_shop, trails.get(shop, {}).values()) for shop, of_shop in days.items()]
    found = sorted((report for report in reports if report is not None), key=ShopWeek.place)
    if not found:
        raise NoDataError(f"nothing is known of week {week} ({week.monday} to {week.sunday})")
    return week, found


async def _daily(
    settings: Settings, names: TopicNames, wanted: Callable[[str, str], bool]
) -> AsyncIterator[DailyValues]:
    async for value in _values(settings, names.daily_values):
        try:
            values = decode(value)
        except msgspec.DecodeError:
            continue  # nobody else writes there, and a day that can't be read is a gap
        if wanted(values.platform, values.shop):
            yield values


async def _alerts(settings: Settings, names: TopicNames) -> AsyncIterator[Alert]:
    async for value in _values(settings, names.alerts):
        try:
            yield alerts.decode(value)
        except msgspec.DecodeError:
            continue


async def _values(settings: Settings, topic: str) -> AsyncIterator[bytes]:
    """All that a topic holds now, each partition in order. Raises BadTopicsError."""
    count = (await asyncio.to_thread(partition_counts, settings)).get(topic)
    if count is None:
        raise BadTopicsError(f"there is no topic {topic} at {settings.broker}")
    tps = [TopicPartition(topic, number) for number in range(count)]
    try:
        async with AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers(settings),
            enable_auto_commit=False,
            isolation_level="read_committed",
            **access.for_aiokafka(settings),
        ) as consumer:
            consumer.assign(tps)
            await consumer.seek_to_beginning(*tps)
            ends = await consumer.end_offsets(tps)
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                await asyncio.sleep(0)
                for records in (await consumer.getmany(timeout_ms=1_000, max_records=500)).values():
                    for record in records:
                        if record.value is not None:
                            yield record.value
    except KafkaError as error:
        raise BadTopicsError(f"{topic} can't be read at {settings.broker} ({type(error).__name__})") from None
