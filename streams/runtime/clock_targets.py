"""How far each partition's clock may advance, by how far its inputs have been applied."""

from collections.abc import Mapping
from time import monotonic

from faust.types import TP

from streams.kafka.topics import TopicNames
from streams.runtime.broker import Broker
from streams.runtime.partition import Partition
from streams.runtime.wall_clock import DRIFT_MS

QUIET_S = 1.0
"""How long nothing must come before a partition's event-time clock counts as idle."""

Ends = Mapping[TP, int]
"""The end offsets of the inputs' logs."""


class ClockTargets:
    """In wall time: the moment that each partition's clock waits to reach, and its inputs' end offsets at that
    moment."""

    def __init__(self, broker: Broker, names: TopicNames) -> None:
        self._broker, self._names = broker, names
        self._pending: dict[int, tuple[int, dict[TP, int]]] = {}

    def forget(self, number: int | None = None) -> None:
        """Forgets the target of a partition, or of all of them (None)."""
        if number is None:
            self._pending.clear()
        else:
            self._pending.pop(number, None)

    def of(self, partition: Partition, now_ms: int, ends: Ends) -> int | None:
        """The instant to which a partition's clock advances (epoch ms); None if it stays."""
        mine = {tp: end for tp, end in ends.items() if tp.partition == partition.number}
        return self._in_wall_time(partition, now_ms, mine) if partition.wall else self._in_event_time(partition, mine)

    def _in_wall_time(self, partition: Partition, now_ms: int, ends: dict[TP, int]) -> int | None:
        """The last moment for which all of a partition's inputs have been applied: a moment is taken together with the
        inputs' end offsets, and reached once the inputs have been applied past those."""
        latest_ms = now_ms + DRIFT_MS
        if partition.engine.clock_ms > latest_ms:  # set while the machine's clock was wrong
            partition.engine.set_back(now_ms)
        if partition.number in self._pending and self._pending[partition.number][0] > latest_ms:
            del self._pending[partition.number]
        then_ms, then = self._pending.setdefault(partition.number, (now_ms, ends))
        if not self._applied_past(partition, then):
            return None
        del self._pending[partition.number]
        return then_ms

    def _in_event_time(self, partition: Partition, ends: Ends) -> int:
        quiet = monotonic() - partition.quiet_since_s >= QUIET_S
        if quiet and self._applied_past(partition, ends):
            return partition.clock.idle_ms()
        return partition.clock.now_ms()

    def _applied_past(self, partition: Partition, ends: Ends) -> bool:
        applied = {tp: self.applied(partition, tp) for tp in ends}
        return all(offset is not None and offset >= ends[tp] for tp, offset in applied.items())

    def applied(self, partition: Partition, tp: TP) -> int | None:
        """The offset up to which an input's partition has been applied."""
        return self._broker.applied(tp, partition.applied.get(self._names.inputs[tp.topic]))
