"""Event-time alignment: in event time, inputs of one partition are read so that none runs far ahead of the others.

Kafka keeps no order between topics, and each fetch of a backlog brings about as many bytes of each input, however many
days those cover. Facts of an input that is weeks ahead would be kept until the clock comes to them, and an order's
changes would be evaluated and written one by one instead of once.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Final

from aiokafka import ConsumerRecord
from aiokafka.structs import TopicPartition

from rules.calendar.instants import LONGEST_LEAP_MS
from rules.messages.events import decode
from streams.clock import AHEAD_MS

HEAD_START: Final = 3
"""Fetches of the leading topic before the others begin. How much time a fetch of theirs covers isn't known yet, and may
be more than one of its own does."""


class Alignment:
    """How far (event time, epoch ms) the partitions of some topics have been read. The first topic leads: the others
    have news of what it brings, and the engine takes that at less cost once it knows the order."""

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = topics
        self._read_ms: dict[TopicPartition, int] = {}
        #: How much time the last two fetches covered. The larger counts: what Kafka sends at once is handed out in two
        #: where it is more than is taken at once.
        self._spans_ms: dict[TopicPartition, tuple[int, int]] = {}
        self._fetches: dict[TopicPartition, int] = {}

    def forget(self) -> None:
        """Forgets how far partitions have been read, since it may be read again."""
        self._read_ms.clear()
        self._spans_ms.clear()
        self._fetches.clear()

    def read(self, tp: TopicPartition, records: Sequence[ConsumerRecord], now_ms: int) -> None:
        """Notes records that were read. A last record that can't be read, leaps, or lies in the future is ignored."""
        if tp.topic in self._topics:
            self._fetches[tp] = self._fetches.get(tp, 0) + 1
            with suppress(Exception):  # it becomes a dead letter when its batch is applied
                _, at_ms = decode(records[-1].value or b"")
                before_ms = self._read_ms.get(tp, at_ms)
                if at_ms <= min(now_ms + AHEAD_MS, before_ms + LONGEST_LEAP_MS):
                    began_ms = before_ms if tp in self._read_ms else _time_of(records[0], at_ms)
                    self._read_ms[tp] = max(at_ms, before_ms)
                    self._spans_ms[tp] = max(at_ms - began_ms, 0), self._spans_ms.get(tp, (0, 0))[0]

    def abreast(self, tps: Collection[TopicPartition], left: Mapping[TopicPartition, int]) -> set[TopicPartition]:
        """The partitions to go on reading. The others wait for one of the same number that is behind them and still has
        records (`left`); the clock would wait for that one in any case.

        One that follows waits for the slowest of those, and while another fetch could take it past the leading one;
        that one waits once it is two fetches of the slowest ahead of it. So they never wait for each other. At first
        the leading one has a head start.
        """
        behind: dict[int, list[TopicPartition]] = {}
        for tp in tps:
            if tp in self._read_ms and left.get(tp, 0) > 0:
                behind.setdefault(tp.partition, []).append(tp)
        return {
            tp
            for tp in tps
            if not (
                self._waits(tp, behind.get(tp.partition, []))
                if tp in self._read_ms
                else self._waits_to_begin(tp, tps, left)
            )
        }

    def _waits_to_begin(
        self, tp: TopicPartition, tps: Collection[TopicPartition], left: Mapping[TopicPartition, int]
    ) -> bool:
        """Whether the leading partition still has its head start; what it has left is unknown before its first
        fetch."""
        if tp.topic not in self._topics[1:]:
            return False
        leading = TopicPartition(self._topics[0], tp.partition)
        return leading in tps and self._fetches.get(leading, 0) < HEAD_START and left.get(leading, 1) > 0

    def _waits(self, tp: TopicPartition, behind: list[TopicPartition]) -> bool:
        """`behind`: those of the partition that still have records."""
        read_ms = self._read_ms
        followers = [other for other in behind if other.topic != self._topics[0]]
        slowest = min(followers, key=read_ms.__getitem__, default=None)
        if tp.topic == self._topics[0]:
            return slowest is not None and read_ms[tp] > read_ms[slowest] + 2 * max(self._spans_ms[slowest])
        leading = [other for other in behind if other.topic == self._topics[0]]
        past = any(read_ms[tp] + max(self._spans_ms[tp]) > read_ms[other] for other in leading)
        return past or (slowest is not None and read_ms[tp] > read_ms[slowest])


def _time_of(record: ConsumerRecord, otherwise_ms: int) -> int:
    """The event time of a record (epoch ms), if it can be read."""
    with suppress(Exception):
        return decode(record.value or b"")[1]
    return otherwise_ms
