"""Writes acks and mutes of alerts."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
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

    async def write(self, held: Held, kind: Kind, ack: Ack | None) -> None:
        """Writes an ack or mute (None lifts it), and returns once the view shows it. Raises KafkaError."""
        number = partition_of(held.head.platform, held.head.shop, self._reader.view.partitions)
        producer = await self._connected()
        written = await producer.send_and_wait(
            self._names.remarks,
            None if ack is None else encode(ack),
            key=ack_key(kind, held.id),
            partition=number,
        )
        await self._reader.has_read(TopicPartition(self._names.remarks, number), written.offset)

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
