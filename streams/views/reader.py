"""Reads the views' topics from the beginning, in no consumer group, for as long as the worker runs."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from streams.budget import BACKLOG_BUDGET
from streams.kafka import access
from streams.kafka.consumer import Consumer
from streams.settings import Settings, bootstrap_servers
from streams.views.view import View

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Records taken before the event loop's other tasks run."""

SHORTEST_REST_S, LONGEST_REST_S = 0.25, 2.0
"""While a backlog is read: polling in vain costs something as well, and the console should still move."""

WAIT_MS = 500
AGAIN_S = 2.0
"""How long to wait after an error of Kafka."""


class Reader(Service):
    """Keeps the views up to date. `caught_up` is set once all that was there at the start has been read; from then on
    it reads less often while the worker `is_busy`, unless somebody waits for what the views show."""

    def __init__(self, settings: Settings, view: View, is_busy: Callable[[], bool], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.view = view
        self._is_busy = is_busy
        self.caught_up = False
        self._settings = settings
        self._read_to = {TopicPartition(topic, number): 0 for topic in view.topics for number in range(view.partitions)}
        self._moved = asyncio.Event()
        self._waiting = 0
        self._wanted = asyncio.Event()

    @Service.task
    async def _read_on(self) -> None:
        while not self.should_stop:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                log.warning("the console's view waits for Kafka: %s", error)
                await self.sleep(AGAIN_S)

    async def _read(self) -> None:
        consumer = Consumer(
            bootstrap_servers=bootstrap_servers(self._settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **access.for_aiokafka(self._settings),
        )
        await consumer.start()
        try:
            consumer.assign(list(self._read_to))
            for tp, offset in self._read_to.items():
                if offset:
                    consumer.seek(tp, offset)
            ends = await consumer.end_offsets(list(self._read_to))
            while not self.should_stop:
                if self.caught_up and self._is_busy() and not self._wanted.is_set():
                    await self._read_some_and_rest(consumer)
                else:
                    await self._read_some(consumer, WAIT_MS)
                    await asyncio.sleep(0)
                    self.caught_up = self.caught_up or all(self._read_to[tp] >= end for tp, end in ends.items())
        finally:
            await consumer.stop()

    async def _read_some_and_rest(self, consumer: AIOKafkaConsumer) -> None:
        """Rests in proportion to the time taken, or until somebody waits for what the views show."""
        began_s = monotonic()
        await self._read_some(consumer, wait_ms=0)
        rest_s = (monotonic() - began_s) / BACKLOG_BUDGET
        await self.wait(self._wanted, timeout=min(max(rest_s, SHORTEST_REST_S), LONGEST_REST_S))

    async def _read_some(self, consumer: AIOKafkaConsumer, wait_ms: int) -> None:
        fetched = await consumer.getmany(timeout_ms=wait_ms, max_records=AT_ONCE)
        for records in fetched.values():
            for record in records:
                self.view.apply(record)
        for tp in self._read_to:
            self._read_to[tp] = await consumer.position(tp)  # may be further than the last record: compaction
        self._moved.set()
        self._moved = asyncio.Event()

    async def has_read(self, tp: TopicPartition, offset: int) -> None:
        """Waits until the views show what was written at an offset."""
        self._waiting += 1
        self._wanted.set()
        try:
            while self._read_to[tp] <= offset:
                await self._moved.wait()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._wanted.clear()
