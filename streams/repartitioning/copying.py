"""Copies records of one topic into another with more partitions.

The new count is a multiple of the old one. So a partition's records go only to partitions that take from no other, each
in the order they had.
"""

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

AT_ONCE = 5_000
"""Records sent before it is waited until Kafka has them."""

Targets = Callable[[ConsumerRecord], Iterable[int]]
"""The new partitions that a record goes to."""


class Copied:
    """What was copied of a topic: for each new partition the old offsets of its records, in order."""

    def __init__(self) -> None:
        self.offsets: dict[int, array[int]] = {}
        self.records = 0

    def note(self, number: int, offset: int) -> None:
        self.offsets.setdefault(number, array("q")).append(offset)
        self.records += 1

    def position(self, number: int, old_offset: int) -> int:
        """The offset in a new partition that corresponds to an offset of the old one: behind as many records."""
        return bisect_left(self.offsets.get(number, array("q")), old_offset)


async def copy(
    consumer: AIOKafkaConsumer,
    producer: AIOKafkaProducer,
    starts: Mapping[TopicPartition, int],
    to: str,
    targets: Targets,
) -> tuple[Copied, dict[TopicPartition, int]]:
    """Copies each partition from its start (or the first record that is left) to its present end. Returns what was
    copied, and those ends, when Kafka has acknowledged every record. Raises KafkaError."""
    tps, copied = list(starts), Copied()
    consumer.assign(tps)
    ends = dict(await consumer.end_offsets(tps))
    for tp, first in (await consumer.beginning_offsets(tps)).items():
        consumer.seek(tp, max(first, starts[tp]))
    sent: list[asyncio.Future[object]] = []
    for tp in tps:
        while await consumer.position(tp) < ends[tp]:
            for record in (await consumer.getmany(tp, timeout_ms=500)).get(tp, []):
                if record.offset >= ends[tp]:
                    continue
                for number in targets(record):
                    copied.note(number, record.offset)
                    sent.append(await _send(producer, to, number, record))
            if len(sent) >= AT_ONCE:
                await asyncio.gather(*sent)
                sent.clear()
    await asyncio.gather(*sent)
    return copied, ends


async def _send(producer: AIOKafkaProducer, to: str, number: int, record: ConsumerRecord) -> "asyncio.Future[object]":
    sent: asyncio.Future[object] = await producer.send(
        to, record.value, record.key, partition=number, timestamp_ms=record.timestamp, headers=list(record.headers)
    )
    return sent
