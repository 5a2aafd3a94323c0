"""Kafka for Faust, with batches in place of single messages.

Faust's own consumer starts four tasks for every message. This one hands each fetch to the agents as one `Batch`
per partition, and to table recovery as one batch per changelog partition. Everything else (threads, group
membership, rebalances, seeking, producing) stays Faust's. The private seams used are held by
`tests/runtime/test_faust_seams_of_reading.py`.
"""

import asyncio
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, cast

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError, KafkaTimeoutError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.clock import wall_ms
from streams.kafka.topics import CLOCKED
from streams.runtime import light_records
from streams.runtime.alignment import Alignment
from streams.runtime.partition import Batch
from streams.runtime.store import Store

FETCH_WAIT_MS = 100
"""How long the broker may hold a fetch that finds nothing. Requests on the same connection wait behind it: those for
end offsets when partitions are assigned. (Faust's default is 1.5 s.)"""

FETCH_BYTES = 8 * 1024 * 1024
"""The most a broker may answer to one fetch, as on the wire: decompressed, it may be a thousand times as much."""

ALIGN_AGAIN_S = 0.1
"""How long inputs that are ahead wait for one behind them before it is checked again whether they must: its remaining
offsets may hold no record."""

ASK_AGAIN_S = 0.1
"""How long to wait before a request that failed is sent again."""

FULL_S = 0.005
"""How often to check whether an agent can take another batch."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that owns the aiokafka consumer."""

    positions: Mapping[TP, int] = {}
    _fetched_for: Any = None

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        app = consumer.app
        # The clock of wall time goes by how far all inputs have been applied, whatever times they are of.
        self._alignment = Alignment([app.names.of(each) for each in CLOCKED] if app.settings.clock == "event" else ())

    def _create_worker_consumer(self, transport: Any) -> Any:
        light_records.use()
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._fetch_max_bytes = FETCH_BYTES
        return consumer

    async def _fetch_records(self, consumer: Any, active_partitions: set[TP], **options: Any) -> Any:
        abreast = self._alignment.abreast(active_partitions, _left(_assignment(consumer)))
        if abreast != active_partitions:
            options["timeout"] = ALIGN_AGAIN_S
        records = await super()._fetch_records(consumer, abreast, **options)
        for tp in [each for each in records if not self.consumer.flow_active or each not in active_partitions]:
            # Came while Faust was about to pause it, so nobody takes it; seeking to what is committed brings it back
            # only where something is.
            consumer.seek(tp, records.pop(tp)[0].offset)
        # Read in the same breath as the records: past them, and past what is never handed out (transaction markers).
        assignment = _assignment(consumer)
        if assignment is not self._fetched_for:
            self._alignment.forget()
        self._fetched_for = assignment
        self.positions = {tp: state._position for tp, state in _states(assignment)}
        for tp, fetched in records.items():
            self._alignment.read(tp, fetched, wall_ms())
        return records

    def is_member(self) -> bool:
        """False once Kafka has said that the group goes on without this worker."""
        return bool(self._ensure_consumer()._coordinator.generation != driver.DEFAULT_GENERATION_ID)

    async def ask_membership(self) -> None:
        """Asks Kafka whether this worker is still a member (`is_member`). Waits for the answer as long as it takes, or
        until the worker stops."""
        coordinator = self._ensure_consumer()._coordinator
        while self.is_member() and not self.should_stop:
            await coordinator.ensure_coordinator_known()
            if await coordinator._do_heartbeat():
                return
            await asyncio.sleep(ASK_AGAIN_S)

    def holds(self) -> bool:
        """False once a rebalance has taken back what was fetched last."""
        return self._fetched_for is _assignment(self._consumer)


def _assignment(consumer: Any) -> Any:
    """aiokafka's assignment object; a new one after each rebalance."""
    subscription = consumer._subscription.subscription
    return None if subscription is None else subscription.assignment


def _states(assignment: Any) -> list[tuple[TP, Any]]:
    """The states of the assigned partitions whose position is known."""
    states = [(tp, assignment.state_value(tp)) for tp in assignment.tps] if assignment else []
    return [(tp, state) for tp, state in states if state._position is not None]


def _left(assignment: Any) -> dict[TP, int]:
    """How many records each partition has left, as of its last fetch."""
    return {tp: state.highwater - state._position for tp, state in _states(assignment) if state.highwater is not None}


class Consumer(driver.Consumer):
    """Faust's Kafka consumer, with its loop over records replaced."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Per input partition, the offset after the last record handed over…
        self.handed: dict[TP, int] = {}
        #: …and how far its log has been read, which may be further.
        self.read_to: dict[TP, int] = {}

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def highwaters(self, *partitions: TP) -> MutableMapping[TP, int]:
        """The logs' end offsets. Waits for Kafka's answer as long as it takes, or until the worker stops."""
        with self.app.worker.kafka.asking():
            while True:
                try:
                    return dict(await super().highwaters(*partitions))
                except KafkaError as error:
                    if self.should_stop or not (error.retriable or isinstance(error, KafkaTimeoutError)):
                        raise

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.handed.clear()
        self.read_to.clear()
        await super().on_partitions_revoked(revoked)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Faust's Fetcher runs this until the worker stops."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                await self._drain_once()
        except (*self.consumer_stopped_errors, asyncio.CancelledError):
            if not self.app.should_stop:  # else Faust would take it for a crash in a rebalance
                raise

    async def _drain_once(self) -> None:
        records, active = await self._wait_next_records(timeout=1.0)
        positions = self._thread.positions
        await asyncio.sleep(0)
        if records is None or active is None:
            return
        for tp, fetched in records.items():
            if not self._holds():
                return
            if tp not in active:
                continue
            if self._is_changelog_tp(tp):
                await self._restore(tp, fetched)
            else:
                await self._hand_over(tp, fetched)
        if self._holds():
            self.read_to.update((tp, positions[tp]) for tp in active if tp in positions)

    def is_member(self) -> bool:
        """Whether the partitions are still this worker's, as far as Kafka has said."""
        return bool(self._thread.is_member())

    async def ask_membership(self) -> None:
        """Has Kafka say whether they are."""
        await self._thread.call_thread(self._thread.ask_membership)

    def _holds(self) -> bool:
        """False for what was fetched before a rebalance; it is fetched again after it."""
        return self.flow_active and not self.should_stop and self._thread.holds()

    async def _hand_over(self, tp: TP, fetched: Sequence[ConsumerRecord]) -> None:
        """Puts one batch into the queues of its topic's agents; waits while they are full, and while the worker has no
        room for it."""
        batch = Batch(self.app.names.inputs[tp.topic], tp.partition, fetched)
        for channel in self.app.topics._tp_index[tp]:
            # Not `put`: Faust empties the queues when it suspends and resumes, which cancels whoever waits in it; and
            # not before recovery is over, since what is in the queues by then is thrown away.
            while channel.queue.full() or not (self.app.tables.actives_ready and self.app.worker.has_room()):
                await asyncio.sleep(FULL_S)
                if not self._holds():
                    return
            channel.queue.put_nowait(batch)
        self.handed[tp] = fetched[-1].offset + 1

    async def _restore(self, tp: TP, fetched: Sequence[ConsumerRecord]) -> None:
        """Gives a changelog's records to their store at once; Faust gets only the last one, to see how far recovery
        is."""
        recovery = self.app.tables.recovery
        table = recovery.tp_to_table.get(tp)
        if table is None or not recovery.in_recovery:
            return  # records this worker wrote itself
        seen = recovery.active_offsets.get(tp)
        fresh = [record for record in fetched if seen is None or record.offset > seen]
        if not fresh:
            return
        cast(Store, table.data).restore(fresh)
        if len(fresh) > 1:
            recovery.active_offsets[tp] = fresh[-2].offset
        await self.wait_first(self.callback(self._to_message(tp, fresh[-1])), self.suspend_flow.wait())

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Does nothing: Faust would look for messages that aren't acknowledged, but batches are committed by the
        worker."""


class Producer(driver.Producer):
    """Faust's Kafka producer; the broker drops what a retry sends twice."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {**super()._settings_extra(), "enable_idempotence": True}


class Transport(driver.Transport):
    """`shipclock://host:9092`"""

    Consumer = Consumer
    Producer = Producer
