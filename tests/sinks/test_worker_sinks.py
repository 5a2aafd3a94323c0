"""`shipclock worker` with sinks, everything real: Kafka, Alertmanager, Redis, a receiver of webhooks."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from redis import Redis

from rules.calendar.instants import HOUR_MS
from tests.runtime.outcome import Reader
from tests.runtime.sites import site as site
from tests.runtime.support import LATE_MS, LONG_S, START_MS, event, sent, shop_in, ticks, until
from tests.runtime.workers import Site
from tests.sinks.support import Receiver
from tests.support.kafka import produce
from tests.support.ports import free_port
from tests.support.servers import AlertmanagerServer, RedisServer

pytestmark = pytest.mark.kafka

TOKEN = "acts-as-li-wei-0123456"
SECRET = "whsec_MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"


async def place(site: Site, *orders: str, shop: str = "s17") -> None:
    await produce(site.bootstrap, sent(site.prefix, *(event("order.placed", START_MS, each, shop) for each in orders)))


async def ship(site: Site, order: str) -> None:
    await produce(site.bootstrap, sent(site.prefix, event("order.shipped", START_MS + LATE_MS + HOUR_MS, order)))
    await pass_time(site, LATE_MS + HOUR_MS)


async def pass_time(site: Site, by_ms: int) -> None:
    await produce(site.bootstrap, ticks(site.prefix, START_MS + by_ms))


def firing(server: AlertmanagerServer) -> list[str]:
    with urllib.request.urlopen(f"{server.url}/api/v2/alerts", timeout=LONG_S) as answer:
        return sorted(each["annotations"]["order"] for each in json.load(answer))


def suppressed(server: AlertmanagerServer) -> list[str]:
    with urllib.request.urlopen(f"{server.url}/api/v2/alerts", timeout=LONG_S) as answer:
        return [each["annotations"]["order"] for each in json.load(answer) if each["status"]["state"] == "suppressed"]


def client(server: RedisServer) -> Any:
    return Redis.from_url(server.url, decode_responses=True, socket_timeout=LONG_S)


def streamed(server: RedisServer, warehouse: str = "default") -> list[str]:
    """Order and revision of each entry."""
    read = [json.loads(fields["event"]) for _, fields in client(server).xrange(f"shipclock:alerts:{warehouse}")]
    return [f"{each['order']}/{each['data']['revision']}" for each in read]


def due(server: RedisServer, warehouse: str = "default") -> list[str]:
    return list(client(server).zrange(f"shipclock:due:{warehouse}", 0, -1))


async def test_an_alert_reaches_all_who_act_on_it(
    site: Site, alertmanager_server: AlertmanagerServer, redis_server: RedisServer
) -> None:
    async with (
        Receiver() as receiver,
        site.worker(
            SHIPCLOCK_ALERTMANAGER=alertmanager_server.url,
            SHIPCLOCK_WEBHOOK=receiver.url,
            SHIPCLOCK_WEBHOOK_SECRET=SECRET,
            SHIPCLOCK_NOTIFY=receiver.url.replace("http", "json"),
            SHIPCLOCK_REDIS=redis_server.url,
        ) as worker,
    ):
        await place(site, "8412")
        await until(lambda: due(redis_server) == ["joom/s17/8412"])
        await pass_time(site, LATE_MS)
        await until(lambda: firing(alertmanager_server) == ["8412"])
        await until(lambda: streamed(redis_server) == ["8412/1"])
        await until(lambda: [body["type"] for body in receiver.bodies] == ["alert.opened"])
        assert due(redis_server) == ["joom/s17/8412"]
        await ship(site, "8412")
        await until(lambda: due(redis_server) == [])
        await until(lambda: firing(alertmanager_server) == [])
        await until(lambda: streamed(redis_server) == ["8412/1", "8412/2"])
        await until(lambda: len(receiver.requests) == 2)
        assert await worker.stop() == 0
    assert "alerts go to alertmanager, webhook, notify-1, redis, redis-due" in worker.log()
    assert "8412" not in worker.log() and "MDAw" not in worker.log()


async def test_who_mutes_is_who_their_token_says_and_alertmanager_keeps_still(
    site: Site, alertmanager_server: AlertmanagerServer, tmp_path: Path
) -> None:
    (tmp_path / "tokens.yaml").write_text(f"- {{name: Li Wei, role: act, token: {TOKEN}}}")
    (tmp_path / "notify.yaml").write_text("- {name: boss, to: 'json://127.0.0.1:9', parties: [finance]}")
    port = free_port()
    async with site.worker(
        SHIPCLOCK_WEB_PORT=str(port),
        SHIPCLOCK_ALERTMANAGER=alertmanager_server.url,
        SHIPCLOCK_TOKENS=str(tmp_path / "tokens.yaml"),
        SHIPCLOCK_NOTIFY_ROUTES=str(tmp_path / "notify.yaml"),
        SHIPCLOCK_PUBLIC_URL="https://ship.example/",
    ) as worker:
        await place(site, "8412")
        await pass_time(site, LATE_MS)
        await until(lambda: firing(alertmanager_server) == ["8412"])
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as web:

            async def found() -> Any:
                answer = await web.get("/api/alerts")
                return answer.json()["items"] if answer.status_code == 200 else None

            (alert,) = await until(found)
            path = alert["data"]["link"].removeprefix("https://ship.example/#")
            answer = await web.post(f"/api{path}/mute", json={"by": "somebody"})
            assert answer.json()["muted"]["by"] == "Li Wei"
        await until(lambda: suppressed(alertmanager_server) == ["8412"])
    assert "notify.yaml:1: route boss fits no alert: no rule asks anything of finance" in worker.log()
    assert TOKEN not in worker.log()


@pytest.mark.slow
async def test_sinks_that_hang_slow_nothing_and_catch_up(site: Site, redis_server: RedisServer) -> None:
    receiver = Receiver()
    settings = {
        "SHIPCLOCK_REDIS": redis_server.url,
        "SHIPCLOCK_WEBHOOK": receiver.url,
        "SHIPCLOCK_WEBHOOK_SECRET": SECRET,
    }
    orders = [str(n) for n in range(500)]
    async with site.worker(**settings) as worker, Reader(site.bootstrap, site.prefix, "alerts") as alerts:
        await worker.ready()
        redis_server.hang()
        await place(site, *orders)
        await pass_time(site, LATE_MS)
        await alerts.until(lambda: len(alerts.alerts()) == len(orders))
        redis_server.go_on()
        async with receiver:
            await until(lambda: sorted(streamed(redis_server)) == sorted(f"{order}/1" for order in orders))
            await until(lambda: len({body["id"] for body in receiver.bodies}) == len(orders))
        assert await worker.stop() == 0


@pytest.mark.slow
async def test_redis_that_lost_everything_is_filled_again(site: Site, redis_server: RedisServer) -> None:
    async with site.worker(SHIPCLOCK_REDIS=redis_server.url):
        await place(site, "1", "2")
        await pass_time(site, LATE_MS)
        await until(lambda: sorted(streamed(redis_server)) == ["1/1", "2/1"])
        await ship(site, "2")
        await until(lambda: sorted(streamed(redis_server)) == ["1/1", "2/1", "2/2"])
        redis_server.restart()
        await until(lambda: sorted(streamed(redis_server)) == ["1/1", "2/2"])


@pytest.mark.slow
async def test_redis_that_lost_some_keys_is_filled_again(site: Site, redis_server: RedisServer) -> None:
    """As a Redis does that evicts, or somebody who deletes: the mark of how far all was written stays."""
    orders = [str(n) for n in range(20)]
    async with site.worker(SHIPCLOCK_REDIS=redis_server.url) as worker:
        await place(site, *orders)
        await pass_time(site, LATE_MS)
        await until(lambda: len(streamed(redis_server)) == len(due(redis_server)) == 20)
        client(redis_server).delete("shipclock:alerts:default", "shipclock:due:default")
        await ship(site, "0")
        await until(lambda: sorted(streamed(redis_server)) == sorted([f"{n}/1" for n in range(1, 20)] + ["0/2"]))
        await until(lambda: len(due(redis_server)) == 19)
        assert await worker.stop() == 0
    assert "redis: the receiver has lost what it had of" in worker.log()


@pytest.mark.slow
async def test_of_two_workers_one_speaks_for_an_alert(site: Site) -> None:
    shops = [shop_in(n) for n in range(4)]
    async with Receiver() as receiver:
        settings = {"SHIPCLOCK_WEBHOOK": receiver.url, "SHIPCLOCK_WEBHOOK_SECRET": SECRET}
        async with site.worker("one", **settings) as one, site.worker("two", **settings) as two:
            await one.ready()
            await two.ready()
            for shop in shops:
                await place(site, "1", "2", "3", shop=shop)
            await pass_time(site, LATE_MS)
            await until(lambda: len({body["id"] for body in receiver.bodies}) == 12)
    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 12


async def test_a_mapping_that_is_wrong_says_where_and_the_worker_ends(site: Site, redis_server: RedisServer) -> None:
    mapping = site.folder / "warehouses.yaml"
    mapping.write_text("- {shop: s17, warehouse: west}\n- {shop: s18}\n")
    settings = {"SHIPCLOCK_REDIS": redis_server.url, "SHIPCLOCK_WAREHOUSES": str(mapping)}
    async with site.worker(**settings) as worker:
        assert await worker.ended() == 2
    assert worker.log() == f"{mapping}:2: warehouse is missing\n"


@pytest.mark.slow
async def test_orders_go_to_the_warehouse_of_their_articles(site: Site, redis_server: RedisServer) -> None:
    mapping = site.folder / "warehouses.yaml"
    mapping.write_text("- {sku_prefix: DE-, warehouse: berlin}\n")
    placed = event("order.placed", START_MS, "1", data={"items": [{"sku": "DE-1"}]})
    async with site.worker(SHIPCLOCK_REDIS=redis_server.url, SHIPCLOCK_WAREHOUSES=str(mapping)):
        await produce(site.bootstrap, sent(site.prefix, placed))
        await pass_time(site, LATE_MS)
        await until(lambda: streamed(redis_server, "berlin") == ["1/1"])


@pytest.fixture
def locked_redis(tmp_path: Path) -> Iterator[tuple[RedisServer, str]]:
    """A Redis with TLS and a password, and the address by which it is reached."""
    ca = trustme.CA()
    certificate = ca.issue_cert("127.0.0.1")
    files = {name: str(tmp_path / f"{name}.pem") for name in ("ca", "cert", "key")}
    ca.cert_pem.write_to_path(files["ca"])
    certificate.private_key_pem.write_to_path(files["key"])
    certificate.cert_chain_pems[0].write_to_path(files["cert"])
    tls = ["--tls-cert-file", files["cert"], "--tls-key-file", files["key"], "--tls-ca-cert-file", files["ca"]]
    options = [*tls, "--tls-auth-clients", "no", "--requirepass", "hush"]
    with RedisServer(tmp_path / "redis", *options, tls=True) as server:
        yield server, f"rediss://:hush@127.0.0.1:{server.port}/0?ssl_ca_certs={files['ca']}"


@pytest.mark.slow
async def test_redis_may_ask_for_tls_and_a_password(site: Site, locked_redis: tuple[RedisServer, str]) -> None:
    _, url = locked_redis
    secret = site.folder / "redis-url"
    secret.write_text(url)
    there: Any = Redis.from_url(url)
    async with site.worker(SHIPCLOCK_REDIS_FILE=str(secret)) as worker:
        await place(site, "1")
        await pass_time(site, LATE_MS)
        await until(lambda: there.xlen("shipclock:alerts:default") == 1)
        assert await worker.stop() == 0
    assert "hush" not in worker.log()
