"""Reads a topic for one sink, in a consumer group of its own, and commits what has been delivered."""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Sequence
from math import inf
from time import monotonic

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from streams.clock import wall_ms
from streams.kafka import access
from streams.kafka.consumer import Consumer
from streams.settings import Settings, bootstrap_servers
from streams.sinks.base import Offsets, Record, Sink, StartOver

log = logging.getLogger(__name__)

TURN_MS = 500
"""How long to wait for records before the sink's next tick."""

RESTART_S = 5.0
"""The pause before reading starts again after an error of Kafka or a sink."""

LAG_S = 5.0
"""How often the sink's lag is measured, also while it hangs."""

REFILL_S = 30.0
"""The least time between two readings of a partition from the start because the receiver has lost something: one that
loses it all the time must not keep the worker reading."""

NEVER_IDLE_MS = 2**31 - 1
"""A sink may hang for any time and keep its partitions; heartbeats show that the process lives."""


class Runner(ConsumerRebalanceListener):
    """Runs until cancelled, whatever errors the sink or Kafka has."""

    def __init__(self, sink: Sink, topic: str, settings: Settings) -> None:
        self.sink = sink
        self.group = f"{settings.app_id}-sink-{sink.name}"
        self._topic, self._settings = topic, settings
        self._consumer: AIOKafkaConsumer
        self._turn: asyncio.Future[None] | None = None
        self._refill_after_s: dict[int, float] = {}
        self._forget()

    def _forget(self) -> None:
        self._fresh: set[TopicPartition] = set()
        self._behind: dict[TopicPartition, int] = {}
        self._taken: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self.sink.delivery.counters.lag = 0

    async def run(self) -> None:
        async with self.sink:
            while True:
                try:
                    await self._follow()
                except Exception as error:  # apart from the engine: no sink may end the worker
                    self.sink.delivery.counters.failed += 1
                    log.error("%s: starts again in %.0f s after %s", self.sink.name, RESTART_S, type(error).__name__)
                    log.debug("%s", error, exc_info=error)
                    await asyncio.sleep(RESTART_S)

    async def _follow(self) -> None:
        self._consumer = Consumer(
            bootstrap_servers=bootstrap_servers(self._settings),
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=NEVER_IDLE_MS,
            **access.for_aiokafka(self._settings),
        )
        try:
            self._consumer.subscribe([self._topic], listener=self)
            await self._consumer.start()
            watching = asyncio.ensure_future(self._watch_lag())
            try:
                while True:
                    await self._read_and_deliver_until_revoked()
            finally:
                watching.cancel()
        finally:
            self._revoke_all()
            await self._consumer.stop()

    # -- the partitions that are this process's -----------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Cancels deliveries under way; they aren't committed, so the next reader delivers them."""
        if self._turn is not None:
            self._turn.cancel()
            await asyncio.wait({self._turn})
        self._revoke_all()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._fresh = set(assigned)

    def _revoke_all(self) -> None:
        for tp in self._fresh | self._taken.keys():
            self.sink.revoked(tp.partition)
        self._forget()

    async def _resume(self, tp: TopicPartition) -> None:
        (beginning,) = (await self._consumer.beginning_offsets([tp])).values()
        (end,) = (await self._consumer.end_offsets([tp])).values()
        committed = await self._consumer.committed(tp)
        known = committed is not None and beginning <= committed <= end
        start = await self.sink.assigned(tp.partition, Offsets(beginning, committed if known else beginning, end))
        self._consumer.seek(tp, start)
        self._taken[tp] = start
        self._behind[tp] = end
        self._fresh.discard(tp)

    # -- a turn -------------------------------------------------------------------------------------------------

    async def _read_and_deliver_until_revoked(self) -> None:
        """One turn, which a rebalance may cancel."""
        self._turn = asyncio.ensure_future(self._read_and_deliver())
        try:
            await asyncio.wait({self._turn})
        finally:
            turn, self._turn = self._turn, None
            if not turn.done():
                turn.cancel()
                await asyncio.wait({turn})
        if not turn.cancelled():
            turn.result()

    async def _read_and_deliver(self) -> None:
        """Reads, delivers, commits."""
        for tp in sorted(self._fresh):
            if monotonic() >= self._refill_after_s.get(tp.partition, -inf):
                await self._resume(tp)
        fetched = await self._consumer.getmany(timeout_ms=TURN_MS, max_records=self.sink.batch)
        for tp, records in fetched.items():
            if tp not in self._fresh:  # else it was assigned meanwhile, which seeks to the offset to read from
                await self._deliver(tp, records)
        for tp in self._behind.keys() - self._fresh:
            await self._note_caught_up(tp)
        try:
            await self.sink.tick(wall_ms())
        except StartOver as again:
            self._start_over(*again.partitions)
        await self._commit()

    async def _deliver(self, tp: TopicPartition, records: Sequence[Record]) -> None:
        try:
            await self.sink.deliver(tp.partition, records)
        except StartOver:
            self._start_over(tp.partition)
        else:
            self._taken[tp] = records[-1].offset + 1

    async def _note_caught_up(self, tp: TopicPartition) -> None:
        if await self._consumer.position(tp) < self._behind[tp]:
            return
        try:
            await self.sink.caught_up(tp.partition)
        except StartOver:
            self._start_over(tp.partition)
        else:
            del self._behind[tp]

    def _start_over(self, *partitions: int) -> None:
        lost = {tp for tp in self._taken.keys() - self._fresh if tp.partition in partitions}
        if not lost:
            return  # they wait already, and must not be put off once more
        numbers = sorted(tp.partition for tp in lost)
        log.warning("%s: the receiver has lost what it had of %s: it is read again", self.sink.name, numbers)
        self.sink.delivery.counters.refilled += 1
        for each in numbers:
            self._refill_after_s[each] = max(monotonic(), self._refill_after_s.get(each, -inf) + REFILL_S)
        self._fresh |= lost

    # -- what has been delivered --------------------------------------------------------------------------------

    async def _commit(self) -> None:
        delivered = {tp: self._delivered(tp) for tp in self._taken if tp not in self._fresh}
        to_commit = {tp: offset for tp, offset in delivered.items() if self._committed.get(tp) != offset}
        if not to_commit:
            return
        try:
            await self._consumer.commit(to_commit)
        except KafkaError as error:
            log.warning("%s: offsets were not committed: %s", self.sink.name, type(error).__name__)
        else:
            self._committed.update(to_commit)

    async def _watch_lag(self) -> None:
        while True:
            with contextlib.suppress(KafkaError):
                ends = await self._consumer.end_offsets(list(self._taken))
                done = self._taken.__getitem__ if self.sink.waits() else self._delivered
                lags = [ends[tp] - done(tp) for tp in self._taken if tp in ends]
                self.sink.delivery.counters.lag = max(0, sum(lags))
            await asyncio.sleep(LAG_S)

    def _delivered(self, tp: TopicPartition) -> int:
        held = self.sink.held(tp.partition)
        return self._taken[tp] if held is None else held
