"""Event-time alignment: in event time the inputs of one partition that its clock goes by are read abreast.

Kafka orders nothing between topics, and of a backlog a fetch brings as many bytes of each, however many days those are.
An input weeks ahead of another brings facts that the clock has not come to, which are kept and looked past until then,
and an order's changes, which would have been judged and written as one, come one by one.
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
        """What has been read may be read again."""
        self._read_ms.clear()

    def read(self, tp: TopicPartition, records: Sequence[ConsumerRecord], now_ms: int) -> None:
        """Some more of a partition. A last record that can't be read, leaps, or is of times to come, says nothing."""
        if tp.topic in self._topics:
            with suppress(Exception):  # it becomes a dead letter where the batch is applied
                _, at_ms = decode(records[-1].value or b"")
                before_ms = self._read_ms.get(tp, at_ms)
                if at_ms <= min(now_ms + AHEAD_MS, before_ms + LONGEST_LEAP_MS):
                    self._read_ms[tp] = max(at_ms, before_ms)

    def abreast(self, tps: Collection[TopicPartition], left: Mapping[TopicPartition, int]) -> set[TopicPartition]:
        """Those to read on. The rest wait for one of the same partition number that is behind them and of which there
        are records `left`; the clock waits for that one in any case."""
        slowest_ms: dict[int, int] = {}
        for tp, at_ms in self._read_ms.items():
            if tp in tps and left.get(tp, 0) > 0:
                slowest_ms[tp.partition] = min(at_ms, slowest_ms.get(tp.partition, NEVER))
        return {tp for tp in tps if self._read_ms.get(tp, MIN_MS) <= slowest_ms.get(tp.partition, NEVER)}
