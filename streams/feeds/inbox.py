"""The topic `inbox`: what platforms and carriers push, as received, before it is mapped."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError

from rules.calendar.instants import rfc3339
from streams.feeds.decoding import Request
from streams.kafka import access, topics
from streams.kafka.topics import BadTopicsError, TopicNames
from streams.paced_log import PacedLog
from streams.settings import Settings, bootstrap_servers

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

TRY_AGAIN_S = 2.0

LINGER_MS = 10
"""Pushes that come within this time go to Kafka in one request: a request costs more than the pushes in it."""


class InboxAway(Exception):
    """Kafka did not take a push in time."""


@dataclass(frozen=True)
class Received:
    """One push. `key` is `platform/shop`, if known."""

    source: str
    app: str
    received_ms: int
    path: str
    content_type: str
    body: bytes
    key: str | None = None

    def headers(self) -> list[tuple[str, bytes]]:
        texts = {
            "source": self.source,
            "app": self.app,
            "received_at": rfc3339(self.received_ms),
            "path": self.path,
            "content_type": self.content_type,
        }
        return [(name, text.encode(errors="replace")) for name, text in texts.items()]


def headers_of(record: ConsumerRecord) -> Mapping[str, str]:
    """The headers of a record of the inbox. Headers that are missing are empty."""
    found = {name: value.decode(errors="replace") for name, value in record.headers}
    return {name: found.get(name, "") for name in ("source", "app", "received_at", "path", "content_type")}


def request_of(record: ConsumerRecord) -> Request:
    return Request(record.value or b"", headers_of(record)["path"])


class Inbox:
    """Writes the topic from `run` on; while Kafka is away it says so."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = TopicNames(settings.topic_prefix, settings.app_id)
        self._producer: AIOKafkaProducer | None = None
        self._has_failed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether Kafka has been reached."""
        return self._producer is not None

    async def run(self) -> None:
        """Until cancelled. A producer that has failed is replaced, as an idempotent one doesn't always recover."""
        while True:
            producer = await self._connected()
            self._has_failed.clear()
            try:
                self._producer = producer
                await self._has_failed.wait()
            finally:
                self._producer = None
                with contextlib.suppress(KafkaError):
                    await producer.stop()

    async def _connected(self) -> AIOKafkaProducer:
        while True:
            producer = AIOKafkaProducer(
                bootstrap_servers=bootstrap_servers(self._settings),
                enable_idempotence=True,
                linger_ms=LINGER_MS,
                **access.for_aiokafka(self._settings),
            )
            try:
                if not self._settings.embedded:  # there, topics appear on first use
                    await asyncio.to_thread(topics.prepare_inbox, self._settings, self._names)
                await producer.start()
            except (BadTopicsError, KafkaError) as error:
                log.warning("nothing can be stored yet: %s", error)
                with contextlib.suppress(KafkaError):
                    await producer.stop()
                await asyncio.sleep(TRY_AGAIN_S)
            else:
                return producer

    async def put(self, received: Received, within_s: float) -> None:
        """Returns when the broker has it for good. Raises InboxAway; the push may be there all the same, which does no
        harm when it is sent again."""
        if self._producer is None:
            raise InboxAway
        key = None if received.key is None else received.key.encode()
        try:
            async with asyncio.timeout(within_s):
                await self._producer.send_and_wait(self._names.inbox, received.body, key, headers=received.headers())
        except TimeoutError as error:
            raise InboxAway from error
        except KafkaError as error:
            self._has_failed.set()
            raise InboxAway from error
