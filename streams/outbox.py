"""Records on their way out: gathered into batches per partition, and sent all or not at all."""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

Record = tuple[bytes | None, bytes | None]
Headers = Iterable[tuple[str, bytes]]


class Outbox:
    """One flush's records. `send` returns when the broker has taken every one of them."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._batches: dict[tuple[str, int], list[BatchBuilder]] = {}

    def add(self, topic: str, partition: int, records: Iterable[Record], headers: Headers = ()) -> None:
        """Keys and values of one topic's partition, in order; all of them under the same headers."""
        batches = self._batches.get((topic, partition), [])
        beside = list(headers)
        for key, value in records:
            if not batches or batches[-1].append(key=key, value=value, timestamp=None, headers=beside) is None:
                batches.append(self._producer.create_batch())
                batches[-1].append(key=key, value=value, timestamp=None, headers=beside)
        if batches:
            self._batches[topic, partition] = batches

    async def send(self) -> dict[tuple[str, int], int]:
        """The last offset written per `(topic, partition)`. Raises KafkaError if the broker refuses any batch."""
        written = await asyncio.gather(*(self._send(*tp, batches) for tp, batches in self._batches.items()))
        return dict(zip(self._batches, written, strict=True))

    async def _send(self, topic: str, partition: int, batches: list[BatchBuilder]) -> int:
        sent = []
        for batch in batches:
            batch.close()
            sent.append((batch.record_count(), await self._producer.send_batch(batch, topic, partition=partition)))
        metadata = [await future for _, future in sent]
        last_offset: int = metadata[-1].offset + sent[-1][0] - 1
        return last_offset
