"""Writes what a commit cycle has found, and commits the inputs' offsets once Kafka holds it all.

The order is what makes restarts safe: every produce is awaited before offsets are committed. If one fails, nothing is
committed any more, and what was read since the last commit is read again after the restart.
"""

from collections.abc import Mapping
from typing import NamedTuple

from faust.types import TP

from rules.state.changes import Changes
from streams.clock import wall_ms
from streams.kafka.outbox import Outbox
from streams.kafka.topics import TopicNames
from streams.runtime import instruments
from streams.runtime.broker import Broker
from streams.runtime.changelog import CLOCK_KEY, fact_records
from streams.runtime.foreign_alerts import ForeignAlerts
from streams.runtime.kafka_watch import KafkaWatch
from streams.runtime.log_ends import LogEnds
from streams.runtime.partition import Partition
from streams.runtime.wall_clock import since_boot_s

ASLEEP_S = 10.0
"""After so long without an answer of Kafka's (a suspended machine, a cut network), it may have given the partitions to
another worker, and is asked before anything is written."""


class LostMembershipError(RuntimeError):
    """Kafka has given this worker's partitions to another worker, whose records ours could contradict."""


class Drained(NamedTuple):
    """What the partitions held at one moment: records to write, also by partition; ids of alerts that are forgotten
    once those are written; and the offsets that they cover."""

    outbox: Outbox
    facts: dict[int, list[tuple[bytes, bytes | None]]]
    alerts: dict[int, list[tuple[bytes, bytes]]]
    forgotten: dict[int, list[str]]
    offsets: dict[TP, int]


class Committer:
    """Owns which offsets have been committed, and whether any more may be."""

    def __init__(
        self, broker: Broker, names: TopicNames, kafka: KafkaWatch, log_ends: LogEnds, foreign: ForeignAlerts
    ) -> None:
        self._broker, self._names, self._kafka = broker, names, kafka
        self._log_ends, self._foreign = log_ends, foreign
        self._committed: dict[TP, int] = {}
        self._heard_s = since_boot_s()
        #: Set after a failure: what was drained may not be written, so nothing may be committed any more.
        self.is_stopped = False
        #: How many cycles have written alerts.
        self.alert_writes = 0

    def stop(self) -> None:
        """Writes and commits nothing any more."""
        self.is_stopped = True

    def forget(self) -> None:
        """Forgets which offsets have been committed, before partitions are assigned anew."""
        self._committed.clear()

    async def write_and_commit(self, partitions: Mapping[int, Partition]) -> list[bytes] | None:
        """Writes what has changed and commits the offsets of all that has been applied. Returns the values of the
        alerts written; None after a failure, when nothing is written.

        Raises LostMembershipError if the partitions aren't this worker's any more, KafkaError.
        """
        if self.is_stopped:
            return None
        await self._check_membership()
        drained = self._drain(partitions)
        await self._write(drained)
        await self._commit(drained.offsets)
        return [value for records in drained.alerts.values() for _, value in records]

    async def _check_membership(self) -> None:
        """Raises LostMembershipError if the partitions aren't this worker's any more.

        How long Kafka has been silent goes by when requests were sent that it has answered: an answer that comes after
        the machine was suspended, or the network cut, says nothing of the group.
        """
        answer = self._log_ends.newest
        if answer is not None and answer.asked_s - self._heard_s <= ASLEEP_S:
            self._heard_s = max(self._heard_s, answer.asked_s)
        if since_boot_s() - self._heard_s > ASLEEP_S:
            with self._kafka.asking():
                await self._broker.ask_membership()
            self._heard_s = since_boot_s()
        if not self._broker.is_member():
            raise LostMembershipError("this worker has lost its place in the group")

    def _drain(self, partitions: Mapping[int, Partition]) -> Drained:
        """Takes what must be written. It awaits nothing, so that records and offsets are of one moment."""
        names, outbox = self._names, self._broker.outbox()
        now_ms = wall_ms()
        drained = Drained(outbox, {}, {}, {}, self._offsets(partitions))
        for number, partition in partitions.items():
            changes = partition.engine.drain()
            drained.alerts[number] = partition.drain_alerts()
            drained.facts[number] = records_of(changes, partition)
            drained.forgotten[number] = changes.forgotten
            outbox.add(names.alerts, number, drained.alerts[number])
            outbox.add(names.facts, number, drained.facts[number])
            for letter in partition.dead:
                outbox.add(names.dead_letters, number, [(letter.key, letter.value)], letter.headers)
            partition.dead = []
            partition.standings.note(changes)
            outbox.add(names.standings, number, partition.standings.drain())
            for day_ms, records in partition.days.drain().items():
                # A broker may refuse timestamps that lie ahead of its clock.
                outbox.add(names.daily_values, number, records, timestamp_ms=min(day_ms, now_ms))
        return drained

    async def _write(self, drained: Drained) -> None:
        outbox, names = drained.outbox, self._names
        self.alert_writes += any(drained.alerts.values())
        try:
            with instruments.FLUSHING.time(), self._kafka.asking():
                written = await outbox.send()
        except BaseException:  # cancelled, too: it is drained and may not be written, so no offset may be committed now
            self.stop()
            raise
        for number in drained.alerts:
            # Only now: a start that knows of the orders again, because they weren't deleted, must know of their alerts.
            # And before what was written: an alert may have come up again since.
            self._broker.forget(names.alerts, number, [alert.encode() for alert in drained.forgotten[number]])
            for topic, records in ((names.facts, drained.facts[number]), (names.alerts, drained.alerts[number])):
                if (topic, number) in written:
                    self._broker.note_written(topic, number, records, written[topic, number])
            self._foreign.wrote(number, outbox.count(names.alerts, number))

    def _offsets(self, partitions: Mapping[int, Partition]) -> dict[TP, int]:
        """The offsets of all that has been applied and isn't committed yet."""
        offsets = {
            TP(topic, number): partition.applied[plain]
            for number, partition in partitions.items()
            for topic, plain in self._names.inputs.items()
            if plain in partition.applied
        }
        return {tp: offset for tp, offset in offsets.items() if self._committed.get(tp) != offset}

    async def _commit(self, offsets: dict[TP, int]) -> None:
        if not offsets:
            return
        with instruments.COMMITTING.time(), self._kafka.asking():
            committed = await self._broker.commit(offsets)
        if not committed:
            raise LostMembershipError("Kafka refused the commit of offsets; another worker may have the partitions")
        self._committed.update(offsets)
        instruments.count_commit()


def records_of(changes: Changes, partition: Partition) -> list[tuple[bytes, bytes | None]]:
    """The records of the facts changelog, with the partition's clock where it is to be kept."""
    records = fact_records(changes)
    progress = partition.progress(bool(changes.expired))
    if progress is not None:
        records.append((CLOCK_KEY, progress))
    return records
