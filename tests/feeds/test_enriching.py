"""Thin pushes wait for what the order's detail tells, and not for ever."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from streams.feeds.apps import FeedSettings
from streams.feeds.decoding import Request
from streams.feeds.language import SourceFile
from streams.feeds.mapping import Mapped, map_request
from streams.feeds.polling import enricher as enriching
from streams.feeds.polling.client import Time
from streams.feeds.polling.clients import Clients, session
from streams.feeds.polling.enricher import Enricher, Push
from streams.feeds.polling.ledger import Ledger
from tests.feeds.emulated.douyin import Douyin
from tests.feeds.emulated.lazada import Lazada
from tests.feeds.emulated.ozon import Ozon
from tests.feeds.emulated.platform import HOUR_MS, MINUTE_MS, START_MS, Clock, Platform
from tests.feeds.emulated.shopee import Shopee
from tests.feeds.emulated.tiktok import TikTok
from tests.feeds.polling import Notebook, polled, settings

THAT_PUSH: list[Callable[[Clock], Platform]] = [Shopee, Ozon, TikTok, Lazada, Douyin]
TOKEN = "/api/v2/auth/access_token/get"
DETAIL = "/api/v2/order/get_order_detail"
ORDER = "577000000000000001"


class Process:
    """What a mapper does with pushes of one platform."""

    def __init__(self, enricher: Enricher, platform: Platform, feeds: FeedSettings) -> None:
        self.enricher, self.platform = enricher, platform
        self.app = feeds.apps[platform.source, "main"]

    def mapped(self, *bodies: Any) -> list[Push]:
        found = []
        for body in bodies:
            request = Request(json.dumps(body).encode())
            found.append(Push(self.app, map_request(self.app.source, request, "push", self.app.setting)))
        return found

    async def events(self, *bodies: Any) -> list[dict[str, Any]]:
        pushes = self.mapped(*bodies)
        (await self.enricher.complete(pushes)).keep()
        assert [problem for _, mapped in pushes for problem in mapped.problems] == []
        return [event for _, mapped in pushes for event in mapped.events]


@asynccontextmanager
async def process(
    platform: Platform, folder: Path, may_begin: bool = True, pause: Callable[[float], Awaitable[None]] | None = None
) -> AsyncIterator[Process]:
    feeds = settings(folder, platform)
    ledger, time = Ledger(folder / "polls.sqlite"), Time(platform.clock.now_ms, pause or platform.clock.pause)
    try:
        async with session() as http:
            clients = Clients(http, ledger, time, may_begin=may_begin)
            yield Process(Enricher(clients, ledger, time), platform, feeds)
    finally:
        ledger.close()


@pytest.fixture(params=THAT_PUSH, ids=lambda each: each.source)
async def platform(request: pytest.FixtureRequest) -> AsyncIterator[Platform]:
    async with request.param(Clock()) as running:
        yield running


@pytest.fixture
async def shopee() -> AsyncIterator[Shopee]:
    async with Shopee(Clock()) as running:
        yield running


async def test_a_push_tells_all_that_the_platform_knows_of_the_order(platform: Platform, tmp_path: Path) -> None:
    platform.order(ORDER)
    async with process(platform, tmp_path) as here:
        (placed,) = await here.events(platform.push(ORDER))
        assert {"amount", "items", "ship_by"} <= placed["data"].keys()
        platform.clock.at_ms = START_MS + HOUR_MS
        platform.ship(ORDER)
        events = {event["id"]: event for event in await here.events(platform.push(ORDER))}
    assert placed["id"] == f"{ORDER}:placed"
    assert events[f"{ORDER}:shipped"]["time"] == "2026-11-03T11:00:00Z"
    assert platform.refused == []


async def test_a_push_has_the_events_that_the_poll_of_the_same_order_has(platform: Platform, tmp_path: Path) -> None:
    platform.order(ORDER)
    platform.clock.at_ms += HOUR_MS
    platform.ship(ORDER)
    written = Notebook()
    async with polled(settings(tmp_path, platform), tmp_path, platform.clock, written) as polls:
        await polls["orders"].read()
    async with process(platform, tmp_path) as here:
        events = await here.events(platform.push(ORDER))
    assert events == written.events()


async def test_a_platform_that_does_not_answer_is_waited_for_but_not_long(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enriching, "GIVE_UP_S", 0.2)
    before, never = _given_up(platform), asyncio.Event()
    platform.order(ORDER)

    async def for_ever(seconds: float) -> None:
        await never.wait()

    async with process(platform, tmp_path, pause=for_ever) as here:
        thin = [event for _, mapped in here.mapped(platform.push(ORDER)) for event in mapped.events]
        platform.refuse_next(503)
        assert await here.events(platform.push(ORDER)) == thin
        assert _given_up(platform) - before == 1


def _given_up(platform: Platform) -> float:
    named = {"source": platform.source, "outcome": "given_up"}
    return REGISTRY.get_sample_value("shipclock_feed_fetches_total", named) or 0.0


async def test_a_shop_that_was_given_up_is_asked_again_after_a_while(shopee: Shopee, tmp_path: Path) -> None:
    shopee.order("A1")
    async with process(shopee, tmp_path) as here:
        await here.events(shopee.push("A1"))
        asked = shopee.calls[DETAIL]
        shopee.refuse_next(403, {"error": "error_permission"})
        (thin,) = await here.events(shopee.push("A1"))
        (again,) = await here.events(shopee.push("A1"))
        assert (thin["data"], again["data"], shopee.calls[DETAIL]) == ({}, {}, asked + 1)
        shopee.clock.at_ms += 2 * MINUTE_MS
        (rich,) = await here.events(shopee.push("A1"))
    assert rich["data"]["amount"] == "154000.00"


async def test_many_pushes_at_once_are_few_calls(shopee: Shopee, tmp_path: Path) -> None:
    numbers = [f"A{n}" for n in range(120)]
    for number in numbers:
        shopee.order(number)
    async with process(shopee, tmp_path) as here:
        events = await here.events(*(shopee.push(number) for number in numbers * 2))
    assert {event["order"] for event in events if "amount" in event["data"]} == set(numbers)
    assert all("amount" in event["data"] for event in events)
    assert shopee.calls[DETAIL] == 3
    assert shopee.refused == []


async def test_an_order_that_the_platform_ships_itself_gives_nothing(shopee: Shopee, tmp_path: Path) -> None:
    shopee.order("A1", fulfillment_flag="fulfilled_by_shopee")
    async with process(shopee, tmp_path) as here:
        assert await here.events(shopee.push("A1")) == []


async def test_an_order_that_the_platform_does_not_know_counts_as_it_was_pushed(shopee: Shopee, tmp_path: Path) -> None:
    shopee.order("A1")
    push = shopee.push("A1")
    shopee.orders.clear()
    async with process(shopee, tmp_path) as here:
        (event,) = await here.events(push)
    assert (event["id"], event["data"]) == ("A1:placed", {})


async def test_a_detail_that_is_behind_the_push_is_asked_for_once_more(shopee: Shopee, tmp_path: Path) -> None:
    shopee.order("A1")
    push = shopee.push("A1") | {"data": {"ordersn": "A1", "status": "SHIPPED", "update_time": START_MS // 1000}}

    def ship() -> None:
        shopee.clock.at_ms = START_MS + 5_000
        shopee.ship("A1")

    shopee.after(DETAIL, ship)
    async with process(shopee, tmp_path) as here:
        events = {event["id"]: event for event in await here.events(push)}
    assert events.keys() == {"A1:placed", "A1:shipped"}
    assert events["A1:shipped"]["time"] == "2026-11-03T10:00:05Z"  # that of the detail
    assert shopee.calls[DETAIL] == 2


async def test_what_the_detail_does_not_hear_of_counts_as_it_was_pushed_with_a_word(
    shopee: Shopee, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shopee.order("A1")
    push = shopee.push("A1") | {"data": {"ordersn": "A1", "status": "SHIPPED", "update_time": START_MS // 1000}}
    async with process(shopee, tmp_path) as here:
        events = await here.events(push)
    assert [event["id"] for event in events] == ["A1:placed", "A1:shipped"]
    assert "amount" in events[0]["data"]
    assert "shopee/main/910044217: order.shipped is pushed and not in the order's detail" in caplog.text


async def test_a_line_that_is_shipped_is_not_the_order(tmp_path: Path) -> None:
    async with Lazada(Clock()) as lazada:
        lazada.order(ORDER, package_id="P1")
        (line,) = lazada.items[ORDER]
        other = line | {"order_item_id": 2, "sku": "MUG-2"}
        lazada.items[ORDER] = [line | {"status": "shipped"}, other]
        async with process(lazada, tmp_path) as here:
            ids = [event["id"] for event in await here.events(lazada.push(ORDER))]
    assert ids == [f"{ORDER}:placed", f"{ORDER}:shipped:P1"]


async def test_a_mistake_of_ours_in_one_order_holds_up_no_other(
    shopee: Shopee, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped = enriching.map_answer

    def fail(source: SourceFile, document: dict[str, Any], setting: Mapping[str, Any]) -> Mapped:
        if document["response"]["order_list"][0]["order_sn"] == "A1":
            raise ZeroDivisionError
        return mapped(source, document, setting)

    monkeypatch.setattr(enriching, "map_answer", fail)
    shopee.order("A1")
    shopee.order("A2")
    async with process(shopee, tmp_path) as here:
        events = await here.events(shopee.push("A1"), shopee.push("A2"))
    assert [(event["order"], "amount" in event["data"]) for event in events] == [("A1", False), ("A2", True)]


async def test_a_status_that_only_the_detail_has_is_told_and_the_push_counts(shopee: Shopee, tmp_path: Path) -> None:
    shopee.order("A1")
    push = shopee.push("A1")
    shopee.order("A1", order_status="NEW_ONE")
    async with process(shopee, tmp_path) as here:
        (thin,) = pushes = here.mapped(push)
        await here.enricher.complete(pushes)
    assert [event["id"] for event in thin.mapped.events] == ["A1:placed"]
    assert thin.mapped.problems == ["order detail: status 'NEW_ONE' is not known"]


async def test_a_deadline_that_moves_between_push_and_poll_is_told(shopee: Shopee, tmp_path: Path) -> None:
    shopee.order("A1")
    async with process(shopee, tmp_path) as here:
        await here.events(shopee.push("A1"))
    shopee.clock.at_ms += HOUR_MS
    changed_s = shopee.clock.at_ms // 1000
    shopee.order("A1", ship_by_date=1_794_135_600)
    written = Notebook()
    async with polled(settings(tmp_path, shopee), tmp_path, shopee.clock, written) as polls:
        await polls["orders"].read()
    assert f"A1:deadline:1794135600:{changed_s}" in written.ids()


async def test_the_first_token_is_left_to_the_process_that_polls(shopee: Shopee, tmp_path: Path) -> None:
    shopee.order("A1")
    async with process(shopee, tmp_path, may_begin=False) as here:
        assert [event["data"] for event in await here.events(shopee.push("A1"))] == [{}]
        assert sum(shopee.calls.values()) == 0
        async with polled(settings(tmp_path, shopee), tmp_path, shopee.clock, Notebook()) as polls:
            await polls["orders"].read()
            shopee.clock.at_ms += 5 * HOUR_MS  # the access token has ended since
            (rich,) = await here.events(shopee.push("A1"))
            assert rich["data"]["amount"] == "154000.00"
            await polls["orders"].read()
    assert shopee.refused == []


async def test_a_refresh_goes_on_where_the_push_waits_no_longer(shopee: Shopee, tmp_path: Path) -> None:
    """A refresh token works once: its answer must be stored, whoever has given up meanwhile."""
    async with polled(settings(tmp_path, shopee), tmp_path, shopee.clock, Notebook()) as polls:
        asking = asyncio.create_task(polls["orders"].read())
        shopee.after(TOKEN, asking.cancel)
        await asyncio.wait({asking})
        assert asking.cancelled()
        await polls["orders"].read()
    assert (shopee.calls[TOKEN], shopee.refused) == (1, [])


async def test_pushes_of_shops_that_are_not_polled_stay_as_they_are(shopee: Shopee, tmp_path: Path) -> None:
    shopee.order("A1")
    push = shopee.push("A1") | {"shop_id": 1}
    async with process(shopee, tmp_path) as here:
        assert [event["data"] for event in await here.events(push)] == [{}]
    assert sum(shopee.calls.values()) == 0
