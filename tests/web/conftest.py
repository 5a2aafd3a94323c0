"""A browser, an embedded broker and a worker, for those who ask."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from streams.kafka.embedded import EmbeddedBroker
from tests.support.browser import chromium
from tests.support.embedded import QuickBroker
from tests.web.support import Worker, working


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with QuickBroker() as started:
        yield started


@pytest.fixture
async def worker(broker: EmbeddedBroker, tmp_path: Path) -> AsyncIterator[Worker]:
    async with working(broker.bootstrap, tmp_path) as started:
        yield started
