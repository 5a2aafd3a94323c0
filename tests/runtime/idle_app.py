"""The Faust app on the embedded broker, with nothing running in it."""

import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from streams.app import App, create
from streams.kafka.embedded import EmbeddedBroker
from streams.settings import Settings
from tests.runtime.support import PARTITIONS, book, until


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[App]:
    """The worker on the embedded broker, ready."""
    with EmbeddedBroker() as broker:
        settings = Settings(
            broker=f"kafka://{broker.bootstrap}", clock="event", datadir=tmp_path_factory.mktemp("data")
        )
        started = create(settings, book(), PARTITIONS)
        await started.start()
        await until(lambda: started.tables.actives_ready)
        yield started
        await started.stop()


def idle(folder: Path) -> App:
    """An app that isn't started."""
    return create(Settings(broker="kafka://127.0.0.1:1", datadir=folder), book(), PARTITIONS)


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def bootstrap(app: App) -> str:
    return app.settings.broker.removeprefix("kafka://")
