"""Asks Kafka where logs end, on connections of its own.

The connection that records are fetched on answers in order: a request there waits until the broker has records to
answer the fetch with, up to a tenth of a second.
"""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, KafkaTimeoutError
from faust.types import TP

from streams.kafka import access
from streams.kafka.consumer import Consumer
from streams.settings import Settings, bootstrap_servers

ASK_AGAIN_S = 0.1
"""How long to wait before a request that failed is sent again."""


class EndOffsets:
    """A client for nothing else. It connects when it is first asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None

    async def of(self, tps: Iterable[TP]) -> dict[TP, int]:
        """The logs' end offsets now. Waits for Kafka's answer as long as it takes. Raises KafkaError for what waiting
        doesn't mend."""
        wanted = list(tps)
        while True:
            try:
                if self._consumer is None:
                    self._consumer = await self._connected()
                return dict(await self._consumer.end_offsets(wanted))
            except KafkaError as error:
                if not (error.retriable or isinstance(error, KafkaTimeoutError)):
                    raise
                await asyncio.sleep(ASK_AGAIN_S)

    async def close(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await consumer.stop()

    async def _connected(self) -> AIOKafkaConsumer:
        consumer = Consumer(
            bootstrap_servers=bootstrap_servers(self._settings),
            enable_auto_commit=False,
            **access.for_aiokafka(self._settings),
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        return consumer
