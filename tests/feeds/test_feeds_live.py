"""`shipclock feeds check --live`: what platforms answer, in a line each."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from textwrap import dedent

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from streams.feeds import apps
from streams.feeds.apps import FeedSettings
from streams.feeds.decoding import Request
from streams.feeds.mapping import map_request
from streams.feeds.polling.client import Time
from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.live import Answered, ask_all
from streams.feeds.receiver import site
from streams.feeds.serving import limits_of_senders
from tests.commands.support import run
from tests.feeds.emulated.ozon import Ozon
from tests.feeds.emulated.platform import Clock, Platform
from tests.feeds.emulated.services import AfterShip, Kdniao, Service, Track17
from tests.feeds.emulated.shopee import Shopee
from tests.feeds.polling import Notebook, polled, settings
from tests.feeds.receiving import Stored
from tests.feeds.test_registering import settings as registering
from tests.web.test_connections import serving

TOKEN = "/api/v2/auth/access_token/get"


@pytest.fixture
async def shopee() -> AsyncIterator[Shopee]:
    async with Shopee(Clock()) as platform:
        yield platform


async def _ask(feeds: FeedSettings, platform: Platform, folder: Path) -> list[Answered]:
    ledger = Ledger(folder / "polls.sqlite")
    try:
        clock = platform.clock
        return [answered async for answered in ask_all(feeds, ledger, Time(clock.now_ms, clock.pause))]
    finally:
        ledger.close()


async def test_a_good_credential_and_clock_are_said(shopee: Shopee, tmp_path: Path) -> None:
    feeds = settings(tmp_path, shopee)
    assert await _ask(feeds, shopee, tmp_path) == [Answered(True, "shopee/main/910044217: answers; the clocks agree")]
    assert shopee.refused == []


async def test_a_clock_that_is_off_is_said(shopee: Shopee, tmp_path: Path) -> None:
    shopee.ahead_s = -290
    feeds = settings(tmp_path, shopee)
    answered = "shopee/main/910044217: answers; its clock is 290 s behind ours"
    assert await _ask(feeds, shopee, tmp_path) == [Answered(False, answered)]


async def test_a_wrong_credential_is_said_and_never_shown(tmp_path: Path) -> None:
    async with Ozon(Clock()) as ozon:
        feeds = settings(tmp_path, ozon)
        ozon.key = "another"
        (answered,) = await _ask(feeds, ozon, tmp_path)
    assert answered == Answered(False, "ozon/main/1540077: it answered 403 16; the clocks agree")


async def test_a_secret_that_a_platform_repeats_is_not_shown(shopee: Shopee, tmp_path: Path) -> None:
    feeds = settings(tmp_path, shopee)
    shopee.refuse_next(403, {"error": "bad key partner-key"})
    (answered,) = await _ask(feeds, shopee, tmp_path)
    assert answered == Answered(False, "shopee/main/910044217: it answered 403 bad key ***; the clocks agree")


async def test_no_part_of_a_secret_is_left_where_a_long_word_is_cut(shopee: Shopee, tmp_path: Path) -> None:
    feeds = settings(tmp_path, shopee)
    shopee.refuse_next(403, {"error": f"{'x' * 110} partner-key"})
    (answered,) = await _ask(feeds, shopee, tmp_path)
    assert "partner" not in answered.text


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
    (answered,) = await _ask(feeds, shopee, tmp_path)
    assert answered == Answered(False, "shopee/main/910044217: no answer: ClientConnectorError")


async def test_a_callback_is_sent_what_its_platform_sends_to_try_it(tmp_path: Path) -> None:
    stored = Stored()
    made: list[ASGIApp] = []

    async def receiver(scope: Scope, receive: Receive, send: Send) -> None:
        await made[0](scope, receive, send)

    (tmp_path / "key").write_text("s3cr3t")
    async with serving(limits_of_senders(), receiver) as line:
        address = f"http://127.0.0.1:{line.port}/feeds/shopee"
        written = f"""
            listen: {{port: {line.port}}}
            apps:
              shopee:
                main: {{credentials: {{callback_url: "{address}/main", partner_key: {{file: key}}}}}}
                old: {{credentials: {{callback_url: "{address}/gone", partner_key: {{file: key}}}}}}
                away: {{credentials: {{callback_url: "http://127.0.0.1:1/", partner_key: {{file: key}}}}}}
              douyin:
                main: {{credentials: {{app_key: k, app_secret: {{file: key}}}}}}
        """
        (tmp_path / "feeds.yaml").write_text(dedent(written))
        feeds = apps.load(tmp_path / "feeds.yaml", {})
        made.append(site(feeds, stored, None))
        ledger = Ledger(tmp_path / "polls.sqlite")
        answered = [each async for each in ask_all(feeds, ledger, Time(Clock().now_ms))]
        ledger.close()
    away = "shopee/away: no handshake: http://127.0.0.1:1/ does not answer: ClientConnectorError"
    assert answered == [
        Answered(True, f"shopee/main: the handshake with {address}/main is answered 204"),
        Answered(False, f"shopee/old: the handshake with {address}/gone is answered 404, not 204"),
        Answered(False, away),
        Answered(
            True, f"douyin/main: the handshake with http://127.0.0.1:{line.port}/feeds/douyin/main is answered 200"
        ),
    ]
    for push in stored.taken:
        source = feeds.apps[push.source, push.app].source
        mapped = map_request(source, Request(push.body), "push", {})
        assert (mapped.events, mapped.problems) == ([], [])


@pytest.mark.parametrize(
    ("service", "answered"),
    [
        (Track17, "track17/main: answers; the clocks agree"),
        (AfterShip, "aftership/main: answers; the clocks agree"),
        (Kdniao, "kdniao/main: nothing can be asked without registering a number"),
    ],
)
async def test_a_service_that_numbers_are_registered_with_is_asked(
    tmp_path: Path, service: Callable[[Clock], Service], answered: str
) -> None:
    async with service(Clock()) as running:
        assert await _ask(registering(running, tmp_path), running, tmp_path) == [Answered(True, answered)]
        assert running.refused == []
        assert running.followed == {}


def test_live_needs_settings() -> None:
    result = run("feeds", "check", "--live")
    assert (result.exit_code, result.stderr) == (2, "--live needs the settings file: --settings, or SHIPCLOCK_FEEDS\n")
