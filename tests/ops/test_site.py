"""The processes of docker-compose.yml, started by hand with the very files and settings it gives them.

What is changed in them, since no name of the stack leads anywhere here: `host:port` of each service becomes a free
port of this machine, paths inside containers become those of this repository or of a temporary folder, and what is
done every 15 s is done every 3 s.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import redis
import yaml

from rules.calendar.instants import HOUR_MS
from streams.clock import wall_ms
from tests.ops.support import DEPLOY, ROOT, Prometheus, fetch, program, prometheus, running, until
from tests.ops.test_alert_rules import rules
from tests.runtime.support import event
from tests.support.kafka import Kafka, produce
from tests.support.ports import free_port

TOKEN = "a-token-for-this-test-only"
SHIPCLOCK = str(Path(sys.executable).with_name("shipclock"))
WORKER = [SHIPCLOCK, "worker"]

pytestmark = pytest.mark.slow


@dataclass
class Stack:
    """Where the processes of the compose file are to be found."""

    places: dict[str, str]
    prometheus: Prometheus
    prefix: str
    redis_url: str

    def alerts(self) -> list[dict[str, Any]]:
        """What Alertmanager has been told."""
        found: list[dict[str, Any]] = fetch(f"http://{self.places['alertmanager:9093']}/api/v2/alerts")
        return found


def local(text: str, places: dict[str, str]) -> str:
    """Names of the stack made into places on this machine."""
    for name, place in places.items():
        text = re.sub(rf"\b{re.escape(name)}\b", place, text)
    return text


@pytest.fixture(scope="module")
def stack(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("site")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    places = {name: f"127.0.0.1:{free_port()}" for name in ("redis:6379", "alertmanager:9093", "worker:6066")}
    places |= {"kafka:29092": kafka.bootstrap, "localhost:9090": "127.0.0.1:9"}
    token = folder / "token"
    token.write_text(TOKEN)
    secrets = _redis_secrets(folder)
    url = folder / "redis-url"
    url.write_text(local((secrets / "redis-url").read_text(), places))

    def settings(service: str) -> dict[str, str]:
        given = {name: local(str(value), places) for name, value in services[service]["environment"].items()}
        here = {"SHIPCLOCK_DATADIR": str(folder / "data"), "SHIPCLOCK_TOKEN_FILE": str(token)}
        here |= {"SHIPCLOCK_WEB_HOST": "127.0.0.1", "SHIPCLOCK_REDIS_FILE": str(url)}
        # Kafka's password is tried by test_compose_servers; the broker here asks for none.
        open_kafka = {name: value for name, value in given.items() if not name.startswith("SHIPCLOCK_KAFKA_")}
        return {name: here.get(name, value) for name, value in open_kafka.items()} | {
            "SHIPCLOCK_TOPIC_PREFIX": "site-",
            "SHIPCLOCK_APP_ID": "site",
            "SHIPCLOCK_WEB_PORT": places["worker:6066"].partition(":")[2],
        }

    with ExitStack() as processes:
        processes.enter_context(running(_redis(places["redis:6379"], folder), folder / "redis.log"))
        alertmanager = _alertmanager(places["alertmanager:9093"], folder)
        processes.enter_context(running(alertmanager, folder / "alertmanager.log"))
        processes.enter_context(running(WORKER, folder / "worker.log", settings("worker")))
        server = processes.enter_context(prometheus(_prometheus_config(places, token, folder), folder))
        feed = [SHIPCLOCK, *services["feed"]["command"], "--days", "3"]
        processes.enter_context(running(feed, folder / "feed.log", settings("feed")))
        yield Stack(places, server, "site-", url.read_text())


def _redis_secrets(folder: Path) -> Path:
    """What `make up` makes for Redis."""
    command = ["make", "--silent", f"--file={ROOT / 'Makefile'}", ".secrets/redis-url", ".secrets/redis-users"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / ".secrets"


def _redis(place: str, folder: Path) -> list[str]:
    host, port = place.split(":")
    config = folder / "redis.conf"
    written = (DEPLOY / "redis" / "redis.conf").read_text()
    config.write_text(written.replace("/run/secrets", str(folder / ".secrets")))
    return [program("redis-server"), str(config), "--bind", host, "--port", port, "--dir", str(folder)]


def _alertmanager(place: str, folder: Path) -> list[str]:
    return [
        program("prometheus-alertmanager"),
        f"--config.file={DEPLOY / 'alertmanager' / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={place}",
        "--cluster.listen-address=",
    ]


def _prometheus_config(places: dict[str, str], token: Path, folder: Path) -> Path:
    written = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    written = local(written, places).replace("/run/secrets/shipclock-token", str(token)).replace("15s", "3s")
    config = folder / "prometheus.yml"
    config.write_text(written.replace("alerts.yml", str(DEPLOY / "prometheus" / "alerts.yml")))
    return config


def test_prometheus_scrapes_the_worker_which_has_read_what_the_feed_wrote(stack: Stack) -> None:
    placed = 'sum(shipclock_events_total{job="shipclock",type="order.placed"}) > 5000'
    until(lambda: stack.prometheus.now(placed), "the past days' orders are counted")
    until(lambda: stack.prometheus.now("sum(shipclock_open_alerts) > 0"), "alerts are open")
    until(lambda: stack.prometheus.now("max(shipclock_watermark_lag_seconds) < 60"), "the clocks have caught up")
    assert stack.prometheus.now('up{job="shipclock"} == 1')


def test_prometheus_watches_over_the_worker_by_the_rules_of_the_file(stack: Stack) -> None:
    groups = stack.prometheus.get("rules")["groups"]
    assert [rule["name"] for group in groups for rule in group["rules"]] == [rule["alert"] for rule in rules()]


def test_what_prometheus_finds_wrong_reaches_alertmanager(stack: Stack) -> None:
    until(lambda: stack.prometheus.now("shipclock_dead_letters_total == 0"), "there is nothing wrong yet")
    bootstrap = stack.places["kafka:29092"]
    asyncio.run(produce(bootstrap, [(f"{stack.prefix}orders", b"joom/s17", b"not an event")]))
    fired = until(lambda: [each for each in stack.alerts() if each["labels"]["alertname"] == "DeadLetters"], "told")
    assert fired[0]["labels"]["topic"] == "orders"
    assert fired[0]["receivers"] == [{"name": "console"}]


def test_redis_runs_by_its_file(stack: Stack) -> None:
    with redis.Redis.from_url(stack.redis_url, decode_responses=True) as server:
        assert server.info("memory")["maxmemory_policy"] == "noeviction"
        assert server.info("persistence")["aof_enabled"] == 1


def test_shops_alerts_reach_alertmanager_and_redis_and_are_counted(stack: Stack) -> None:
    until(lambda: [each for each in stack.alerts() if each["labels"].get("platform")], "Alertmanager knows of a shop")
    with redis.Redis.from_url(stack.redis_url) as server:
        until(lambda: server.exists("shipclock:alerts:default"), "a warehouse has alerts to read")
    # What was open when they began to listen is told, but is no news; an order found late now is.
    late = event("order.placed", wall_ms() - 100 * HOUR_MS, "found-late")
    asyncio.run(produce(stack.places["kafka:29092"], [(f"{stack.prefix}orders", b"joom/s17", late)]))
    for sink in ("alertmanager", "redis"):
        until(lambda sink=sink: stack.prometheus.now(f'shipclock_sink_delivered_total{{sink="{sink}"}} > 0'), sink)


def test_the_workers_web_wants_the_token_and_knows_the_shops(stack: Stack) -> None:
    web = f"http://{stack.places['worker:6066']}"
    for path in ("/api/shops", "/metrics"):
        with pytest.raises(HTTPError, match="401"):
            fetch(web + path)
    until(lambda: fetch(f"{web}/health/ready"), "the worker is ready")
    until(lambda: fetch(f"{web}/api/shops", token=TOKEN)["items"], "the API lists shops")
