"""How far each partition's clock may advance, by how far its inputs have been applied."""

from collections.abc import Mapping
from time import monotonic

from faust.types import TP

from streams.kafka.topics import TopicNames
from streams.runtime.broker import Broker
from streams.runtime.log_ends import Answer
from streams.runtime.partition import Partition
from streams.runtime.wall_clock import DRIFT_MS

QUIET_S = 1.0
"""How long nothing must come before a partition's event-time clock counts as idle."""

Moment = tuple[int, Mapping[TP, int]]
"""An instant (epoch ms), and end offsets of the inputs' logs past all that had been appended by then."""


class ClockTargets:
    """In wall time: the moment that each partition's clock waits to reach."""

    def __init__(self, broker: Broker, names: TopicNames) -> None:
        self._broker, self._names = broker, names
        self._pending: dict[int, Moment] = {}

    def forget(self, number: int | None = None) -> None:
        """Forgets the target of a partition, or of all of them (None)."""
        if number is None:
            self._pending.clear()
        else:
            self._pending.pop(number, None)

    def of(self, partition: Partition, now_ms: int, answer: Answer | None) -> int | None:
        """The instant to which a partition's clock advances (epoch ms); None if it stays. `answer`: where logs end."""
        if not partition.wall:
            return self._in_event_time(partition, answer)
        if partition.engine.clock_ms > now_ms + DRIFT_MS:  # set while the machine's clock was wrong
            partition.engine.set_back(now_ms)
        return self._in_wall_time(partition, now_ms + DRIFT_MS, self._moment(partition, answer))

    def _moment(self, partition: Partition, answer: Answer | None) -> Moment | None:
        """What an answer says of a partition; None if there is none since the partition came."""
        if answer is None:
            return None
        tps = [TP(topic, partition.number) for topic in self._names.inputs]
        ends = {tp: answer.ends[tp] for tp in tps if tp in answer.ends}
        return (answer.asked_ms, ends) if len(ends) == len(tps) else None

    def _in_wall_time(self, partition: Partition, latest_ms: int, newest: Moment | None) -> int | None:
        """The last moment for which all of a partition's inputs have been applied. A moment that isn't reached yet is
        waited for, however many follow: under load there are always records on their way at the newest one."""
        pending = self._pending.get(partition.number)
        for moment in (newest, pending):
            if moment is not None and moment[0] <= latest_ms and self._applied_past(partition, moment[1]):
                self._pending.pop(partition.number, None)
                return moment[0]
        if newest is not None and (pending is None or pending[0] > latest_ms):
            self._pending[partition.number] = newest
        return None

    def _in_event_time(self, partition: Partition, answer: Answer | None) -> int:
        """Idle once nothing has come for a while, and all is applied that was there when Kafka was asked last. It must
        have been asked since the last records came: an older answer doesn't know what has been appended since."""
        quiet_s = monotonic() - partition.quiet_since_s
        if quiet_s >= QUIET_S and answer is not None and answer.age_s() <= quiet_s:
            moment = self._moment(partition, answer)
            if moment is not None and self._applied_past(partition, moment[1]):
                return partition.clock.idle_ms()
        return partition.clock.now_ms()

    def _applied_past(self, partition: Partition, ends: Mapping[TP, int]) -> bool:
        applied = {tp: self.applied(partition, tp) for tp in ends}
        return all(offset is not None and offset >= ends[tp] for tp, offset in applied.items())

    def applied(self, partition: Partition, tp: TP) -> int | None:
        """The offset up to which an input's partition has been applied."""
        return self._broker.applied(tp, partition.applied.get(self._names.inputs[tp.topic]))

    def behind(self, partitions: Mapping[int, Partition], answer: Answer | None) -> dict[tuple[str, int], int]:
        """Records not applied yet, by plain topic and partition, of those before the logs' ends."""
        found = {}
        for tp, end in {} if answer is None else answer.ends.items():
            partition = partitions.get(tp.partition)
            if partition is None or tp.topic not in self._names.inputs:
                continue
            applied = self.applied(partition, tp)
            if applied is not None:
                found[self._names.inputs[tp.topic], tp.partition] = max(0, end - applied)
        return found
