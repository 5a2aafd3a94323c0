"""What the mapper makes of records of the inbox."""

import asyncio
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest
from aiokafka import ConsumerRecord
from prometheus_client import REGISTRY

from streams.feeds import mapper as mapping
from streams.feeds.inbox import Inbox, Received
from streams.feeds.mapper import Mapper
from streams.feeds.mapping import Mapped
from streams.feeds.polling.enricher import Completion, Enricher, Push
from streams.feeds.polling.number_book import NumberBook
from streams.feeds.written import Written
from streams.kafka.embedded import EmbeddedBroker
from streams.settings import Settings
from tests.feeds.receiving import from_shopee, settings
from tests.feeds.support import shopee
from tests.runtime.support import record, until
from tests.support.kafka import count_records, read_topic

RECEIVED_MS = 1_793_784_602_000


@pytest.fixture
def mapper(tmp_path: Path) -> Mapper:
    return Mapper(Settings(broker="kafka://nowhere:9092", topic_prefix="t-"), settings(tmp_path))


def _received(body: Any, source: str = "shopee", app: str = "main", received_ms: int = RECEIVED_MS) -> ConsumerRecord:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    push = Received(source, app, received_ms, f"/feeds/{source}/{app}", "application/json", raw)
    return replace(record("t-inbox", raw, key=None), headers=tuple(push.headers()))


def _written(mapper: Mapper, given: ConsumerRecord) -> list[Written]:
    """Without an enricher: each push as it is."""
    (written,), _ = asyncio.run(mapper.written([given]))
    return written


def _of(written: list[Written], topic: str) -> list[dict[str, Any]]:
    return [json.loads(each.value or b"") for each in written if each.topic == topic]


def test_each_event_goes_to_its_topic_under_its_shop(mapper: Mapper) -> None:
    picked_up = {"ordersn": "A1", "package_number": "P1", "fulfillment_status": "LOGISTICS_PICKUP_DONE"}
    pushes = [
        shopee(),
        {"code": 30, "shop_id": 1, "data": picked_up | {"update_time": 1_793_784_600}},
        {"code": 28, "shop_id": 1, "data": {"action_type": 1, "points_issued_data": {"issued_points": 2},
                                            "update_time": 1_793_784_600}},
    ]  # fmt: skip
    pushes[2]["data"]["points_issued_data"]["violation_type"] = 5
    written = [each for push in pushes for each in _written(mapper, _received(push))]
    assert [(each.topic, each.key) for each in written] == [
        ("t-orders", b"shopee/jakarta"),
        ("t-pickups", b"shopee/1"),
        ("t-shops", b"shopee/1"),
    ]


def test_the_same_body_gives_the_same_events_whenever_it_is_mapped(mapper: Mapper) -> None:
    assert (_written(mapper, _received(shopee()))) == (_written(mapper, _received(shopee())))
    later = _received(shopee(), received_ms=RECEIVED_MS + 86_400_000)
    assert (_written(mapper, later)) == (_written(mapper, _received(shopee())))


def test_a_time_ahead_of_the_receipt_is_that_of_the_receipt(mapper: Mapper) -> None:
    early = _received(shopee(), received_ms=RECEIVED_MS - 3_600_000)
    (event,) = _of((_written(mapper, early)), "t-orders")
    assert event["time"] == "2026-11-04T08:30:02Z"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (_received(b"no json"), "shopee: the body is no JSON"),
        (_received(shopee("WAT")), "shopee: order status: status 'WAT' is not known"),
        (_received(shopee(), app="gone"), "shopee: there is no such app in the settings"),
        (record("t-inbox", b"{}", key=None), ": there is no such app in the settings"),
    ],
)
def test_what_can_not_be_mapped_is_a_dead_letter_with_the_reason(
    mapper: Mapper, given: ConsumerRecord, reason: str
) -> None:
    (letter,) = _written(mapper, given)
    headers = dict(letter.headers)
    assert (letter.topic, letter.value) == ("t-dead-letters", given.value)
    assert headers["reason"].decode().startswith(reason)
    assert headers["topic"] == b"t-inbox"
    assert "kept" not in headers


def test_what_could_be_mapped_counts_beside_its_dead_letter(mapper: Mapper) -> None:
    traces = [{"AcceptTime": "2026-11-03 18:00:00", "Action": action} for action in ("1", "777")]
    data = {"Success": True, "State": "2", "LogisticCode": "N1", "CallBack": "joom/s1/A1", "Traces": traces}
    body = b"RequestData=" + quote(json.dumps({"Data": [data]})).encode()
    written = _written(mapper, _received(body, source="kdniao"))
    assert [each.topic for each in written] == ["t-pickups", "t-tracking", "t-dead-letters"]
    headers = dict(written[2].headers)
    assert (headers["kept"], headers["reason"]) == (b"true", b"kdniao: tracking: status '777' is not known")


def test_a_mistake_of_ours_does_not_hold_up_the_others(mapper: Mapper, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(mapping, "map_request", fail)
    (letter,) = _written(mapper, _received(shopee()))
    assert dict(letter.headers)["reason"] == b"shopee: could not be mapped: ZeroDivisionError"


@pytest.mark.parametrize(("code", "notice"), [(12, "authorisation_ending"), (2, "authorisation_withdrawn")])
def test_what_the_operator_must_know_is_counted_and_logged(
    mapper: Mapper,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    notice: str,
) -> None:
    monkeypatch.setattr(mapping.log, "filters", [])

    def counted() -> float:
        labels = {"source": "shopee", "notice": notice}
        return REGISTRY.get_sample_value("shipclock_feed_notices_total", labels) or 0

    before = counted()
    push = replace(_received({"code": code, "shop_id": 1, "data": {}}), key=b"shopee/1")
    assert _written(mapper, push) == []
    assert counted() == before + 1
    assert f"shopee: shopee/1: {notice.replace('_', ' ')}" in caplog.text


async def test_a_batch_is_mapped_again_once_the_disk_has_room_for_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullAtFirst:
        def __init__(self) -> None:
            self.noted: list[list[Mapped]] = []

        def share(self, pushes: Iterable[Push]) -> None:
            pass

        def note(self, mapped: Iterable[Mapped]) -> None:
            self.noted.append([*mapped])
            if len(self.noted) == 1:
                raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(mapping, "RESTART_S", 0.01)
    book = FullAtFirst()
    with EmbeddedBroker() as broker:
        worker = Settings(broker=f"kafka://{broker.bootstrap}", embedded=True)
        feeds = settings(tmp_path)
        path, body, _ = from_shopee(shopee("READY_TO_SHIP"))
        inbox = Inbox(worker)
        work = [asyncio.create_task(inbox.run())]
        await until(lambda: inbox.is_open)
        await inbox.put(Received("shopee", "main", RECEIVED_MS, path, "", body, "shopee/jakarta"), 5)
        work.append(asyncio.create_task(Mapper(worker, feeds, book=cast(NumberBook, book)).run()))
        await until(lambda: len(book.noted) == 2)
        for each in work:
            each.cancel()
        await asyncio.wait(work)
    first, second = book.noted
    assert first[0].events == second[0].events != []


async def test_a_platform_that_answers_slowly_holds_up_its_own_pushes_alone(tmp_path: Path) -> None:
    class Slow:
        def __init__(self) -> None:
            self.answers = asyncio.Event()

        async def complete(self, pushes: Iterable[Push]) -> Completion:
            if any(push.app.name == "main" for push in pushes):
                await self.answers.wait()
            return Completion()

    enricher = Slow()
    with EmbeddedBroker() as broker:
        worker = Settings(broker=f"kafka://{broker.bootstrap}", embedded=True)
        path, body, _ = from_shopee(shopee("READY_TO_SHIP"))
        inbox = Inbox(worker)
        work = [asyncio.create_task(inbox.run())]
        await until(lambda: inbox.is_open)
        for app in ("main", "other"):
            await inbox.put(Received("shopee", app, RECEIVED_MS, path, "", body, "shopee/jakarta"), 5)
        mapper = Mapper(worker, settings(tmp_path), cast(Enricher, enricher))
        work.append(asyncio.create_task(mapper.run()))

        async def shops(count: int) -> set[str]:
            async def are_there() -> bool:
                return await count_records(broker.bootstrap, "orders") == count

            await until(are_there)
            return {json.loads(each.value)["shop"] for each in await read_topic(broker.bootstrap, "orders")}

        assert await shops(1) == {"910044217"}, "the other app has no alias"
        enricher.answers.set()
        assert await shops(2) == {"910044217", "jakarta"}
        for each in work:
            each.cancel()
        await asyncio.wait(work)
