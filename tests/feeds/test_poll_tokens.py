"""A shop's tokens while it is polled: each refresh token is used once."""

import asyncio
from pathlib import Path

from streams.feeds.apps import FeedSettings
from tests.feeds.emulated.platform import HOUR_MS, Clock
from tests.feeds.emulated.shopee import Shopee
from tests.feeds.polled_shopee import TOKEN
from tests.feeds.polled_shopee import clock as clock
from tests.feeds.polled_shopee import feeds as feeds
from tests.feeds.polled_shopee import shopee as shopee
from tests.feeds.polled_shopee import written as written
from tests.feeds.polling import Notebook, polled


async def test_a_refresh_token_is_used_once(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    for _ in range(5):
        async with polled(feeds, tmp_path, clock, written) as polls:
            await polls["orders"].read()
        clock.at_ms += 3 * HOUR_MS
    assert shopee.refused == []
    assert shopee.calls[TOKEN] == 3


async def test_new_tokens_are_stored_before_they_are_used(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    shopee.order("A1")
    shopee.after(TOKEN, lambda: shopee.refuse_next(403, {"error": "error_param"}))
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].turn()
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
    assert written.ids() == ["A1:placed"]
    assert (shopee.refused, shopee.calls[TOKEN]) == ([], 1)


async def test_a_token_that_ends_early_is_refreshed_once_for_two_calls_at_a_time(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    shopee.order("A1")
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["performance"].read()
        shopee.end_tokens()
        await asyncio.gather(polls["orders"].read(), polls["performance"].read())
    assert written.ids() == ["A1:placed"]
    assert (shopee.refused, shopee.calls[TOKEN]) == ([], 2)


async def test_a_refresh_token_is_used_once_by_two_processes_at_a_time(
    shopee: Shopee, feeds: FeedSettings, clock: Clock, tmp_path: Path, written: Notebook
) -> None:
    async with polled(feeds, tmp_path, clock, written) as one, polled(feeds, tmp_path, clock, written) as another:
        for _ in range(3):
            await asyncio.gather(one["orders"].read(), another["orders"].read())
            clock.at_ms += 5 * HOUR_MS
    assert (shopee.refused, shopee.calls[TOKEN]) == ([], 3)
