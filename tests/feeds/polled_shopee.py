"""An emulated Shopee whose API is polled, and where its events go."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.feeds.apps import FeedSettings
from tests.feeds.emulated.platform import Clock
from tests.feeds.emulated.shopee import Shopee
from tests.feeds.polling import Notebook, settings

TOKEN = "/api/v2/auth/access_token/get"
LIST = "/api/v2/order/get_order_list"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def shopee(clock: Clock) -> AsyncIterator[Shopee]:
    async with Shopee(clock) as platform:
        yield platform


@pytest.fixture
def feeds(shopee: Shopee, tmp_path: Path) -> FeedSettings:
    return settings(tmp_path, shopee, aliases={shopee.shop: "jakarta"})


@pytest.fixture
def written() -> Notebook:
    return Notebook()
