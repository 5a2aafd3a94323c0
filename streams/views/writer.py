"""Writes acks and mutes of alerts."""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import RecordMetadata
from mode import Service

from streams.kafka.keys import partition_of
from streams.kafka.late_producer import LateProducer
from streams.kafka.topics import TopicNames
from streams.settings import Settings
from streams.views.acks import Ack, Kind, ack_key, encode
from streams.views.alerts import Held
from streams.views.reader import Reader


class Writer(Service):
    """Connects to Kafka with the first write, since most workers never write one."""

    def __init__(self, settings: Settings, names: TopicNames, reader: Reader, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._names, self._reader = names, reader
        self._producer = LateProducer(settings)

    async def write_all(self, kind: Kind, acks: Iterable[tuple[Held, Ack | None]]) -> None:
        """Writes acks or mutes (None lifts one), and returns once the view shows them. Raises KafkaError."""
        sent = [await self._send(held, kind, ack) for held, ack in acks]
        last = {written.partition: written.offset for written in await asyncio.gather(*sent)}
        for number, offset in last.items():
            await self._reader.has_read(TopicPartition(self._names.remarks, number), offset)

    async def _send(self, held: Held, kind: Kind, ack: Ack | None) -> asyncio.Future[RecordMetadata]:
        number = partition_of(held.head.platform, held.head.shop, self._reader.view.partitions)
        value = None if ack is None else encode(ack)
        return await self._producer.send(self._names.remarks, number, ack_key(kind, held.id), value)

    async def on_stop(self) -> None:
        await self._producer.stop()
