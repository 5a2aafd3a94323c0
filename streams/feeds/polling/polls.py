"""Runs all polls of the settings file in one process."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from rules.calendar.instants import DAY_MS
from streams.clock import wall_ms
from streams.feeds import health
from streams.feeds.apps import FeedSettings
from streams.feeds.health import FeedHealthBook
from streams.feeds.polling.client import Time
from streams.feeds.polling.clients import Clients, session, shop_name
from streams.feeds.polling.enricher import Enricher
from streams.feeds.polling.health import PollHealth
from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.number_book import NumberBook
from streams.feeds.polling.parcels import Parcels
from streams.feeds.polling.poller import PollSettings, ShopPoll, Writer
from streams.feeds.polling.registrar import Registrar
from streams.feeds.polling.watching import watch
from streams.feeds.written import Written
from streams.kafka import access as kafka_access
from streams.kafka.topics import TopicNames
from streams.metrics import feeds as metrics
from streams.settings import Settings, bootstrap_servers

log = logging.getLogger(__name__)

MINUTE_MS = 60_000


class KafkaWriter:
    """Writes to the inputs, by a new producer after one has failed, as an idempotent one doesn't always recover."""

    def __init__(self, access: Mapping[str, Any]) -> None:
        self._access = access
        self._producer: AIOKafkaProducer | None = None
        self._one_at_a_time = asyncio.Lock()

    async def open(self) -> None:
        """Raises KafkaError."""
        if self._producer is None:
            producer = AIOKafkaProducer(enable_idempotence=True, **self._access)
            try:
                await producer.start()
            except KafkaError:
                await producer.stop()
                raise
            self._producer = producer

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):
                await producer.stop()

    async def write(self, records: Iterable[Written]) -> None:
        """Returns when the broker has all of them. Raises KafkaError."""
        async with self._one_at_a_time:
            await self.open()
            assert self._producer is not None
            try:
                send = self._producer.send
                waiting = [await send(each.topic, each.value, each.key, headers=each.headers) for each in records]
                await asyncio.gather(*waiting)
            except KafkaError:
                await self.close()
                raise


class Polls:
    """`is_running` from when Kafka was reached."""

    def __init__(self, settings: Settings, feeds: FeedSettings, ledger: Ledger, parcels: Parcels | None = None) -> None:
        self._settings, self._feeds, self._ledger, self._parcels = settings, feeds, ledger, parcels
        self.is_running = False

    async def run(self) -> None:
        """Until cancelled. Raises KafkaError where Kafka can't be reached at the start."""
        access = {"bootstrap_servers": bootstrap_servers(self._settings), **kafka_access.for_aiokafka(self._settings)}
        names = TopicNames(self._settings.topic_prefix, self._settings.app_id)
        writer = KafkaWriter(access)
        await writer.open()
        async with session() as http:
            time = Time(wall_ms)
            clients = Clients(http, self._ledger, time)
            numbers = None if self._parcels is None else NumberBook(self._feeds, self._parcels, time)
            polls = list(polls_of(self._feeds, clients, self._ledger, writer, names, time, numbers))
            watch(polls, time)
            registrars = [] if self._parcels is None else list(registrars_of(self._feeds, clients, self._parcels, time))
            book = FeedHealthBook()
            await health.read(book, names.feed_health, access)
            self.is_running = True
            try:
                async with asyncio.TaskGroup() as group:
                    for work in (*(each.run() for each in polls), *(each.run() for each in registrars)):
                        group.create_task(work)
                    group.create_task(PollHealth(polls, names.feed_health, book, writer).run())
            finally:
                self.is_running = False
                await writer.close()


def registrars_of(feeds: FeedSettings, clients: Clients, parcels: Parcels, time: Time) -> Iterator[Registrar]:
    """A registrar for each app at a tracking service that numbers are registered with."""
    for app in feeds.apps.values():
        if app.registering is not None:
            metrics.begin_registering(app.source.source)
            yield Registrar(app, clients.of_service(app), parcels, time)


def polls_of(
    feeds: FeedSettings,
    clients: Clients,
    ledger: Ledger,
    writer: Writer,
    names: TopicNames,
    time: Time,
    book: NumberBook | None = None,
) -> Iterator[ShopPoll]:
    """Each poll of each shop; what an app's shops share is read by the first of them."""
    enricher = Enricher(clients, ledger, time)
    for app in feeds.apps.values():
        api, polling = app.source.api, app.polling
        if api is None or polling is None:
            continue
        since_ms = time.now_ms() - polling.history_days * DAY_MS
        how = PollSettings(polling.every_min * MINUTE_MS, polling.overlap_min * MINUTE_MS, since_ms)
        for n, (shop, polled) in enumerate(polling.shops.items()):
            client = clients.of(app, shop)
            assert client is not None
            for name, poll in api.polls.items():
                if poll.of_app and n > 0:
                    continue
                yield ShopPoll(
                    f"{shop_name(app, shop)}/{name}",
                    shop_name(app, shop),
                    app,
                    poll,
                    app.setting if poll.of_app else polled.setting,
                    how,
                    client,
                    enricher,
                    ledger,
                    writer,
                    names,
                    time,
                    book,
                    time.now_ms(),
                )
