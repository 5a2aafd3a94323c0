"""The web of workers as users run them, on a real Kafka."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.runtime.support import LATE_MS, START_MS, event, sent, shop_in, ticks, until
from tests.runtime.workers import Site, WorkerProcess
from tests.support.kafka import Kafka, produce
from tests.web.support import PACK

pytestmark = pytest.mark.kafka


@pytest.fixture
def site(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Site:
    made = Site(kafka.bootstrap, topic_prefix, tmp_path)
    made.environment["SHIPCLOCK_PACKS"] = str(PACK)
    made.make_topics()
    return made


def client(running: WorkerProcess) -> httpx.AsyncClient:
    _, _, rest = running.log().partition("console and API on ")
    return httpx.AsyncClient(base_url=rest.split()[0], timeout=30)


async def late_shops(site: Site) -> set[str]:
    """One shop with a late order in each partition."""
    shops = {shop_in(partition) for partition in range(4)}
    placed = [event("order.placed", START_MS, shop=shop) for shop in shops]
    await produce(site.bootstrap, sent(site.prefix, *placed))
    await produce(site.bootstrap, ticks(site.prefix, START_MS + LATE_MS))
    return shops


async def items(web: httpx.AsyncClient, path: str, count: int) -> list[Any]:
    """A list, once it has so many items."""

    async def found() -> list[Any] | None:
        answer = await web.get(path)
        listed: list[Any] = answer.json().get("items", [])
        return listed if len(listed) == count else None

    listed: list[Any] = await until(found)
    return listed


async def test_any_worker_answers_for_any_shop(site: Site) -> None:
    async with site.worker("one") as one, site.worker("two") as two:
        await one.ready()
        await two.ready()
        shops = await late_shops(site)
        async with client(one) as first, client(two) as second:
            for web in (first, second):
                alerts = await items(web, "/api/alerts?severity=critical", 4)
                assert {each["shop"] for each in alerts} == shops
                assert {each["shop"] for each in await items(web, "/api/shops", 4)} == shops
            name = alerts[0]["data"]["alert"]
            assert (await first.post(f"/api/alerts/{name}/acknowledge", json={"by": "Li"})).status_code == 200

            async def is_acknowledged() -> bool:
                acked = (await second.get(f"/api/alerts/{name}")).json()["acknowledged"]
                return acked is not None and acked["by"] == "Li"

            await until(is_acknowledged)


async def test_what_was_said_outlives_every_worker(site: Site) -> None:
    async with site.worker() as running:
        await running.ready()
        await late_shops(site)
        async with client(running) as web:
            name = (await items(web, "/api/alerts?severity=critical", 4))[0]["data"]["alert"]
            assert (await web.post(f"/api/alerts/{name}/mute", json={"comment": "known"})).status_code == 200
        assert await running.stop() == 0
    async with site.worker("elsewhere") as running:
        await running.ready()
        async with client(running) as web:
            await items(web, "/api/alerts?severity=critical", 4)
            assert (await web.get(f"/api/alerts/{name}")).json()["muted"]["comment"] == "known"
            await items(web, "/api/shops", 4)


@pytest.mark.slow
async def test_while_kafka_is_away_what_is_known_is_told_and_nothing_is_changed(
    topic_prefix: str, tmp_path: Path
) -> None:
    with Kafka() as kafka:
        site = Site(kafka.bootstrap, topic_prefix, tmp_path)
        site.environment["SHIPCLOCK_PACKS"] = str(PACK)
        site.make_topics()
        async with site.worker() as running:
            await running.ready()
            await late_shops(site)
            async with client(running) as web:
                name = (await items(web, "/api/alerts?severity=critical", 4))[0]["data"]["alert"]
                kafka.stop()
                answer = await web.post(f"/api/alerts/{name}/mute", json={})
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
                assert (await web.get(f"/api/alerts/{name}")).json()["muted"] is None
                await running.kill()


async def test_any_worker_lists_every_order_that_waits(site: Site) -> None:
    """Also of shops of the other worker, of which the standings list only the first 50."""
    shops = {shop_in(partition) for partition in range(4)}
    async with site.worker("one") as one, site.worker("two") as two:
        await one.ready()
        await two.ready()
        placed = [event("order.placed", START_MS, f"{n}", shop=shop) for shop in shops for n in range(70)]
        await produce(site.bootstrap, sent(site.prefix, *placed))
        await produce(site.bootstrap, ticks(site.prefix, START_MS + LATE_MS))
        async with client(one) as first, client(two) as second:
            for web in (first, second):
                listed = await items(web, "/api/due?limit=1000", 280)
                assert {(each["shop"], each["order"]) for each in listed} == {
                    (shop, f"{n}") for shop in shops for n in range(70)
                }


async def test_any_worker_tells_of_any_order_and_a_tick_is_seen_by_all(site: Site) -> None:
    async with site.worker("one") as one, site.worker("two") as two:
        await one.ready()
        await two.ready()
        shops = await late_shops(site)
        async with client(one) as first, client(two) as second:
            for web in (first, second):
                await items(web, "/api/due", 4)
                await items(web, "/api/alerts?severity=critical", 4)
                for shop in shops:
                    told = await web.get(f"/api/orders/joom/{shop}/1")
                    assert (told.status_code, told.json()["verdict"]["overdue"]) == (200, ["late.ship"])
                    assert (await web.get(f"/api/orders/joom/{shop}/2")).status_code == 404
                assert {each["shop"] for each in await items(web, "/api/orders?number=1", 4)} == shops
            for shop in shops:
                assert (await first.post(f"/api/packed/joom/{shop}/1", json={"by": "Li"})).status_code == 200
                assert (await first.get(f"/api/orders/joom/{shop}/1")).json()["packed"]["by"] == "Li"
                assert (await second.post(f"/api/packed/joom/{shop}/1", json={"by": "Ann"})).status_code == 409
        assert [await each.stop() for each in (one, two)] == [0, 0]
    async with site.worker("three") as running:
        await running.ready()
        async with client(running) as web:
            assert {each["packed"]["by"] for each in await items(web, "/api/due", 4)} == {"Li"}
