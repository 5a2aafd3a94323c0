"""Tracking numbers become known to the tracking service: each once, with its order, as long as anybody waits."""

import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from rules.dsl.yaml_source import BadPack
from rules.messages.names import encoded
from streams.feeds import apps
from streams.feeds.apps import FeedSettings
from streams.feeds.decoding import Request
from streams.feeds.mapping import Mapped, Number, map_request
from streams.feeds.polling.client import Time
from streams.feeds.polling.clients import Clients, session
from streams.feeds.polling.enricher import Push
from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.number_book import NumberBook
from streams.feeds.polling.parcels import FOLLOWED, GONE, NEW, PARCELS, REFUSED, Parcels
from streams.feeds.polling.polls import registrars_of
from streams.feeds.polling.registrar import EVERY_S, Registrar
from tests.feeds.emulated.platform import DAY_MS, Clock
from tests.feeds.emulated.services import AfterShip, Kdniao, Kuaidi100, Service, Track17
from tests.feeds.support import mapped, shopee, source

SERVICES: list[Callable[[Clock], Service]] = [Track17, AfterShip, Kuaidi100, Kdniao]


class Process:
    def __init__(self, book: NumberBook, registrar: Registrar, parcels: Parcels, service: Service) -> None:
        self.book, self.registrar, self.parcels, self.service = book, registrar, parcels, service
        self.name = registrar.name

    def note(self, *numbers: str, order: str = "A1", carrier: str | None = None) -> None:
        word = next(iter(self.service.words)) if carrier is None else carrier
        self.book.note([Mapped(numbers=[Number(f"shopee/s1/{order}", each, word) for each in numbers])])

    def counts(self) -> dict[str, int]:
        return {state: count for state, count in self.parcels.counts(self.name).items() if count}


@asynccontextmanager
async def process(service: Service, folder: Path, **register: Any) -> AsyncIterator[Process]:
    """A process that has just started."""
    feeds, clock = settings(service, folder, **register), service.clock
    ledger, parcels, time = Ledger(folder / "polls.sqlite"), Parcels(folder / PARCELS), Time(clock.now_ms, clock.pause)
    try:
        async with session() as http:
            (registrar,) = registrars_of(feeds, Clients(http, ledger, time), parcels, time)
            yield Process(NumberBook(feeds, parcels, time), registrar, parcels, service)
    finally:
        parcels.close()
        ledger.close()


def settings(service: Service, folder: Path, **register: Any) -> FeedSettings:
    credentials, _ = service.credentials()
    for name, secret in credentials.items():
        (folder / name).write_text(secret)
    app = {
        "credentials": {name: {"file": name} for name in credentials},
        "register": {"host": service.host, **register},
    }
    (folder / "feeds.yaml").write_text(json.dumps({"apps": {service.source: {"main": app}}}))
    return apps.load(folder / "feeds.yaml", {})


@pytest.fixture(params=SERVICES, ids=lambda each: each.source)
async def service(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    async with request.param(Clock()) as running:
        yield running


@pytest.fixture
async def track17() -> AsyncIterator[Track17]:
    async with Track17(Clock()) as running:
        yield running


async def test_a_number_is_registered_with_its_order_and_its_carrier(service: Service, tmp_path: Path) -> None:
    async with process(service, tmp_path) as here:
        for n, word in enumerate(service.words):
            here.note(f"N{n}", carrier=word)
        await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 2}
    assert service.followed == {"N0": "shopee/s1/A1", "N1": "shopee/s1/A1"}
    assert [str(service.carriers[each] or "") for each in ("N0", "N1")] == [*service.words.values()]
    assert service.refused == []


async def test_each_number_is_registered_once_by_turns_restarts_and_repeats(service: Service, tmp_path: Path) -> None:
    for _ in range(3):
        async with process(service, tmp_path) as here:
            here.note("N1", "N2")
            here.note("N2")
            await here.registrar.turn()
            await here.registrar.turn()
    calls = sum(service.calls.values())
    assert calls == (1 if service.source == "track17" else 2)
    assert set(service.followed) == {"N1", "N2"}


async def test_a_number_that_the_service_knows_already_is_as_good(service: Service, tmp_path: Path) -> None:
    """As after a process that ended between the call and its note."""
    service.followed["N1"] = "shopee/s1/A1"
    async with process(service, tmp_path) as here:
        here.note("N1", "N2")
        await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 2}


async def test_a_number_that_is_refused_is_tried_again_and_then_given_up_with_a_word(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with process(service, tmp_path) as here:
        here.note("BAD1", "N1")
        await here.registrar.turn()
        await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 1, NEW: 1}
        for _ in range(4):
            service.clock.at_ms += 20 * DAY_MS
            with caplog.at_level(logging.ERROR):
                await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 1, REFUSED: 1}
        calls = sum(service.calls.values())
        service.clock.at_ms += 20 * DAY_MS
        await here.registrar.turn()
        assert sum(service.calls.values()) == calls


async def test_a_service_that_is_away_is_asked_again(service: Service, tmp_path: Path) -> None:
    async with process(service, tmp_path) as here:
        here.note("N1")
        for _ in range(6):
            service.refuse_next(503)
        await here.registrar.turn()
        assert here.counts() == {NEW: 1}
        await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 1}


async def test_a_key_that_is_wrong_for_days_costs_no_number_its_registration(
    track17: Track17, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with process(track17, tmp_path) as here:
        here.note("N1", "N2")
        with monkeypatch.context() as wrong, caplog.at_level(logging.ERROR):
            wrong.setattr(track17, "_wrong", lambda _: web.json_response({"code": -18010002, "data": {}}, status=401))
            for _ in range(8):
                await here.registrar.turn()
                track17.clock.at_ms += DAY_MS
        assert "track17/main: 2 numbers at once were not taken" in caplog.text
        assert here.counts() == {NEW: 2}
        await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 2}


async def test_a_spent_quota_is_named_and_waited_for(
    track17: Track17, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    track17.quota = 1
    async with process(track17, tmp_path) as here:
        here.note("N1", "N2", "N3")
        with caplog.at_level(logging.ERROR):
            wait_s = await here.registrar.turn()
        assert wait_s > EVERY_S
        assert "track17/main: its quota is used up (-18019908); 2 numbers wait to be registered" in caplog.text
        assert here.counts() == {FOLLOWED: 1, NEW: 2}
        track17.quota = 10
        await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 3}


async def test_a_quota_that_is_spent_while_the_numbers_cannot_be_counted_ends_nothing(
    track17: Track17, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(_: str) -> dict[str, int]:
        raise sqlite3.OperationalError("database is locked")

    track17.quota = 1
    async with process(track17, tmp_path) as here:
        here.note("N1", "N2")
        with monkeypatch.context() as patched:
            patched.setattr(here.parcels, "counts", locked)
            assert await here.registrar.turn() == 0
        assert "numbers could not be registered: OperationalError" in caplog.text
        assert here.counts() == {FOLLOWED: 1, NEW: 1}


async def test_many_numbers_are_few_calls(track17: Track17, tmp_path: Path) -> None:
    async with process(track17, tmp_path) as here:
        here.note(*(f"N{n:03}" for n in range(100)))
        await here.registrar.turn()
    assert (len(track17.followed), sum(track17.calls.values()), track17.refused) == (100, 3, [])


async def test_numbers_of_delivered_and_voided_orders_are_released(track17: Track17, tmp_path: Path) -> None:
    async with process(track17, tmp_path) as here:
        for order in ("A1", "A2", "A3"):
            here.note(f"N-{order}", f"M-{order}", order=order)
        await here.registrar.turn()
        cancelled = {"type": "order.cancelled", "platform": "shopee", "shop": "s1", "order": "A1", "data": {}}
        part = cancelled | {"order": "A3", "data": {"items": [{"sku": "x", "qty": 1}]}}
        delivered = cancelled | {"type": "tracking.updated", "order": "A2"}
        delivered |= {"data": {"tracking_no": "N-A2", "status": "delivered"}}
        here.book.note([Mapped(events=[cancelled, part, delivered])])
        await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 3, GONE: 3}
    assert set(track17.followed) == {"M-A2", "N-A3", "M-A3"}


def of_order(order: str, kind: str, **data: Any) -> dict[str, Any]:
    return {"id": f"{order}:1", "type": kind, "platform": "shopee", "shop": "s1", "order": order, "data": data}


async def test_a_parcel_that_holds_two_orders_is_followed_until_neither_waits(track17: Track17, tmp_path: Path) -> None:
    async with process(track17, tmp_path) as here:
        here.note("N1", order="A1")
        await here.registrar.turn()
        here.note("N1", order="A2")
        here.book.note([Mapped(events=[of_order("A1", "order.cancelled")])])
        await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 1}
        here.book.note([Mapped(over=["shopee/s1/A2"])])
        await here.registrar.turn()
        assert here.counts() == {GONE: 1}
    assert (track17.followed, track17.calls["/track/v2.2/register"]) == ({}, 1)


async def test_news_of_a_parcel_are_told_of_each_order_in_it(track17: Track17, tmp_path: Path) -> None:
    news = [
        of_order("A1", "pickup.collected", tracking_no="n1"),
        of_order("A1", "tracking.updated", tracking_no="n1", status="delivered"),
        of_order("A1", "tracking.updated", tracking_no="N2", status="in_transit"),
    ]
    async with process(track17, tmp_path) as here:
        for order in ("A1", "A/2"):
            here.note("N1", order=encoded(order))
        here.note("N2", order="A1")
        here.book.note([Mapped(numbers=[Number("shopee/s2/B1", "N1", "")])])
        app = settings(track17, tmp_path).apps["track17", "main"]
        for _ in range(2):  # mapped again after a mapping was mended
            mapped = Mapped(events=list(news))
            here.book.share([Push(app, mapped)])
            found = [(each["order"], each["id"], each["data"]) for each in mapped.events]
            assert found[:3] == [("A1", "A1:1", each["data"]) for each in news]
            assert found[3:] == [("A/2", "A1:1:A%2F2", each["data"]) for each in news[:2]]
            here.book.note([mapped])
        await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 2}, "another shop's order has that number, too"
        here.book.note([Mapped(over=["shopee/s2/B1"])])
        await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 1, GONE: 1}


async def test_a_number_that_was_released_is_followed_again_for_another_order(track17: Track17, tmp_path: Path) -> None:
    async with process(track17, tmp_path) as here:
        here.note("N1", order="A1")
        await here.registrar.turn()
        here.book.note([Mapped(over=["shopee/s1/A1"])])
        await here.registrar.turn()
        here.note("N1", order="A1")
        assert here.counts() == {GONE: 1}
        here.note("N1", order="A2")
        await here.registrar.turn()
        assert here.counts() == {FOLLOWED: 1}
        assert track17.calls["/track/v2.2/retrack"] == 1, "what 17TRACK has stopped isn't registered anew"


async def test_a_number_that_the_service_stopped_to_follow_is_told_once_more_and_no_third_time(
    track17: Track17, tmp_path: Path
) -> None:
    push = {"event": "TRACKING_STOPPED", "data": {"number": "N1", "tag": "shopee/s1/A1"}}
    async with process(track17, tmp_path) as here:
        here.note("N1")
        await here.registrar.turn()
        for expected in (1, 1):
            track17.stopped.add("N1")
            here.book.note([mapped("track17", push)])
            await here.registrar.turn()  # it is given half an hour
            track17.clock.at_ms += 2 * DAY_MS
            await here.registrar.turn()
            assert track17.calls["/track/v2.2/retrack"] == expected
        assert here.counts() == {FOLLOWED: 1}
    assert (track17.calls["/track/v2.2/register"], track17.stopped) == (1, {"N1"})


def test_kuaidi100_says_itself_that_it_has_given_up() -> None:
    param = 'param={"status":"abort","lastResult":{"nu":"N1"}}'
    request = Request(param.encode(), "/feeds/kuaidi100/main?ref=douyin/7/9")
    found = map_request(source("kuaidi100"), request, "push", {"received_at": "2026-11-06T12:00:00Z"})
    assert found.again == [Number("douyin/7/9", "N1", "")]


async def test_a_number_that_nobody_waits_for_is_not_registered(track17: Track17, tmp_path: Path) -> None:
    async with process(track17, tmp_path) as here:
        here.note("N1")
        here.book.note([Mapped(over=["shopee/s1/A1"])])
        await here.registrar.turn()
        here.note("N1")
        await here.registrar.turn()
    assert sum(track17.calls.values()) == 0


async def test_only_the_platforms_that_were_chosen_are_followed(track17: Track17, tmp_path: Path) -> None:
    async with process(track17, tmp_path, platforms=["joom"]) as here:
        here.note("N1")
        here.book.note([Mapped(numbers=[Number("joom/s1/B1", "N2", "")])])
        await here.registrar.turn()
    assert set(track17.followed) == {"N2"}


async def test_a_carrier_that_is_not_known_is_named_and_may_be_given_in_the_settings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Kdniao(Clock()) as kdniao:
        async with process(kdniao, tmp_path) as here:
            here.note("N1", carrier="SPX")
            with caplog.at_level(logging.ERROR):
                await here.registrar.turn()
            assert "its carrier 'SPX' is not known; name it under carriers" in caplog.text
        async with process(kdniao, tmp_path, carriers={"spx": "ZTO"}) as here:
            here.note("N2", carrier="SPX")
            await here.registrar.turn()
        assert kdniao.carriers == {"N2": "ZTO"}


async def test_no_secret_is_told(service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with process(service, tmp_path) as here:
            here.note("BAD1", "N1")
            await here.registrar.turn()
    credentials, _ = service.credentials()
    secrets = {value for name, value in credentials.items() if name not in ("callback_url", "business_id")}
    assert not any(secret in caplog.text for secret in secrets)


def test_order_feeds_hand_over_each_number_with_its_order() -> None:
    push = {"code": 4, "shop_id": 5, "data": {"ordersn": "A/1", "package_number": "P1", "tracking_no": "SPX1"}}
    assert mapped("shopee", push, aliases={"5": "jakarta"}).numbers == [Number("shopee/jakarta/A%2F1", "SPX1", "")]
    assert mapped("shopee", shopee("COMPLETED")).over == ["shopee/910044217/A1"]
    assert mapped("shopee", shopee("SHIPPED")).over == []


def test_an_order_that_is_done_when_it_is_first_read_hands_over_nothing() -> None:
    line = {"id": "1", "package_id": "P1", "tracking_number": "T1", "shipping_provider_name": "J&T"}
    order = {"id": "9", "status": "IN_TRANSIT", "paid_time": 1_793_671_200, "line_items": [line, line | {"id": "2"}]}
    order |= {"update_time": 1_793_771_200}
    on_its_way = mapped("tiktok", {"data": {"orders": [order]}}, "poll", shop="7")
    assert on_its_way.numbers == [Number("tiktok/7/9", "T1", "J&T")]
    done = mapped("tiktok", {"data": {"orders": [order | {"status": "COMPLETED"}]}}, "poll", shop="7")
    assert (done.numbers, done.over) == ([], ["tiktok/7/9"])


SETTINGS = """\
apps:
  track17:
    main:
      credentials: {key: {file: key}}
      register: {host: "https://x.example"}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("track17:\n    main", "kdniao:\n    main", 4, "the credential business_id is missing"),
        ("track17:\n    main", "joom:\n    main", 5, "joom follows no parcels by their numbers"),
        ("https:", "http:", 5, "write the host like https://example.net"),
        ("key: {file: key}", "", 4, "the credential key is missing"),
        ("register: {host", "poll: {shops: {}, host", 5, "nothing is known of an API of track17"),
    ],
)
def test_a_mistake_in_the_settings_is_told(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in SETTINGS
    (tmp_path / "key").write_text("k")
    (tmp_path / "feeds.yaml").write_text(SETTINGS.replace(old, new))
    with pytest.raises(BadPack) as raised:
        apps.load(tmp_path / "feeds.yaml", {})
    output = str(raised.value).splitlines()
    assert any(each.startswith(f"{tmp_path / 'feeds.yaml'}:{line}: ") and message in each for each in output), output
