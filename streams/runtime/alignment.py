"""Event-time alignment: in event time, inputs of one partition are read so that none runs far ahead of the others.

Kafka keeps no order between topics, and each fetch of a backlog brings about as many bytes of each input, however many
days those cover. Facts of an input that is weeks ahead would be kept until the clock comes to them, and an order's
changes would be evaluated and written one by one instead of once.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from aiokafka import ConsumerRecord
from aiokafka.structs import TopicPartition

from rules.calendar.instants import LONGEST_LEAP_MS, MIN_MS, NEVER
from rules.messages.events import decode
from streams.clock import AHEAD_MS


class Alignment:
    """How far (event time, epoch ms) the partitions of some topics have been read."""

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = topics
        self._read_ms: dict[TopicPartition, int] = {}

    def forget(self) -> None:
        """Forgets how far partitions have been read, since it may be read again."""
        self._read_ms.clear()

    def read(self, tp: TopicPartition, records: Sequence[ConsumerRecord], now_ms: int) -> None:
        """Notes records that were read. A last record that can't be read, leaps, or lies in the future is ignored."""
        if tp.topic in self._topics:
            with suppress(Exception):  # it becomes a dead letter when its batch is applied
                _, at_ms = decode(records[-1].value or b"")
                before_ms = self._read_ms.get(tp, at_ms)
                if at_ms <= min(now_ms + AHEAD_MS, before_ms + LONGEST_LEAP_MS):
                    self._read_ms[tp] = max(at_ms, before_ms)

    def abreast(self, tps: Collection[TopicPartition], left: Mapping[TopicPartition, int]) -> set[TopicPartition]:
        """The partitions to go on reading. The others wait for one of the same number that is behind them and still has
        records (`left`); the clock would wait for that one in any case."""
        slowest_ms: dict[int, int] = {}
        for tp, at_ms in self._read_ms.items():
            if tp in tps and left.get(tp, 0) > 0:
                slowest_ms[tp.partition] = min(at_ms, slowest_ms.get(tp.partition, NEVER))
        return {tp for tp in tps if self._read_ms.get(tp, MIN_MS) <= slowest_ms.get(tp.partition, NEVER)}
