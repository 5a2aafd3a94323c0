"""What holds for the polls of every platform."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.feeds.emulated.aliexpress import AliExpress
from tests.feeds.emulated.douyin import Douyin
from tests.feeds.emulated.joom import Joom
from tests.feeds.emulated.lazada import Lazada
from tests.feeds.emulated.ozon import Ozon
from tests.feeds.emulated.platform import DAY_MS, HOUR_MS, MINUTE_MS, Clock, Platform
from tests.feeds.emulated.shopee import Shopee
from tests.feeds.emulated.tiktok import TikTok
from tests.feeds.polling import Notebook, polled, settings

PLATFORMS: list[Callable[[Clock], Platform]] = [Shopee, Ozon, TikTok, Lazada, Douyin, AliExpress, Joom]
WITH_TOKENS = [each for each in PLATFORMS if each is not Ozon]
FIRST = 577_000_000_000_000_000
"""More than a float can tell from its neighbours."""


@pytest.fixture(params=PLATFORMS, ids=lambda each: each.source)
async def platform(request: pytest.FixtureRequest) -> AsyncIterator[Platform]:
    async with request.param(Clock()) as running:
        yield running


@pytest.fixture(params=WITH_TOKENS, ids=lambda each: each.source)
async def with_tokens(request: pytest.FixtureRequest) -> AsyncIterator[Platform]:
    async with request.param(Clock()) as running:
        yield running


async def test_two_days_without_a_poll_are_caught_up_with_without_a_gap_or_a_repeat(
    platform: Platform, tmp_path: Path
) -> None:
    feeds, written, clock = settings(tmp_path, platform), Notebook(), platform.clock
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
    numbers = [str(FIRST + n) for n in range(240)]
    for number in numbers:
        clock.at_ms += 11 * MINUTE_MS
        platform.order(number)
    for number in numbers[::2]:
        clock.at_ms += 3_000
        platform.ship(number)
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
        await polls["orders"].read()
    expected = {f"{number}:placed" for number in numbers} | {f"{number}:shipped" for number in numbers[::2]}
    assert set(written.ids()) == expected
    assert platform.refused == []
    assert {event["order"] for event in written.events()} == set(numbers)
    assert {event["shop"] for event in written.events()} == {platform.shop}


async def test_an_order_that_changes_while_its_page_is_read_hides_no_other(platform: Platform, tmp_path: Path) -> None:
    feeds, written, clock = settings(tmp_path, platform), Notebook(), platform.clock
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
        numbers = [str(FIRST + n) for n in range(230)]
        for number in numbers:
            clock.at_ms += 20_000
            platform.order(number)
        clock.at_ms += HOUR_MS

        def change() -> None:
            clock.at_ms += MINUTE_MS
            for number in numbers[:30]:
                platform.ship(number)

        platform.after(platform.list_path, change, times=2)
        await polls["orders"].read()
        assert set(numbers[30:]) <= {event["order"] for event in written.events()}
        clock.at_ms += MINUTE_MS
        change()  # where all came in one page
        await polls["orders"].read()
    assert {f"{number}:shipped" for number in numbers[:30]} <= set(written.ids())
    assert platform.refused == []


async def test_many_changes_in_one_second_are_all_read(platform: Platform, tmp_path: Path) -> None:
    feeds, written, clock = settings(tmp_path, platform), Notebook(), platform.clock
    numbers = [str(FIRST + n) for n in range(250)]
    for number in numbers:
        platform.order(number)
    clock.at_ms += DAY_MS
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
    assert {event["order"] for event in written.events()} == set(numbers)


async def test_a_platform_that_asks_to_slow_down_is_asked_later(platform: Platform, tmp_path: Path) -> None:
    feeds, written, clock = settings(tmp_path, platform), Notebook(), platform.clock
    async with polled(feeds, tmp_path, clock, written) as polls:
        await polls["orders"].read()
        platform.order(str(FIRST))
        platform.refuse_next(429, "", Retry_After="40")
        platform.refuse_next(503, "<html>maintenance</html>")
        await polls["orders"].read()
    assert written.ids()[0] == f"{FIRST}:placed"
    assert any(40 <= pause <= 41 for pause in clock.pauses)


async def test_each_refresh_token_is_used_once_by_calls_at_a_time_and_after_restarts(
    with_tokens: Platform, tmp_path: Path
) -> None:
    platform, written = with_tokens, Notebook()
    feeds, clock = settings(tmp_path, platform), platform.clock
    for n in range(4):
        async with polled(feeds, tmp_path, clock, written) as polls:
            platform.order(str(FIRST + n))
            await asyncio.gather(polls["orders"].read(), polls["orders"].read())
            if n == 2:
                platform.end_tokens()
                await asyncio.gather(polls["orders"].read(), polls["orders"].read())
        clock.at_ms += 3 * HOUR_MS
    assert {event["order"] for event in written.events()} == {str(FIRST + n) for n in range(4)}
    assert platform.refused == []


async def test_ozons_ratings_become_metrics(tmp_path: Path) -> None:
    async with Ozon(Clock()) as ozon:
        ozon.ratings = [{"rating": "rating_on_time", "current_value": 96.5}]
        written = Notebook()
        async with polled(settings(tmp_path, ozon), tmp_path, ozon.clock, written) as polls:
            await polls["ratings"].read()
    (event,) = written.events("shops")
    assert (event["type"], event["data"]["name"], event["data"]["value"]) == ("metric.reported", "rating_on_time", 96.5)
