"""Writes acks and mutes of alerts."""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import RecordMetadata
from mode import Service

from streams.kafka import access
from streams.kafka.keys import partition_of
from streams.kafka.topics import TopicNames
from streams.settings import Settings, bootstrap_servers
from streams.views.acks import Ack, Kind, ack_key, encode
from streams.views.alerts import Held
from streams.views.reader import Reader


class Writer(Service):
    """Connects to Kafka with the first write, since most workers never write one."""

    def __init__(self, settings: Settings, names: TopicNames, reader: Reader, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._settings, self._names, self._reader = settings, names, reader
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def write_all(self, kind: Kind, acks: Iterable[tuple[Held, Ack | None]]) -> None:
        """Writes acks or mutes (None lifts one), and returns once the view shows them. Raises KafkaError."""
        producer = await self._connected()
        sent = [await self._send(producer, held, kind, ack) for held, ack in acks]
        last = {written.partition: written.offset for written in await asyncio.gather(*sent)}
        for number, offset in last.items():
            await self._reader.has_read(TopicPartition(self._names.remarks, number), offset)

    async def _send(
        self, producer: AIOKafkaProducer, held: Held, kind: Kind, ack: Ack | None
    ) -> asyncio.Future[RecordMetadata]:
        number = partition_of(held.head.platform, held.head.shop, self._reader.view.partitions)
        key, value = ack_key(kind, held.id), None if ack is None else encode(ack)
        sent: asyncio.Future[RecordMetadata] = await producer.send(
            self._names.remarks, value, key=key, partition=number
        )
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

    async def on_stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
