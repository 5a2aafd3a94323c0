"""The web of workers as users run them, on a real Kafka."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from rules.calendar.instants import DAY_MS, HOUR_MS
from rules.messages.daily_values import AlertsOfDay, decode
from streams.kafka.topics import TopicNames
from tests.commands.support import JOB
from tests.runtime.support import LATE_MS, START_MS, event, sent, shop_in, ticks, until
from tests.runtime.workers import Site, WorkerProcess
from tests.support.kafka import Kafka, produce, read_topic
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
    own_kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    site = Site(own_kafka.bootstrap, topic_prefix, tmp_path)
    site.environment["SHIPCLOCK_PACKS"] = str(PACK)
    site.make_topics()
    async with site.worker() as running:
        await running.ready()
        await late_shops(site)
        async with client(running) as web:
            name = (await items(web, "/api/alerts?severity=critical", 4))[0]["data"]["alert"]
            own_kafka.stop()
            answer = await web.post(f"/api/alerts/{name}/mute", json={})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert (await web.get(f"/api/alerts/{name}")).json()["muted"] is None
            await running.kill()


async def counted_by_day(site: Site, newest: str) -> dict[str, AlertsOfDay]:
    """What the topic of daily values says of each day, once it has the day `newest`."""

    async def found() -> dict[str, AlertsOfDay]:
        records = await read_topic(site.bootstrap, TopicNames(site.prefix, site.group).daily_values)
        days = {each.day: each.alerts for each in (decode(record.value) for record in records)}
        return days if newest in days else {}

    days: dict[str, AlertsOfDay] = await until(found)
    return days


async def test_trends_go_on_after_a_restart_and_no_alert_counts_twice(site: Site) -> None:
    """The worker stops in mid-day, after alerts of that day; the next one, elsewhere, knows only what Kafka holds."""
    site.environment["SHIPCLOCK_PACKS"] = str(JOB)
    mid_day_ms = START_MS + LATE_MS + 2 * HOUR_MS
    async with site.worker() as running:
        await running.ready()
        await produce(site.bootstrap, sent(site.prefix, *(event("order.placed", START_MS, f"{n}") for n in range(2))))
        await produce(site.bootstrap, ticks(site.prefix, mid_day_ms))
        async with client(running) as web:
            await items(web, "/api/alerts?severity=critical", 2)
        await counted_by_day(site, "2026-01-03")
        assert await running.stop() == 0
    async with site.worker("elsewhere") as running:
        await running.ready()
        shipped = [event("order.shipped", mid_day_ms + HOUR_MS, f"{n}") for n in range(2)]
        await produce(site.bootstrap, sent(site.prefix, *shipped))
        await produce(site.bootstrap, ticks(site.prefix, START_MS + 6 * DAY_MS))
        counted = await counted_by_day(site, "2026-01-06")
        async with client(running) as web:
            (trend,) = (await web.get("/api/trends?platform=joom&shop=s17")).json()["items"]
        assert await running.stop() == 0
    assert trend["rule"] == "job.ratio_5pct"
    days = [point["day"] for point in trend["points"]]
    assert days[:6] == [f"2026-01-0{n}" for n in range(1, 7)]
    assert len(set(days)) == len(days)
    # Opened, deadlines missed, resolved: after 48 h, after 72 h and when they are shipped, a day later not picked up.
    of_each = [(each.opened, each.deadlines_missed, each.resolved) for _, each in sorted(counted.items())]
    assert of_each[:6] == [(0, 0, 0), (0, 0, 0), (2, 2, 0), (2, 2, 4), (2, 2, 0), (0, 0, 0)]


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
                    answer = await web.get(f"/api/orders/joom/{shop}/1")
                    assert (answer.status_code, answer.json()["verdict"]["overdue"]) == (200, ["late.ship"])
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
