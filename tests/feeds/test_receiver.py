"""The receiver on the embedded broker: what is stored, what is refused, and what each sender hears."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from rules.calendar.instants import from_rfc3339
from streams.feeds import receiver
from streams.feeds.inbox import Inbox, InboxAway, Received
from streams.feeds.receiver import Rate, site
from streams.feeds.serving import limits_of_senders
from streams.kafka.embedded import EmbeddedBroker
from streams.settings import Settings
from streams.web import connections
from tests.feeds.receiving import OZON, Push, Stored, from_kdniao, from_lazada, from_ozon, from_shopee, settings
from tests.feeds.support import shopee
from tests.runtime.support import until
from tests.support.kafka import read_topic
from tests.web.test_connections import is_closed, serving, status_on

TOKEN = "a-token-of-16-chars"


class Receiving:
    def __init__(self, client: httpx.AsyncClient, bootstrap: str) -> None:
        self.client, self.bootstrap = client, bootstrap

    async def post(self, push: Push, **more: str) -> httpx.Response:
        path, body, headers = push
        return await self.client.post(path, content=body, headers=headers | more)

    async def stored(self) -> list[Any]:
        return await read_topic(self.bootstrap, "inbox")


@asynccontextmanager
async def receiving(folder: Path, bootstrap: str, *, is_there: bool = True) -> AsyncIterator[Receiving]:
    inbox = Inbox(Settings(broker=f"kafka://{bootstrap}", embedded=True))
    storing = asyncio.create_task(inbox.run())
    transport = httpx.ASGITransport(site(settings(folder), inbox, TOKEN), client=("10.0.0.9", 4711))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://hooks") as client:
            if is_there:
                await until(lambda: inbox.is_open)
            yield Receiving(client, bootstrap)
    finally:
        storing.cancel()
        await asyncio.wait({storing})


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Receiving]:
    with EmbeddedBroker() as broker:
        async with receiving(tmp_path, broker.bootstrap) as started:
            yield started


def _count(source: str, outcome: str) -> float:
    found = REGISTRY.get_sample_value("shipclock_feed_pushes_total", {"source": source, "outcome": outcome})
    return found or 0.0


async def test_a_push_is_stored_as_received_before_it_is_answered(running: Receiving) -> None:
    push = from_shopee(b'{ "code":3, "data":{"ordersn":"A1", "status":"SHIPPED"},\n "shop_id":910044217 }')
    answer = await running.post(push)
    assert (answer.status_code, answer.content) == (204, b"")
    (record,) = await running.stored()
    assert (record.key, record.value) == (b"shopee/jakarta", push[1])
    headers = {name: value.decode() for name, value in record.headers}
    assert headers.pop("received_at").endswith("Z")
    assert headers == {
        "source": "shopee",
        "app": "main",
        "path": "/feeds/shopee/main",
        "content_type": "application/json",
    }


async def test_the_query_is_kept_with_the_path(running: Receiving) -> None:
    path, body, headers = from_lazada({"seller_id": 5, "message_type": 0})
    await running.post((f"{path}?ref=douyin/7/9", body, headers))
    (record,) = await running.stored()
    assert dict(record.headers)["path"] == b"/feeds/lazada/sg?ref=douyin/7/9"


async def test_each_sender_hears_what_it_wants(running: Receiving) -> None:
    check = await running.post(from_shopee({"code": 0, "data": {"verify_info": "callback check"}}))
    assert (check.status_code, check.content) == (204, b"")
    assert (await running.post(from_lazada({"seller_id": 5, "message_type": 0}))).status_code == 200
    news = await running.post(from_ozon({"message_type": "TYPE_STATE_CHANGED", "seller_id": 7}))
    assert (news.status_code, news.json()) == (200, {"result": True})
    ping = await running.post(from_ozon({"message_type": "TYPE_PING", "time": "2026-11-03T06:00:00Z"}))
    assert ping.headers["content-type"] == "application/json"
    assert ping.json()["name"] == "shipclock"
    assert from_rfc3339(ping.json()["time"])
    track = await running.post(from_kdniao({"EBusinessID": "1990042", "Data": []}))
    assert track.json() | {"UpdateTime": ""} == {
        "EBusinessID": "1990042",
        "UpdateTime": "",
        "Success": True,
        "Reason": "",
    }


async def test_a_genuine_push_that_nobody_understands_is_stored_and_answered_like_any(running: Receiving) -> None:
    assert (await running.post(from_shopee(b"no json"))).status_code == 204
    (record,) = await running.stored()
    assert (record.key, record.value) == (None, b"no json")


async def test_a_push_of_an_unknown_kind_is_stored_under_its_shop(running: Receiving) -> None:
    await running.post(from_shopee({"code": 99, "shop_id": 910044217}))
    (record,) = await running.stored()
    assert record.key == b"shopee/jakarta"


async def test_a_wrong_signature_is_refused_and_counted(running: Receiving, caplog: pytest.LogCaptureFixture) -> None:
    before = _count("shopee", "signature")
    forged = from_shopee(shopee(), key="another")
    path, body, headers = from_shopee(shopee())
    of_another_app = [("/feeds/shopee/other", body, headers), ("/feeds/lazada/sg", body, headers)]
    wrong = [forged, (path, body + b" ", headers), (path, body, {}), *of_another_app]
    with caplog.at_level(logging.DEBUG):
        assert [(await running.post(push)).status_code for push in wrong] == [401] * 5
    assert _count("shopee", "signature") - before == 4
    assert "A1" not in caplog.text
    assert "s3cr3t" not in caplog.text
    assert headers["authorization"] not in caplog.text
    assert (await running.post((path, body, headers))).status_code == 204
    assert len(await running.stored()) == 1


async def test_where_nothing_is_signed_the_senders_address_counts(running: Receiving) -> None:
    news = {"message_type": "TYPE_PING"}
    assert (await running.post(from_ozon(news, "91.223.93.7"))).status_code == 200
    assert (await running.post(from_ozon(news, "203.0.113.5"))).status_code == 401
    assert (await running.post(from_ozon(news, "91.223.93.7, 203.0.113.5"))).status_code == 401


async def test_a_path_that_is_no_apps_is_not_there(running: Receiving) -> None:
    _, body, headers = from_shopee(shopee())
    for path in ("/feeds/nope/main", "/feeds/shopee/third", "/feeds/shopee", "/other", "/feeds/ozon/main"):
        assert (await running.post((path, body, headers))).status_code == 404, path
    assert (await running.client.get("/feeds/shopee/main")).status_code == 405
    assert (await running.client.get(f"/feeds/ozon/{OZON}")).status_code == 405


async def test_bodies_are_bounded_and_nothing_is_unpacked(running: Receiving) -> None:
    large = from_shopee(b" " * (receiver.LARGEST_BYTES + 1))
    assert (await running.post(large)).status_code == 413
    path, body, headers = large

    async def in_chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    assert (await running.client.post(path, content=in_chunks(), headers=headers)).status_code == 413
    assert (await running.post(from_shopee(shopee()), **{"content-encoding": "gzip"})).status_code == 415
    assert (await running.post(from_shopee(b" " * receiver.LARGEST_BYTES))).status_code == 204


async def test_no_more_is_held_than_there_is_room_for_and_what_was_held_is_released(
    running: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b" " * 100_000
    monkeypatch.setattr(receiver, "MOST_HELD_BYTES", 99_999)
    for _ in range(3):
        assert (await running.post(from_shopee(body))).status_code == 503
    monkeypatch.setattr(receiver, "MOST_HELD_BYTES", 100_000)
    for _ in range(3):
        assert (await running.post(from_shopee(body))).status_code == 204


def test_all_senders_may_come_through_one_proxy() -> None:
    bounds = limits_of_senders()
    assert bounds.per_peer == bounds.total


async def test_an_app_that_sends_too_much_is_asked_to_send_again(
    running: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rate, "allows", lambda self, now_s: False)
    answer = await running.post(from_shopee(shopee()))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_a_rate_holds_in_any_second() -> None:
    rate = Rate(3)
    assert [rate.allows(100.0) for _ in range(4)] == [True, True, True, False]
    assert [rate.allows(101.0) for _ in range(4)] == [True, True, True, False]
    assert rate.allows(101.4)


async def test_while_kafka_is_away_the_sender_is_asked_to_send_again(tmp_path: Path) -> None:
    before = _count("shopee", "unstored")
    async with receiving(tmp_path, "127.0.0.1:1", is_there=False) as running:
        assert (await running.post(from_shopee(shopee()))).status_code == 503
        assert (await running.client.get("/health/ready")).status_code == 503
        assert (await running.client.get("/health/live")).status_code == 200
    assert _count("shopee", "unstored") - before == 1


async def test_a_producer_that_has_failed_is_replaced(tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        inbox = Inbox(Settings(broker=f"kafka://{broker.bootstrap}", embedded=True))
        storing = asyncio.create_task(inbox.run())
        await until(lambda: inbox.is_open)
        await inbox.put(Received("shopee", "main", 0, "/", "", b"1"), 5)
        failed = inbox._producer
        assert failed is not None
        await failed.stop()
        with pytest.raises(InboxAway):
            await inbox.put(Received("shopee", "main", 0, "/", "", b"2"), 5)
        await until(lambda: inbox._producer not in (None, failed))
        await inbox.put(Received("shopee", "main", 0, "/", "", b"3"), 5)
        storing.cancel()
        await asyncio.wait({storing})
        assert sorted([record.value for record in await read_topic(broker.bootstrap, "inbox")]) == [b"1", b"3"]


async def test_a_slow_sender_is_cut_off_and_the_others_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PEER_S", 0.05)
    monkeypatch.setattr(connections, "CHECK_S", 0.01)
    stored = Stored()
    path, body, headers = from_shopee(shopee())
    named = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nhost: h\r\n{named}content-length: {len(body)}\r\n\r\n".encode()
    async with serving(limits_of_senders(), site(settings(tmp_path), stored, None)) as there:
        slow = [await there.connect((head + body)[:-1]) for _ in range(20)]
        reader, _ = await there.connect(head + body)
        assert await status_on(reader) == 204
        assert all([await is_closed(line) for line in slow])
    assert [each.body for each in stored.taken] == [body]


async def test_the_metrics_need_the_token(running: Receiving) -> None:
    assert (await running.client.get("/metrics")).status_code == 401
    answer = await running.client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert "shipclock_feed_pushes_total" in answer.text
    assert (await running.client.get("/health/ready")).status_code == 200
