"""A producer that connects with the first record, for what most workers never write."""

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from streams.kafka import access
from streams.settings import Settings, bootstrap_servers


class LateProducer:
    """Writes idempotently, and waits for every replica."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def write(self, topic: str, partition: int, key: bytes, value: bytes | None) -> RecordMetadata:
        """Returns once Kafka has the record. Raises KafkaError and OSError."""
        return await (await self.send(topic, partition, key, value))

    async def send(self, topic: str, partition: int, key: bytes, value: bytes | None) -> asyncio.Future[RecordMetadata]:
        """Returns once the record is on its way; the result has where it was written."""
        producer = await self._connected()
        sent: asyncio.Future[RecordMetadata] = await producer.send(topic, value, key=key, partition=partition)
        return sent

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=bootstrap_servers(self._settings),
                    acks="all",
                    enable_idempotence=True,
                    **access.for_aiokafka(self._settings),
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
