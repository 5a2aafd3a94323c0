"""The worker: partitions in memory, and the commit cycle that evaluates, writes and commits.

A commit cycle: advance each partition's clock and evaluate → write alerts and changed facts → await every produce →
commit the inputs' offsets. A failure ends the worker before the commit, so nothing is lost; and since what should be
open is a function of the facts, doing it again after a restart emits nothing twice. Where more is due than one cycle
evaluates, the worker goes on evaluating while Kafka takes what was found; the next cycle writes what that finds.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from time import monotonic
from typing import Any

from mode import Service

from rules.engine.ceilings import Ceilings
from rules.engine.engine import Engine
from rules.plan.rule_book import RuleBook
from streams.kafka.failures import PlainError
from streams.kafka.topics import TopicNames
from streams.runtime import allocator, boot_time, garbage, instruments
from streams.runtime.broker import Broker
from streams.runtime.clock_targets import ClockTargets
from streams.runtime.committer import Committer, LostMembershipError
from streams.runtime.foreign_alerts import ForeignAlerts
from streams.runtime.kafka_watch import KafkaWatch
from streams.runtime.log_ends import LogEnds
from streams.runtime.pacing import Pacing
from streams.runtime.partition import Batch, Partition
from streams.runtime.standings_turns import standings_turns
from streams.runtime.wall_clock import WallClock
from streams.settings import Settings

log = logging.getLogger(__name__)

SLICE = 500
"""Orders evaluated before other partitions and the event loop's other tasks run: some 5 ms, or 50 if each has several
alerts."""

SLICE_BESIDE = 100
"""The same while the broker's acknowledgements are awaited, which are to be seen when they come."""

EVICT = 2_000
"""Orders of a partition that are looked at whether they may leave memory, after each commit cycle: some 5 ms, or 15 if
all leave. The event loop's other tasks run before the next partition's."""

ENCODE = 1_000
"""Orders of all partitions that are looked at whether they can be encoded, after each commit cycle without a backlog:
some 5 ms if all can."""

GIVE_UP_AFTER = 20
"""Rounds of `ENCODE` orders in a row, over all partitions, of which none could be encoded: after them the next commit
cycle goes on with the orders behind. To look at one that can't be takes 0.4 us."""

MOST_DECODED = 35_000
"""Where more orders of all partitions are decoded, as in a backlog, as many more leave memory or are encoded as can: a
decoded one takes some 1.5 KB."""

MOST_DECODED_BETWEEN = 80_000
"""Where so many are decoded while some wait to be evaluated or written, which can't be encoded before, reading waits
for the commit cycle."""

EVALUATE_S = 0.4
"""After this long what has been found is written and committed, and the next commit cycle goes on with what is left:
committed facts determine what is still to be evaluated, so a restart in between loses nothing."""

MOST_UNWRITTEN = 20_000
"""While Kafka takes what was found before, so many alerts more are found at most: each takes some 1.2 KB."""

KEEP_BOOT_TIME_S = 60.0
"""How often the machine's boot time is written to disk."""

WATCH_S = 1.0
"""How often to check whether Kafka answers and the machine's clock has jumped."""

TRIM_EVENTS = 250_000
"""After so many events of a backlog memory that they left free is given back…"""

TRIM_EVENTS_IDLE = 25_000
"""…and after so many where none is read, such as once it is over."""

FINISH_S = 5.0
"""How long the last write and commit may take when the worker is asked to stop."""


CHECKPOINT_S = 3.0
"""How long it may take after that to have shops checkpointed."""


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
        #: Whether a backlog is being read, or many deadlines fall due, or more is due than one commit cycle evaluates;
        #: then what can wait gets less of the worker's time.
        self.busy = False
        self._over = self._lost = False
        #: How often partitions were lost without warning; state held since before may be out of date.
        self.times_lost = 0
        self._recovered = False
        self._trimmed_at_events = 0
        self._one_at_a_time = asyncio.Lock()
        self._pacing = Pacing()
        self._unfinished = self._dropped = False
        self._foreign = ForeignAlerts(settings, self.names.alerts, broker)
        self._log_ends = LogEnds(broker, self.names, kafka, lambda: self.wall_clock.now_ms())
        self._targets = ClockTargets(broker, self.names)
        self._committer = Committer(broker, self.names, kafka, self._log_ends, self._foreign)

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
        return self.partition(number) if self.is_restored and number in self.broker.assigned() else None

    @property
    def is_restored(self) -> bool:
        """Whether the partitions are this worker's, with all their state."""
        return self._recovered and self.broker.is_ready and not (self._over or self._lost)

    def apply(self, batch: Batch) -> None:
        """Applies a batch."""
        if self._committer.is_stopped:
            return  # an earlier batch may be missing
        self._note_recovery()  # the transport hands nothing over before
        if not self.events:
            log.info("first records at %d", time.time_ns() // 1_000_000)
        partition = self.partition(batch.partition)
        with instruments.APPLYING.time():
            partition.apply(batch)
        self.events += len(batch.records)
        self._pacing.arrived(len(batch.records))

    def has_room(self) -> bool:
        """Whether more records may be applied now. Where not, a commit cycle makes room, and begins at once.

        In event time a clock waits until all that was applied is evaluated, which takes longer than merging it: if a
        backlog were read on meanwhile, no clock would move before its end. A shop whose orders are loaded from the disk
        keeps none of the others waiting."""
        partitions = self.partitions.values()
        is_loading = any(each.engine.is_loading for each in partitions)
        if self._unfinished and self.settings.clock == "event" and not is_loading:
            return False
        if sum([each.engine.decoded_orders for each in partitions]) <= MOST_DECODED_BETWEEN:
            return True
        if self._one_at_a_time.locked():
            return False
        if any(each.engine.has_unfinished_orders for each in partitions):
            self._pacing.hurry()
            return False
        return True  # no cycle makes more

    def _note_recovery(self) -> None:
        """State is restored, so what is evaluated from now on may be written."""
        if not self._recovered:
            if self._dropped:
                garbage.free_dropped()
            garbage.set_aside()
            self._recovered, self._dropped = True, False
            self._trimmed_at_events = self.events - TRIM_EVENTS_IDLE  # reading state back has left free memory, too

    def forget(self, number: int) -> None:
        """Drops a partition that another worker has now."""
        self._dropped |= self.partitions.pop(number, None) is not None
        self._targets.forget(number)
        self._foreign.forget(number)

    def crash(self, error: BaseException) -> None:
        """Ends the worker; what isn't committed is read again after the restart."""
        self._over = True
        self._committer.stop()
        log.error("the worker ends: %s", error, exc_info=None if isinstance(error, PlainError) else error)
        self.add_future(self.broker.crash(error))

    async def on_stop(self) -> None:
        self._pacing.stop()
        await self._log_ends.stop()
        await self.broker.close()

    @Service.task
    async def _keep_boot_time(self) -> None:
        while self.settings.clock == "wall" and not self.should_stop:
            boot_time.write(self._boot_file, self.wall_clock.booted_ms)
            await self.sleep(KEEP_BOOT_TIME_S)

    @Service.task
    async def _watch(self) -> None:
        """Runs all the time, even while there is nothing to evaluate."""
        while not self.should_stop:
            self.kafka.check()
            if self.events - self._trimmed_at_events >= (TRIM_EVENTS if self.busy else TRIM_EVENTS_IDLE):
                self._trimmed_at_events = self.events
                allocator.trim()
            if self.settings.clock == "wall":
                self.wall_clock.now_ms()
            await self.sleep(WATCH_S)

    # -- the commit cycle -------------------------------------------------------------------------------------------

    @Service.task
    async def _run_commit_cycles(self) -> None:
        while not (self.should_stop or self._over):
            if not self._unfinished:
                await self._pacing.until_due()
            try:
                await self.commit_cycle()
            except LostMembershipError as error:
                if self.broker.is_rebalancing:
                    log.warning("offsets wait for the rebalance to be over: %s", error)
                else:
                    self._wait_for_assignment(error)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if self.should_stop or (task is not None and task.cancelling()):
                    raise
                # By what it awaited. Without cycles the worker would look healthy and emit nothing.
                self.crash(RuntimeError("what a commit cycle waited for was cancelled"))
            except Exception as error:
                self.crash(error)

    async def commit_cycle(self) -> None:
        """Evaluates, writes and commits, if the partitions are this worker's and restored."""
        async with self._one_at_a_time:
            if self._over or self._lost or not self.broker.is_ready:
                self.busy = self._unfinished = False
                self._pacing.begin()
                self._pacing.found(0)
                return
            self._note_recovery()
            with instruments.CYCLE.time(), self._pacing.cycle():
                with instruments.EVALUATING.time():
                    await self._log_ends.refresh(self.partitions, self._committer.alert_writes)
                    self.busy = self._pacing.is_backlog or self._pacing.is_burst or self._unfinished
                    self._pacing.begin(sum(self.behind().values()))
                    left = await self._move_clocks()
                await self._write_while_evaluating(left)

    async def finish(self) -> None:
        """The last write and commit before the worker stops, unless it stops because of an error.

        Raises what prevents it: TimeoutError, KafkaError.
        """
        if self._over or self.broker.is_crashed:
            return
        self._over = True
        try:
            is_whole, began_s = self._recovered, monotonic()
            async with asyncio.timeout(FINISH_S):
                await self.flush_before_revoke()
        except TimeoutError:
            raise TimeoutError(f"Kafka has not answered for {FINISH_S:.0f} s") from None
        if is_whole and not self._committer.is_stopped:
            await self._checkpoint(min(monotonic() + CHECKPOINT_S, began_s + FINISH_S))

    async def _checkpoint(self, until_s: float) -> None:
        """Saves the next start some time, for as long as there is."""
        for partition in list(self.partitions.values()):
            for _ in partition.checkpointing.finish(until_s):
                await asyncio.sleep(0)

    async def flush_before_revoke(self) -> None:
        """Before partitions are revoked: writes and commits what has been applied, without advancing clocks.

        State that isn't restored is not written. If the partitions are lost already, another worker may have written:
        their state is dropped, and restored anew if they come back.
        """
        async with self._one_at_a_time:
            try:
                if self._recovered and not self._lost:
                    await self._write_and_commit()
            except LostMembershipError as error:
                self._wait_for_assignment(error)
            if self._lost:
                self.times_lost += 1
                for number in list(self.partitions):
                    self.forget(number)
            self._recovered = self._lost = False
            self._targets.forget()
            self._committer.forget()
            if not self.partitions and self._dropped:
                garbage.free_dropped()  # before as much is read again, and again after it: others may look at it still
            for partition in self.partitions.values():
                partition.applied.clear()

    def _wait_for_assignment(self, error: LostMembershipError) -> None:
        """Writes nothing more until Kafka has assigned partitions anew, which is asked for here."""
        self._lost = True
        log.warning("%s: nothing is written until it has joined again, and state is read anew", error)

    async def _move_clocks(self) -> dict[Partition, int | None]:
        """Evaluates up to now. Returns what is left, as `_evaluate` does."""
        answer = self._log_ends.newest
        if answer is not None and answer.at_write == self._committer.alert_writes:
            # Of an alert that is emitted and not yet written, its newest record would be taken for a foreign one.
            written = {n: each for n, each in self.partitions.items() if not each.unwritten_alerts}
            await self._foreign.check(written, answer.of_topic(self.names.alerts))
        now_ms = self.wall_clock.now_ms()
        return await self._evaluate(
            {partition: self._targets.of(partition, now_ms, answer) for partition in self.partitions.values()}
        )

    async def _evaluate(self, targets: dict[Partition, int | None]) -> dict[Partition, int | None]:
        """Evaluates each partition up to its clock's target (epoch ms; None: with the clock as it stands), in turns and
        slices, until all is done or time is up. Returns the targets of those that have something left."""
        began_s = monotonic()
        self._unfinished = bool(targets)
        while targets and not self._over:
            await self._evaluate_slices(targets, SLICE)
            if monotonic() - began_s > EVALUATE_S:
                break
        self._unfinished = bool(targets)
        self._pacing.found(self._unwritten_alerts())
        self.busy |= self._unfinished or self._pacing.is_burst
        return targets

    def _unwritten_alerts(self) -> int:
        return sum([each.unwritten_alerts for each in self.partitions.values()])

    async def _evaluate_slices(self, targets: dict[Partition, int | None], limit: int) -> None:
        """Evaluates at most `limit` orders of each partition, and takes those from the targets that are done."""
        for partition, target_ms in list(targets.items()):
            await asyncio.sleep(0)
            if self.partitions.get(partition.number) is not partition or partition.evaluate(target_ms, limit):
                del targets[partition]

    async def _write_while_evaluating(self, left: dict[Partition, int | None]) -> None:
        """Writes and commits what has been found so far. While Kafka takes it, goes on with what is `left`; what that
        finds is written in the next commit cycle, which begins at once."""
        if not left:
            await self._write_and_commit()
            return
        writing = asyncio.ensure_future(self._write_and_commit())
        try:
            while left and not (writing.done() or self._over) and self._unwritten_alerts() < MOST_UNWRITTEN:
                await self._evaluate_slices(left, SLICE_BESIDE)
            await writing
        finally:
            writing.cancel()

    def behind(self) -> dict[tuple[str, int], int]:
        """Records not applied yet, by plain topic and partition, of those that were there at the last commit cycle."""
        return self._targets.behind(self.partitions, self._log_ends.newest)

    # -- beside the commit cycle ------------------------------------------------------------------------------------

    @Service.task
    async def _publish_standings(self) -> None:
        turns = standings_turns(lambda: self.partitions if self._recovered else {}, lambda: self.busy)
        while not (self.should_stop or self._over):
            await self.sleep(next(turns))

    # -- writing --------------------------------------------------------------------------------------------

    async def _write_and_commit(self) -> None:
        alerts = await self._committer.write_and_commit(self.partitions)
        if alerts is None:
            return
        for listener in self.on_alerts:
            listener(alerts)
        for partition in list(self.partitions.values()):
            await asyncio.sleep(0)
            partition.reasons.count()
            await self._evict_and_encode(partition.engine)
            partition.checkpointing.turn(self.busy, partition.is_written)

    async def _evict_and_encode(self, engine: Engine) -> None:
        """Has finished orders leave memory and quiet ones encoded: a few, or as many as are decoded too many."""
        most = MOST_DECODED // max(1, len(self.partitions))
        for _ in range(0, max(EVICT, engine.decoded_orders - most), EVICT):
            engine.evict(limit=EVICT)
            await asyncio.sleep(0)
        excess = engine.decoded_orders - most  # of those that haven't left
        quiet = 0 if self.busy else ENCODE // max(1, len(self.partitions)) + 1
        fruitless_rounds = 0
        for first in range(0, max(quiet, excess), ENCODE):
            decoded = engine.decoded_orders
            engine.encode_quiet(limit=min(ENCODE, max(quiet, excess) - first), most=most)
            await asyncio.sleep(0)
            fruitless_rounds = fruitless_rounds + 1 if engine.decoded_orders == decoded else 0
            if fruitless_rounds >= GIVE_UP_AFTER / max(1, len(self.partitions)):
                break
