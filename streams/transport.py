"""Kafka for Faust, with batches in place of single messages.

Faust's own consumer starts four tasks for every message. This one hands each fetch to the agents as one `Batch`
per partition, and to table recovery as one batch per changelog partition. Everything else (threads, group
membership, rebalances, seeking, producing) stays Faust's. The private seams used are held by
`tests/test_faust_seams.py`.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from aiokafka import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.partition import Batch
from streams.store import Store

FULL_S = 0.005
"""How often to look whether an agent can take another batch."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that owns the aiokafka consumer."""

    async def _fetch_records(self, consumer: Any, active_partitions: set[TP], **options: Any) -> Any:
        records = await super()._fetch_records(consumer, active_partitions, **options)
        # Read in the same breath as the records: past them, and past what is never handed out (transaction markers).
        self.positions = {tp: state._position for tp, state in _states(consumer) if state._position is not None}
        return records

    positions: Mapping[TP, int] = {}


def _states(consumer: Any) -> Iterator[tuple[TP, Any]]:
    subscription = consumer._subscription.subscription
    if subscription is not None and subscription.assignment is not None:
        for tp in subscription.assignment.tps:
            yield tp, subscription.assignment.state_value(tp)


class Consumer(driver.Consumer):
    """Faust's Kafka consumer, with the loop that reads records replaced."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Per input partition, the offset after the last record handed over…
        self.handed: dict[TP, int] = {}
        #: …and how far its log has been read, which may be further.
        self.read_to: dict[TP, int] = {}

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.handed.clear()
        self.read_to.clear()
        await super().on_partitions_revoked(revoked)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Faust's Fetcher runs this until the worker stops."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                await self._drain_once()
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise

    async def _drain_once(self) -> None:
        generation = self.app.consumer_generation_id
        records, active = await self._wait_next_records(timeout=1.0)
        positions = self._thread.positions
        await asyncio.sleep(0)
        if records is None or active is None:
            return
        for tp, fetched in records.items():
            if not self._holds(generation):
                return
            if tp not in active:
                continue
            if self._is_changelog_tp(tp):
                await self._restore(tp, fetched)
            else:
                await self._hand_over(tp, fetched, generation)
        if self._holds(generation):
            self.read_to.update((tp, positions[tp]) for tp in active if tp in positions)

    def _holds(self, generation: int) -> bool:
        """False for what was fetched before a rebalance; Faust seeks back to what is committed before it resumes."""
        return self.flow_active and not self.should_stop and generation == self.app.consumer_generation_id

    async def _hand_over(self, tp: TP, fetched: Sequence[ConsumerRecord], generation: int) -> None:
        """One batch to the agents of its topic; waits while they have enough to do."""
        batch = Batch(self.app.names.inputs[tp.topic], tp.partition, fetched)
        for channel in self.app.topics._tp_index[tp]:
            # Not `put`: Faust empties the queues when it suspends and resumes, which cancels whoever waits in it; and
            # not before recovery is over, since what is in the queues by then is thrown away.
            while channel.queue.full() or not self.app.tables.actives_ready:
                await asyncio.sleep(FULL_S)
                if not self._holds(generation):
                    return
            channel.queue.put_nowait(batch)
        self.handed[tp] = fetched[-1].offset + 1

    async def _restore(self, tp: TP, fetched: Sequence[ConsumerRecord]) -> None:
        """A changelog's records go to their store at once; Faust gets the last one and sees how far recovery is."""
        recovery = self.app.tables.recovery
        table = recovery.tp_to_table.get(tp)
        if table is None or not recovery.in_recovery:
            return  # what this worker wrote itself
        seen = recovery.active_offsets.get(tp)
        fresh = [record for record in fetched if seen is None or record.offset > seen]
        if not fresh:
            return
        cast(Store, table.data).restore(fresh)
        if len(fresh) > 1:
            recovery.active_offsets[tp] = fresh[-2].offset
        await self.wait_first(self.callback(self._to_message(tp, fresh[-1])), self.suspend_flow.wait())

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust looks for partitions whose messages aren't acknowledged; batches are committed by the worker."""


class Producer(driver.Producer):
    """Faust's Kafka producer; the broker drops what a retry sends twice."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {**super()._settings_extra(), "enable_idempotence": True}


class Transport(driver.Transport):
    """`shipclock://host:9092`"""

    Consumer = Consumer
    Producer = Producer
