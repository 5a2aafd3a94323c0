"""`shipclock feeds check --live`: what platforms answer, in a line each."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.feeds.apps import FeedSettings
from streams.feeds.polling.client import Time
from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.live import Said, ask_all
from tests.commands.support import run
from tests.feeds.emulated.ozon import Ozon
from tests.feeds.emulated.platform import Clock, Platform
from tests.feeds.emulated.shopee import Shopee
from tests.feeds.polling import Notebook, polled, settings

TOKEN = "/api/v2/auth/access_token/get"


@pytest.fixture
async def shopee() -> AsyncIterator[Shopee]:
    async with Shopee(Clock()) as platform:
        yield platform


async def _ask(feeds: FeedSettings, platform: Platform, folder: Path) -> list[Said]:
    ledger = Ledger(folder / "polls.sqlite")
    try:
        clock = platform.clock
        return [said async for said in ask_all(feeds, ledger, Time(clock.now_ms, clock.pause))]
    finally:
        ledger.close()


async def test_a_good_credential_and_clock_are_said(shopee: Shopee, tmp_path: Path) -> None:
    feeds = settings(tmp_path, shopee)
    assert await _ask(feeds, shopee, tmp_path) == [Said(True, "shopee/main/910044217: answers; the clocks agree")]
    assert shopee.refused == []


async def test_a_clock_that_is_off_is_said(shopee: Shopee, tmp_path: Path) -> None:
    shopee.ahead_s = -290
    feeds = settings(tmp_path, shopee)
    said = "shopee/main/910044217: answers; its clock is 290 s behind ours"
    assert await _ask(feeds, shopee, tmp_path) == [Said(False, said)]


async def test_a_wrong_credential_is_said_and_never_shown(tmp_path: Path) -> None:
    async with Ozon(Clock()) as ozon:
        feeds = settings(tmp_path, ozon)
        ozon.key = "another"
        (said,) = await _ask(feeds, ozon, tmp_path)
    assert said == Said(False, "ozon/main/1540077: it answered 403 16; the clocks agree")


async def test_a_secret_that_a_platform_repeats_is_not_shown(shopee: Shopee, tmp_path: Path) -> None:
    feeds = settings(tmp_path, shopee)
    shopee.refuse_next(403, {"error": "bad key partner-key"})
    (said,) = await _ask(feeds, shopee, tmp_path)
    assert said == Said(False, "shopee/main/910044217: it answered 403 bad key ***; the clocks agree")


async def test_tokens_are_those_of_a_running_poll_and_it_goes_on_with_new_ones(shopee: Shopee, tmp_path: Path) -> None:
    feeds = settings(tmp_path, shopee)
    async with polled(feeds, tmp_path, shopee.clock, Notebook()) as polls:
        polls["orders"].ledger.lock()
        await polls["orders"].read()
        assert (await _ask(feeds, shopee, tmp_path))[0].is_good
        assert shopee.calls[TOKEN] == 1
        shopee.end_tokens()
        assert (await _ask(feeds, shopee, tmp_path))[0].is_good
        await polls["orders"].read()
    assert (shopee.refused, shopee.calls[TOKEN]) == ([], 2)


async def test_a_platform_that_is_away_is_one_line(shopee: Shopee, tmp_path: Path) -> None:
    feeds = settings(tmp_path, shopee)
    await shopee.server.close()
    (said,) = await _ask(feeds, shopee, tmp_path)
    assert said == Said(False, "shopee/main/910044217: no answer: ClientConnectorError")


def test_live_needs_settings() -> None:
    result = run("feeds", "check", "--live")
    assert (result.exit_code, result.stderr) == (2, "--live needs the settings file: --settings, or SHIPCLOCK_FEEDS\n")
