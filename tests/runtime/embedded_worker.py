"""A worker in this process, on the embedded broker, with `late.yaml`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from streams.app import App, create
from streams.settings import Settings
from tests.runtime.support import PARTITIONS, book, until


def settings(bootstrap: str, datadir: Path, clock: Literal["wall", "event"] = "event") -> Settings:
    return Settings(broker=f"kafka://{bootstrap}", clock=clock, datadir=datadir)


@asynccontextmanager
async def running(
    bootstrap: str, datadir: Path, clock: Literal["wall", "event"] = "event", fetch_bytes: int = 1024 * 1024
) -> AsyncIterator[App]:
    """From when its state is restored until it has stopped."""
    app = create(settings(bootstrap, datadir, clock), book(), PARTITIONS)
    app.conf.consumer_max_fetch_size = fetch_bytes
    await app.start()
    try:
        await until(lambda: app.tables.actives_ready)
        yield app
    finally:
        await app.stop()
