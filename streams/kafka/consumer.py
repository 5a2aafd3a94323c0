"""aiokafka's consumer, which can also be stopped while its broker is away."""

import asyncio
from typing import Any, cast

from aiokafka import AIOKafkaConsumer


class Consumer(AIOKafkaConsumer):
    """Stopping raises nothing. aiokafka cancels the fetches that are under way, and one that waits to be sent again
    raises that where the consumer is stopped. Who stops it would be taken for cancelled, and end without a word: a
    worker whose commit cycles have ended looks healthy and emits nothing."""

    async def stop(self) -> None:
        try:
            await super().stop()
        except asyncio.CancelledError:
            await cast(Any, self)._client.close()  # which was to be closed after the fetches
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
