"""Loads a workload into Kafka as if produced while it happened: keyed by shop, each topic in time order."""

import asyncio
from pathlib import Path

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from tests.bench.workload import rfc3339
from tests.support.kafka import create_topics

PARTITIONS = 4
INPUTS = ("orders", "pickups", "tracking")
_TOPIC_OF = {"order": "orders", "pickup": "pickups", "tracking": "tracking"}  # by an event type's first word
_BATCH_BYTES = 256 * 1024
_IN_FLIGHT = 64  # batches not acknowledged yet


async def load(bootstrap: str, prefix: str, events: Path, end: int) -> None:
    """Creates the three input topics under ``prefix``, and fills them."""
    keep = {"retention.ms": "-1"}
    await create_topics(bootstrap, {prefix + topic: (PARTITIONS, keep) for topic in INPUTS})
    await fill(bootstrap, prefix, events, end)


async def fill(bootstrap: str, prefix: str, events: Path, end: int) -> None:
    """Writes every event of the file to the input topics, and closes each partition with a ``clock.tick`` at ``end``
    (milliseconds since the workload's start)."""
    tick = orjson.dumps({"type": "clock.tick", "time": rfc3339(end)})
    # Idempotent, so that a retried batch can't land behind a later one.
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, max_batch_size=_BATCH_BYTES
    ) as producer:
        writers = {
            (topic, partition): Writer(producer, prefix + topic, partition)
            for topic in INPUTS
            for partition in range(PARTITIONS)
        }
        partitions: dict[bytes, int] = {}
        with events.open("rb") as lines:
            for line in lines:
                value = line.rstrip(b"\n")
                event = orjson.loads(value)
                key = f"{event['platform']}/{event['shop']}".encode()
                if key not in partitions:
                    partitions[key] = (murmur2(key) & 0x7FFFFFFF) % PARTITIONS
                topic = _TOPIC_OF[event["type"].partition(".")[0]]
                await writers[topic, partitions[key]].write(key, value)
        for writer in writers.values():
            await writer.write(b"tick", tick)
            await writer.close()


class Writer:
    """Fills batches for one partition and sends each when full; far quicker than a send per record. `bytes`: those of
    the batches it has sent, which are what Kafka writes."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, partition: int) -> None:
        self._producer, self._topic, self._partition = producer, topic, partition
        self._batch = producer.create_batch()
        self.bytes = 0
        self._sent: list[asyncio.Future[object]] = []

    async def write(self, key: bytes, value: bytes) -> None:
        if self._batch.append(key=key, value=value, timestamp=None) is None:
            await self._send()
            self._batch = self._producer.create_batch()
            self._batch.append(key=key, value=value, timestamp=None)

    async def _send(self) -> None:
        self.bytes += self._batch.size()
        sent = await self._producer.send_batch(self._batch, self._topic, partition=self._partition)
        self._sent.append(sent)
        if len(self._sent) == _IN_FLIGHT:
            await self._acknowledged()

    async def _acknowledged(self) -> None:
        for sent in self._sent:
            await sent
        self._sent.clear()

    async def close(self) -> None:
        await self._send()
        await self._acknowledged()
