"""Maps the topic `inbox` to the input topics: each body becomes the events it means; what can't be mapped becomes a
dead letter.

Ids are derived from the facts, so mapping a body again adds nothing: a batch is committed after its events were
written, and an interrupted batch is mapped again.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from rules.messages.names import decoded, shop_key
from rules.messages.text import visible
from streams.feeds import health, setting
from streams.feeds.apps import App, FeedSettings
from streams.feeds.health import FeedHealthBook
from streams.feeds.inbox import headers_of, request_of
from streams.feeds.lanes import Lanes
from streams.feeds.mapping import Mapped, map_request
from streams.feeds.polling.enricher import Completion, Enricher, Push
from streams.feeds.polling.number_book import NumberBook
from streams.feeds.polling.sqlite_file import until_free
from streams.feeds.written import Written
from streams.kafka import access
from streams.kafka.consumer import Consumer
from streams.kafka.dead_letters import dead_letter
from streams.kafka.topics import TopicNames, topic_of
from streams.metrics import feeds as metrics
from streams.paced_log import PacedLog
from streams.settings import Settings, bootstrap_servers
from streams.views.feed_health import FeedHealth, encode

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

MOST_AT_ONCE = 500
"""Bodies of one batch."""

MOST_WAITING = 10_000
MOST_WAITING_BYTES = 64 * 1024 * 1024
"""Bodies, and bytes of them, that may wait for a platform's answers while those of others are mapped."""

TURN_MS = 500
RESTART_S = 5.0
"""The pause after which reading is started again when Kafka has failed, or the disk with the tracking numbers."""


class Counts(NamedTuple):
    """Counts of mapped bodies, by outcome."""

    bodies: int = 0
    events: int = 0
    dead_letters: int = 0

    def __str__(self) -> str:
        return f"{self.bodies} bodies mapped to {self.events} events; {self.dead_letters} dead letters"


class Mapper:
    """Reads the inbox in a consumer group of its own, or once from a moment on. With an enricher, it completes pushes
    that hold less than the API's answer; with a number book, it notes tracking numbers."""

    def __init__(
        self,
        settings: Settings,
        feeds: FeedSettings,
        enricher: Enricher | None = None,
        book: NumberBook | None = None,
    ) -> None:
        self._settings, self._feeds, self._enricher, self._book = settings, feeds, enricher, book
        self._names = TopicNames(settings.topic_prefix, settings.app_id)
        self._access = {
            "bootstrap_servers": bootstrap_servers(settings),
            **access.for_aiokafka(settings),
        }
        self.is_reading = False
        self._health = FeedHealthBook()
        self._sources = {source for source, _ in feeds.apps}
        for source in self._sources:
            metrics.begin_mapping(source)

    # -- one body -----------------------------------------------------------------------------------------------

    def _written(self, record: ConsumerRecord, mapped: Mapped) -> Iterator[Written]:
        """The events of a body, and a dead letter where something in it could not be mapped; `kept: true` says that the
        rest of it counts."""
        for event in mapped.events:
            key = shop_key(event["platform"], event["shop"]).encode()
            yield Written(self._names.of(topic_of(event["type"])), key, orjson.dumps(event), [])
        source = headers_of(record)["source"]
        label = source if source in self._sources else "unknown"
        metrics.EVENTS.labels(label).inc(len(mapped.events))
        for notice in mapped.notices:
            metrics.NOTICES.labels(label, notice).inc()
            whose = (record.key or b"a shop").decode(errors="replace")
            log.warning("%s: %s: %s", source, visible(whose), notice.replace("_", " "))
        if mapped.problems:
            letter = dead_letter(record, f"{source}: {'; '.join(mapped.problems)}")
            kept = [("kept", b"true")] if mapped.events else []
            yield Written(self._names.dead_letters, letter.key, letter.value, [*letter.headers, *kept])
            metrics.DEAD.labels(label).inc()

    async def written(self, records: Iterable[ConsumerRecord]) -> tuple[list[list[Written]], Callable[[], None]]:
        """The records to write for each body, and a function to call once they are written."""
        bodies = [(record, self._mapped(record)) for record in records]
        completion = Completion()
        pushes = [Push(app, mapped) for record, mapped in bodies if (app := self._app(record)) is not None]
        if self._enricher is not None:
            completion = await self._enricher.complete(pushes)
        if self._book is not None:
            self._book.share(pushes)

        def keep() -> None:
            completion.keep()
            if self._book is not None:
                self._book.note([mapped for _, mapped in bodies])

        return [list(self._written(record, mapped)) for record, mapped in bodies], keep

    def _app(self, record: ConsumerRecord) -> App | None:
        headers = headers_of(record)
        return self._feeds.apps.get((headers["source"], headers["app"]))

    def _mapped(self, record: ConsumerRecord) -> Mapped:
        headers = headers_of(record)
        app = self._app(record)
        if app is None:
            return Mapped(problems=["there is no such app in the settings"])
        try:
            own = {"received_at": headers["received_at"], "path": headers["path"]}
            settings = setting.checked({**app.setting, **own}, app.source)
        except ValueError as error:
            return Mapped(problems=[f"the record's headers: {error}"])
        try:
            return map_request(app.source, request_of(record), "push", settings)
        except Exception as error:  # a mistake of ours in one body must not hold up the others
            log.error("%s: a body could not be mapped: %s", headers["source"], type(error).__name__)
            return Mapped(problems=[f"could not be mapped: {type(error).__name__}"])

    # -- health of feeds -------------------------------------------------------------------------------------

    def health_of(self, record: ConsumerRecord) -> FeedHealth | None:
        """The health of the feed that a push came by; None if it need not be written. Pushes of a tracking service say
        nothing of a shop's own feed."""
        app = self._app(record)
        if app is None or app.source.platform is None or not record.key:
            return None
        platform, _, shop = record.key.decode(errors="replace").partition("/")
        return self._health.pushed(decoded(platform), decoded(shop), app.source.source, app.name, record.timestamp)

    def _is_there(self, feed: FeedHealth) -> bool:
        """Whether a feed still comes; a shop that has an alias now is heard of by that."""
        app = self._feeds.apps.get((feed.source, feed.app))
        if feed.by != "push":
            return True
        return app is not None and app.takes_pushes and feed.shop not in app.setting.get("aliases", {})

    async def _read_health(self, producer: AIOKafkaProducer) -> None:
        topic = self._names.feed_health
        await health.read(self._health, topic, self._access)
        for key in self._health.gone(self._is_there):
            await producer.send_and_wait(topic, None, key)

    async def _write_health(self, producer: AIOKafkaProducer, records: Iterable[ConsumerRecord]) -> None:
        """Writes the newest record of each feed."""
        newest = {each.key(): each for record in records if (each := self.health_of(record)) is not None}
        for key, each in newest.items():
            await producer.send(self._names.feed_health, encode(each), key)

    # -- all of them --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled, whatever Kafka and the disk do meanwhile."""
        while True:
            try:
                await self._follow()
            except (KafkaError, sqlite3.Error) as error:
                log.error("reads the inbox again in %.0f s after %s", RESTART_S, type(error).__name__)
                await asyncio.sleep(RESTART_S)

    async def _follow(self) -> None:
        consumer = Consumer(
            self._names.inbox,
            group_id=f"{self._settings.app_id}-feed-map",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **self._access,
        )
        async with AIOKafkaProducer(enable_idempotence=True, **self._access) as producer, consumer:
            await self._read_health(producer)
            lanes = Lanes(_sender, partial(self._write, producer))
            self.is_reading = True
            try:
                while True:
                    fetched = await consumer.getmany(timeout_ms=TURN_MS, max_records=MOST_AT_ONCE)
                    if fetched:
                        lanes.add(fetched)
                        await self._write_health(producer, [each for records in fetched.values() for each in records])
                    done = await lanes.take_done(MOST_WAITING, MOST_WAITING_BYTES)
                    if ours := {tp: end for tp, end in done.items() if tp in consumer.assignment()}:
                        await consumer.commit(ours)
                    metrics.LAG.set(lanes.waiting + sum([await _left(consumer, tp) for tp in consumer.assignment()]))
            finally:
                self.is_reading = False
                await lanes.close()

    async def again(self, since_ms: int, count: int) -> Counts:
        """Maps everything received from a moment up to now; `count` is that of the inbox's partitions. Raises
        KafkaError."""
        counts = Counts()
        consumer = Consumer(enable_auto_commit=False, **self._access)
        async with AIOKafkaProducer(enable_idempotence=True, **self._access) as producer, consumer:
            left = await self._stretch(consumer, since_ms, count)
            while left:
                fetched = await consumer.getmany(*left, timeout_ms=TURN_MS, max_records=MOST_AT_ONCE)
                records = [each for tp in fetched for each in fetched[tp] if each.offset < left[tp]]
                more = await self._write(producer, records)
                counts = Counts(*(one + other for one, other in zip(counts, more, strict=True)))
                left = {tp: end for tp, end in left.items() if await consumer.position(tp) < end}
        return counts

    async def _stretch(self, consumer: AIOKafkaConsumer, since_ms: int, count: int) -> dict[TopicPartition, int]:
        """Moves to the first record of that moment in each partition; gives where those with any end."""
        partitions = [TopicPartition(self._names.inbox, n) for n in range(count)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        starts = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
        for tp, start in starts.items():
            consumer.seek(tp, ends[tp] if start is None else start.offset)
        return {tp: ends[tp] for tp, start in starts.items() if start is not None}

    async def _write(self, producer: AIOKafkaProducer, records: Iterable[ConsumerRecord]) -> Counts:
        """Returns when the broker has all that bodies mean."""
        bodies = events = dead = 0
        waiting = []
        written, keep = await self.written(records)
        for of_body in written:
            bodies += 1
            for each in of_body:
                waiting.append(await producer.send(each.topic, each.value, each.key, headers=each.headers))
                is_dead = each.topic == self._names.dead_letters
                dead, events = dead + is_dead, events + (not is_dead)
        await asyncio.gather(*waiting)
        await until_free(keep)
        return Counts(bodies, events, dead)


def _sender(record: ConsumerRecord) -> tuple[str, str]:
    headers = headers_of(record)
    return headers["source"], headers["app"]


async def _left(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int:
    """Records of a partition that are yet to be read, as of the last fetch."""
    end = consumer.highwater(tp)
    return 0 if end is None else max(0, end - await consumer.position(tp))
