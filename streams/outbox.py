"""Records on their way out: gathered into batches per partition, and sent all or not at all."""

import asyncio
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

Headers = Iterable[tuple[str, bytes]]


class Outbox:
    """One flush's records. `send` returns when the broker has taken every one of them."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._batches: dict[tuple[str, int], list[BatchBuilder]] = {}

    def add(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        batches = self._batches_of(topic, partition)
        if batches[-1].append(key=key, value=value, timestamp=None, headers=list(headers)) is None:
            batches.append(self._producer.create_batch())
            batches[-1].append(key=key, value=value, timestamp=None, headers=list(headers))

    def add_all(self, topic: str, partition: int, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Keys with their values; nothing is sent where there are none."""
        if not records:
            return
        batches = self._batches_of(topic, partition)
        append = batches[-1].append
        for key, value in records:
            if append(key=key, value=value, timestamp=None) is None:
                batches.append(self._producer.create_batch())
                append = batches[-1].append
                append(key=key, value=value, timestamp=None)

    def _batches_of(self, topic: str, partition: int) -> list[BatchBuilder]:
        batches = self._batches.get((topic, partition))
        if batches is None:
            batches = self._batches[topic, partition] = [self._producer.create_batch()]
        return batches

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
