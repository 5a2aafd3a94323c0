"""The weekly report as a digest: once a week, at a time of the reader's own, by one of the workers."""

import logging
import re
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from rules.calendar.counting import TimeOfDay
from streams.kafka import access
from streams.kafka.consumer import Consumer
from streams.reporting.from_kafka import NoDataError, weekly
from streams.reporting.shop_week import ShopWeek
from streams.reporting.text import DIGEST_SHOPS, body, title
from streams.reporting.week import Week
from streams.reporting.words import Words
from streams.settings import Settings, bootstrap_servers
from streams.sinks.plain import plain

log = logging.getLogger(__name__)

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

LATEST: Final = timedelta(days=2)
"""A report that nobody could send for longer, as no worker ran, isn't sent any more."""


class WeeklyTime(NamedTuple):
    """A day of the week and a time, such as `mon 08:00`."""

    weekday: int
    at: time

    @classmethod
    def parse(cls, text: str) -> "WeeklyTime":
        """Raises ValueError."""
        found = re.fullmatch(rf"({'|'.join(DAYS)}) (\d\d:\d\d)", text)
        if found is None:
            raise ValueError
        minutes = TimeOfDay.parse(found[2]) // 60_000
        return cls(DAYS.index(found[1]), time(minutes // 60, minutes % 60))

    def due(self, now_ms: int, zone: str) -> Week | None:
        """The week whose report is due at an instant (epoch ms): the newest that was over at the last such time. None
        if that is too long ago."""
        now = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(zone))
        day: date = now.date() - timedelta(days=(now.weekday() - self.weekday) % 7)
        last = datetime.combine(day, self.at, ZoneInfo(zone))
        if last > now:
            last -= timedelta(days=7)
        return Week.before(last.date()) if now - last <= LATEST else None


class SentWeeks(Protocol):
    """Remembers the newest week whose report a route was sent."""

    async def newest(self) -> Week | None: ...

    async def remember(self, week: Week) -> None: ...


class SentInKafka:
    """As the metadata of an offset that a consumer group commits, so that it outlives every worker. The group reads
    nothing."""

    def __init__(self, settings: Settings, group: str, topic: str) -> None:
        self._settings, self._group, self._tp = settings, group, TopicPartition(topic, 0)

    async def newest(self) -> Week | None:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=bootstrap_servers(self._settings), **access.for_aiokafka(self._settings)
        )
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self._group, partitions=[self._tp])
        finally:
            await admin.close()
        found = offsets.get(self._tp)
        try:
            return None if found is None else Week.named(found.metadata or "")
        except ValueError:
            return None

    async def remember(self, week: Week) -> None:
        async with Consumer(
            bootstrap_servers=bootstrap_servers(self._settings),
            group_id=self._group,
            enable_auto_commit=False,
            **access.for_aiokafka(self._settings),
        ) as consumer:
            consumer.assign([self._tp])
            await consumer.commit({self._tp: OffsetAndMetadata(0, str(week))})


class Report(NamedTuple):
    """A report that is due, as text."""

    week: Week
    title: str
    body: str


class Weekly:
    """The weekly digest of one route, for shops that `platforms` and `shops` name (all where they are empty)."""

    def __init__(
        self,
        at: WeeklyTime,
        zone: str,
        words: Words,
        settings: Settings,
        sent: SentWeeks,
        platforms: tuple[str, ...] = (),
        shops: tuple[str, ...] = (),
    ) -> None:
        self._at, self._zone, self._words, self._settings, self._sent = at, zone, words, settings, sent
        self._platforms, self._shops = platforms, shops
        self._done: Week | None = None

    async def due(self, now_ms: int, console_url: str) -> Report | None:
        """The report to be sent now, to be confirmed with `confirm`; None if there is none. Raises BadTopicsError."""
        week = self._at.due(now_ms, self._zone)
        if week is None or (self._done is not None and self._done >= week):
            return None
        newest = await self._sent.newest()
        if newest is not None and newest >= week:
            self._done = week
            return None
        try:
            _, shops = await weekly(self._settings, week, self._fits)
        except NoDataError as error:
            log.info("no weekly report: %s", error)
            await self.confirm(week)
            return None
        return Report(week, title(week, self._words), self._body(shops, console_url))

    async def confirm(self, week: Week) -> None:
        """It was sent, or given up."""
        await self._sent.remember(week)
        self._done = week

    def _fits(self, platform: str, shop: str) -> bool:
        return (not self._platforms or platform in self._platforms) and (not self._shops or shop in self._shops)

    def _body(self, shops: list[ShopWeek], console_url: str) -> str:
        return f"{body(shops, self._words, DIGEST_SHOPS, plain)}\n\n{console_url}/"
