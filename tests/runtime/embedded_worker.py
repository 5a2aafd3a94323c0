"""A worker in event time in this process, on the embedded broker, with `late.yaml`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from streams.app import App, create
from streams.kafka.embedded import EmbeddedBroker
from streams.settings import Settings
from tests.runtime.support import PARTITIONS, book, until


@asynccontextmanager
async def running(broker: EmbeddedBroker, datadir: Path) -> AsyncIterator[App]:
    """From when its state is restored until it has stopped."""
    app = create(Settings(broker=f"kafka://{broker.bootstrap}", clock="event", datadir=datadir), book(), PARTITIONS)
    await app.start()
    try:
        await until(lambda: app.tables.actives_ready)
        yield app
    finally:
        await app.stop()
