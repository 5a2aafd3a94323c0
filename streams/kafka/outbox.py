"""The outbox: records gathered into batches per partition, and sent all or not at all.

A record that Kafka would always refuse must be found before it is sent: a refused batch leaves a gap in the producer's
sequence numbers, after which Kafka takes nothing more from it. So a record that is too large is left out here, counted
and logged. That is a last resort, which keeps one record from ending every worker in turn: records are cut where they
are made (`streams.kafka.cutting`, `streams.kafka.dead_letters`), and events are bounded where they come in.
"""

import asyncio
import logging
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
from aiokafka.producer.message_accumulator import BatchBuilder
from prometheus_client import Counter

from streams.kafka.cutting import LARGEST_RECORD_BYTES
from streams.kafka.failures import PlainError
from streams.paced_log import PacedLog

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

LEFT_OUT = Counter("shipclock_records_left_out", "Records not written because they were too large")

Record = tuple[bytes | None, bytes | None]
Headers = Iterable[tuple[str, bytes]]


class RefusedError(PlainError):
    """Kafka refuses a record, and would refuse it each time; the text says where and what to do."""


_REFUSALS: dict[type[KafkaError], str] = {
    TopicAuthorizationFailedError: "this user lacks WRITE on the topic; see deploy/docs/kafka-acls.md",
    ClusterAuthorizationFailedError: "this user lacks IDEMPOTENT_WRITE on the cluster; see deploy/docs/kafka-acls.md",
    MessageSizeTooLargeError: "raise the topic's max.message.bytes, Kafka's default is enough",
    RecordListTooLargeError: "raise the topic's segment.bytes, Kafka's default is enough",
    InvalidTopicError: "it takes no records from outside, or its name is not valid",
    PolicyViolationError: "a policy of the broker forbids it",
}


class Outbox:
    """The records of one flush. `send` returns when the broker has acknowledged every one of them."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._batches: dict[tuple[str, int], list[BatchBuilder]] = {}

    def add(
        self,
        topic: str,
        partition: int,
        records: Iterable[Record],
        headers: Headers = (),
        timestamp_ms: int | None = None,
    ) -> None:
        """Adds keys and values for one partition of a topic, in order, with the same headers and timestamp; that is now
        where none is given."""
        batches = self._batches.get((topic, partition), [])
        beside = list(headers)
        for key, value in records:
            if batches and batches[-1].append(key=key, value=value, timestamp=timestamp_ms, headers=beside) is not None:
                continue
            batch = self._producer.create_batch()
            batch.append(key=key, value=value, timestamp=timestamp_ms, headers=beside)
            # Only the first record of a batch can be larger than a batch should become.
            if batch.size() > LARGEST_RECORD_BYTES:
                _leave_out(topic, partition, key, batch.size())
            else:
                batches.append(batch)
        if batches:
            self._batches[topic, partition] = batches

    def count(self, topic: str, partition: int) -> int:
        """How many records go to a partition of a topic."""
        return sum(batch.record_count() for batch in self._batches.get((topic, partition), ()))

    async def send(self) -> dict[tuple[str, int], int]:
        """Sends all. Returns the last offset written per `(topic, partition)`. The producer retries transient errors
        (no leader, a time-out). Raises RefusedError for permanent ones, and KafkaError for anything else."""
        written = await asyncio.gather(*(self._send(*tp, batches) for tp, batches in self._batches.items()))
        return dict(zip(self._batches, written, strict=True))

    async def _send(self, topic: str, partition: int, batches: list[BatchBuilder]) -> int:
        sent = []
        try:
            for batch in batches:
                batch.close()
                sent.append((batch.record_count(), await self._producer.send_batch(batch, topic, partition=partition)))
            metadata = [await future for _, future in sent]
        except tuple(_REFUSALS) as error:
            reason = _REFUSALS[type(error)]
            raise RefusedError(f"Kafka refuses what is written to {topic}-{partition}: {reason}") from error
        last_offset: int = metadata[-1].offset + sent[-1][0] - 1
        return last_offset


def _leave_out(topic: str, partition: int, key: bytes | None, size: int) -> None:
    LEFT_OUT.inc()
    log.error(
        "a record of %s-%d was left out: with %s bytes it is larger than the %s that are written; its key is %.200r",
        topic,
        partition,
        f"{size:,}",
        f"{LARGEST_RECORD_BYTES:,}",
        key,
    )
