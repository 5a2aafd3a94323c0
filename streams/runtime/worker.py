"""The worker: partitions in memory, and the commit cycle that evaluates, writes and commits.

A commit cycle: advance each partition's clock and evaluate → write alerts and changed facts → await every produce →
commit the inputs' offsets. A failure ends the worker before the commit, so nothing is lost; and since what should be
open is a function of the facts, doing it again after a restart emits nothing twice.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from time import monotonic, thread_time
from typing import Any

from faust.types import TP
from mode import Service

from rules.engine.ceilings import Ceilings
from rules.plan.rule_book import RuleBook
from rules.state.changes import Changes
from streams.budget import BACKLOG_BUDGET
from streams.kafka.failures import PlainError
from streams.kafka.topics import TopicNames
from streams.runtime import boot_time, instruments
from streams.runtime.broker import Broker
from streams.runtime.changelog import CLOCK_KEY, fact_records
from streams.runtime.clock_targets import ClockTargets
from streams.runtime.foreign_alerts import ForeignAlerts
from streams.runtime.kafka_watch import KafkaWatch
from streams.runtime.partition import Batch, Partition
from streams.runtime.standings_publisher import IDLE_BUDGET, IDLE_S
from streams.runtime.wall_clock import WallClock, since_boot_s
from streams.settings import Settings

log = logging.getLogger(__name__)

COMMIT_INTERVAL_S = 0.5
"""How long facts may wait to be evaluated, written and committed."""

BACKLOG_EVENTS = 5_000
BACKLOG_INTERVAL_S = 1.0
"""With this many events since the last commit cycle a backlog is being read, and facts are gathered for longer…"""

BUSY_EVENTS = 100_000
"""…but not more events than this."""

SLICE = 500
"""Orders evaluated before other partitions and the event loop's other tasks run: some 5 ms, or 50 if each has several
alerts."""

EVALUATE_S = 0.4
"""After this long what has been found is written and committed, and the next commit cycle goes on with what is left:
committed facts determine what is still to be evaluated, so a restart in between loses nothing."""

ASLEEP_S = 10.0
"""After a pause this long between two writes (a suspended machine, a cut network), Kafka may have given the partitions
to another worker, and is asked before anything is written."""

KEEP_BOOT_TIME_S = 60.0
"""How often the machine's boot time is written to disk."""

WATCH_S = 1.0
"""How often to check whether Kafka answers and the machine's clock has jumped."""

FINISH_S = 5.0
"""How long the last write and commit may take when the worker is asked to stop."""


class LostMembershipError(RuntimeError):
    """Kafka has given this worker's partitions to another worker, whose records ours could contradict."""


class Worker(Service):
    """The partitions of this process. Faust starts and stops it as a service of the app."""

    def __init__(
        self,
        settings: Settings,
        broker: Broker,
        partition_count: int,
        book: RuleBook,
        kafka: KafkaWatch,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings, self.broker, self.book, self.kafka = settings, broker, book, kafka
        self.partition_count = partition_count
        self.names = TopicNames(settings.topic_prefix, settings.app_id)
        self.partitions: dict[int, Partition] = {}
        self._boot_file = settings.datadir / "clock.json"
        self.wall_clock = WallClock(booted_ms=boot_time.read(self._boot_file))
        #: Called with the values of each commit cycle's records of `alerts` once they are written.
        self.on_alerts: list[Callable[[list[bytes]], None]] = []
        self.events = 0
        #: Whether a backlog is being read; then what can wait gets less of the worker's time.
        self.busy = False
        self._over = self._failed = self._lost = False
        #: How often partitions were lost without warning; state held since before may be out of date.
        self.times_lost = 0
        self._recovered = False
        self._turn = asyncio.Lock()
        self._foreign = ForeignAlerts(settings, self.names.alerts, broker)
        self._due = asyncio.Event()
        self._unfinished = False
        self._events_at_cycle = 0
        self._wrote_at_s = since_boot_s()
        self._targets = ClockTargets(broker, self.names)
        self._committed: dict[TP, int] = {}
        self._seen_ends: dict[TP, int] = {}

    # -- called from the agents and the stores ----------------------------------------------------------------

    def partition(self, number: int) -> Partition:
        partition = self.partitions.get(number)
        if partition is None:
            ceilings = Ceilings(self.settings.max_shops, self.settings.max_orders)
            clock, count, console_url = self.settings.clock, self.partition_count, self.settings.public_url or ""
            partition = Partition(number, count, self.book, clock, self.wall_clock, ceilings, console_url)
            self.partitions[number] = partition
        return partition

    def holding(self, number: int) -> Partition | None:
        """A partition, if it is this worker's and restored."""
        is_restored = self._recovered and self.broker.is_ready and not (self._over or self._lost)
        return self.partition(number) if is_restored and number in self.broker.assigned() else None

    def take(self, batch: Batch) -> None:
        """Applies a batch."""
        if self._failed:
            return  # an earlier batch may be missing
        self._recovered = True  # the transport hands nothing over before
        if not self.events:
            log.info("first records at %d", time.time_ns() // 1_000_000)
        partition = self.partition(batch.partition)
        with instruments.APPLYING.time():
            partition.apply(batch)
        self.events += len(batch.records)
        if self.events - self._events_at_cycle > BUSY_EVENTS:
            self._due.set()

    def forget(self, number: int) -> None:
        """Drops a partition that another worker has now."""
        self.partitions.pop(number, None)
        self._targets.forget(number)
        self._foreign.forget(number)

    def crash(self, error: BaseException) -> None:
        """Ends the worker; what isn't committed is read again after the restart."""
        self._over = self._failed = True
        log.error("the worker ends: %s", error, exc_info=None if isinstance(error, PlainError) else error)
        self.add_future(self.broker.crash(error))

    @Service.task
    async def _keep_boot_time(self) -> None:
        while self.settings.clock == "wall" and not self.should_stop:
            boot_time.write(self._boot_file, self.wall_clock.booted_ms)
            await self.sleep(KEEP_BOOT_TIME_S)

    @Service.task
    async def _watch(self) -> None:
        """Runs all the time, even while there is nothing to evaluate."""
        while not self.should_stop:
            self.kafka.look()
            if self.settings.clock == "wall":
                self.wall_clock.now_ms()
            await self.sleep(WATCH_S)

    # -- the commit cycle -------------------------------------------------------------------------------------------

    @Service.task
    async def _run_commit_cycles(self) -> None:
        while not (self.should_stop or self._over):
            await self._pause()
            try:
                await self.commit_cycle()
            except LostMembershipError as error:
                if self.broker.is_rebalancing:
                    log.warning("offsets wait for the rebalance to be over: %s", error)
                else:
                    self._lose(error)
            except Exception as error:
                self.crash(error)

    async def _pause(self) -> None:
        """Waits for the next commit cycle; longer while a backlog is read, so that more of an order's changes are
        evaluated as one. Doesn't wait if the last cycle left something to evaluate."""
        if self._unfinished:
            return
        await self.sleep(COMMIT_INTERVAL_S)
        if self.events - self._events_at_cycle > BACKLOG_EVENTS:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BACKLOG_INTERVAL_S - COMMIT_INTERVAL_S):
                    await self._due.wait()
        self._due.clear()

    async def commit_cycle(self) -> None:
        """Evaluates, writes and commits, if the partitions are this worker's and restored."""
        async with self._turn:
            if self._over or self._lost or not self.broker.is_ready:
                self.busy = self._unfinished = False
                return
            self._recovered = True
            self.busy = self.events - self._events_at_cycle > BACKLOG_EVENTS
            self._events_at_cycle = self.events
            with instruments.CYCLE.time():
                with instruments.EVALUATING.time():
                    await self._move_clocks()
                await self._write_and_commit()

    async def finish(self) -> None:
        """The last write and commit before the worker stops, unless it stops because of an error.

        Raises what prevents it: TimeoutError, KafkaError.
        """
        if self._over or self.broker.is_crashed:
            return
        self._over = True
        try:
            async with asyncio.timeout(FINISH_S):
                await self.flush_before_revoke()
        except TimeoutError:
            raise TimeoutError(f"Kafka has not answered for {FINISH_S:.0f} s") from None

    async def flush_before_revoke(self) -> None:
        """Before partitions are revoked: writes and commits what has been applied, without advancing clocks.

        State that isn't restored is not written. If the partitions are lost already, another worker may have written:
        their state is dropped, and restored anew if they come back.
        """
        async with self._turn:
            try:
                if self._recovered and not self._lost:
                    await self._write_and_commit()
            except LostMembershipError as error:
                self._lose(error)
            if self._lost:
                self.times_lost += 1
                for number in list(self.partitions):
                    self.forget(number)
            self._recovered = self._lost = False
            self._targets.forget()
            self._committed.clear()
            for partition in self.partitions.values():
                partition.applied.clear()

    def _lose(self, error: LostMembershipError) -> None:
        """Writes nothing more until Kafka has assigned partitions anew, which is asked for here."""
        self._lost = True
        log.warning("%s: nothing is written until it has joined again, and state is read anew", error)

    async def _move_clocks(self) -> None:
        if not self.partitions:
            return
        now_ms = self.wall_clock.now_ms()
        ends, alerts_ends = await self._ends()
        self._seen_ends = ends
        await self._foreign.look(self.partitions, alerts_ends)
        await self._evaluate(
            {partition: self._targets.of(partition, now_ms, ends) for partition in self.partitions.values()}
        )

    async def _evaluate(self, targets: dict[Partition, int | None]) -> None:
        """Evaluates each partition up to its clock's target (epoch ms; None: with the clock as it stands), in turns and
        slices, until all is done or time is up."""
        began_s = monotonic()
        while targets:
            for partition, target_ms in list(targets.items()):
                if self.partitions.get(partition.number) is not partition or partition.evaluate(target_ms, SLICE):
                    del targets[partition]
                await asyncio.sleep(0)
            if self._over or monotonic() - began_s > EVALUATE_S:
                break
        self._unfinished = bool(targets)

    async def _ends(self) -> tuple[dict[TP, int], dict[int, int]]:
        """The end offsets of the inputs and of the alerts, per partition."""
        names, numbers = self.names, list(self.partitions)
        tps = [TP(topic, number) for number in numbers for topic in (*names.inputs, names.alerts)]
        ends = await self.broker.ends(tps)
        return ends, {number: ends.pop(TP(names.alerts, number)) for number in numbers}

    def behind(self) -> dict[tuple[str, int], int]:
        """Records not applied yet, by plain topic and partition, of those that were there at the last commit cycle."""
        found = {}
        for tp, end in self._seen_ends.items():
            partition = self.partitions.get(tp.partition)
            applied = None if partition is None else self._targets.applied(partition, tp)
            if applied is not None:
                found[self.names.inputs[tp.topic], tp.partition] = max(0, end - applied)
        return found

    # -- beside the commit cycle ------------------------------------------------------------------------------------

    @Service.task
    async def _publish_on(self) -> None:
        """Computes standings, one partition's turn at a time, and rests after each in proportion."""
        while not (self.should_stop or self._over):
            idle = True
            for partition in list(self.partitions.values()):
                began_s = thread_time()
                if self._recovered and partition.standings.turn(partition.engine):
                    idle = False
                    share = BACKLOG_BUDGET if self.busy else IDLE_BUDGET
                    await self.sleep((thread_time() - began_s) * (1 / share - 1))
            if idle:
                await self.sleep(IDLE_S)

    # -- writing --------------------------------------------------------------------------------------------

    async def _write_and_commit(self) -> None:
        if self._failed:
            return
        await self._check_membership()
        outbox = self.broker.outbox()
        names = self.names
        facts: dict[int, list[tuple[bytes, bytes | None]]] = {}
        emitted: dict[int, list[tuple[bytes, bytes]]] = {}
        # No await from here to the last add, so that what is written and what is committed are of one moment.
        for number, partition in self.partitions.items():
            changes = partition.engine.drain()
            emitted[number] = partition.drain_alerts()
            facts[number] = list(_fact_records(changes, partition))
            outbox.add(names.alerts, number, emitted[number])
            outbox.add(names.facts, number, facts[number])
            for letter in partition.dead:
                outbox.add(names.dead_letters, number, [(letter.key, letter.value)], letter.headers)
            partition.dead = []
            partition.standings.note(changes)
            outbox.add(names.standings, number, partition.standings.take())
        offsets = self._offsets()
        try:
            with instruments.FLUSHING.time(), self.kafka.asking():
                written = await outbox.send()
        except BaseException:  # cancelled, too: it is drained and may not be written, so no offset may be committed now
            self._failed = True
            raise
        for number in emitted:
            for topic, records in ((names.facts, facts[number]), (names.alerts, emitted[number])):
                if (topic, number) in written:
                    self.broker.keep(topic, number, records, written[topic, number])
            self._foreign.wrote(number, outbox.count(names.alerts, number))
        await self._commit(offsets)
        for partition in self.partitions.values():
            partition.reasons.count()
        for listener in self.on_alerts:
            listener([value for records in emitted.values() for _, value in records])

    async def _check_membership(self) -> None:
        """Raises LostMembershipError if the partitions aren't this worker's any more. The time since the last write is
        checked here, not when a commit cycle begins, because with the network cut the cycle waits for end offsets."""
        if since_boot_s() - self._wrote_at_s > ASLEEP_S:
            with self.kafka.asking():
                await self.broker.ask_membership()
        self._wrote_at_s = since_boot_s()
        if not self.broker.is_member():
            raise LostMembershipError("this worker has lost its place in the group")

    def _offsets(self) -> dict[TP, int]:
        """The offsets of all that has been applied and isn't committed yet."""
        offsets = {
            TP(topic, number): partition.applied[plain]
            for number, partition in self.partitions.items()
            for topic, plain in self.names.inputs.items()
            if plain in partition.applied
        }
        return {tp: offset for tp, offset in offsets.items() if self._committed.get(tp) != offset}

    async def _commit(self, offsets: dict[TP, int]) -> None:
        if not offsets:
            return
        with instruments.COMMITTING.time(), self.kafka.asking():
            committed = await self.broker.commit(offsets)
        if not committed:
            raise LostMembershipError("Kafka refused the commit of offsets; another worker may have the partitions")
        self._committed.update(offsets)
        instruments.count_commit()


def _fact_records(changes: Changes, partition: Partition) -> Iterable[tuple[bytes, bytes | None]]:
    yield from fact_records(changes)
    progress = partition.progress()
    if progress is not None:
        yield CLOCK_KEY, progress
