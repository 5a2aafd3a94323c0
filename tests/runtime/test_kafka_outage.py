"""Kafka goes away under the worker and comes back: a broker of its own, since others share the tests' one."""

import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from streams.clock import wall_ms
from tests.runtime.outcome import Reader, contradictions
from tests.runtime.support import LATE_MS, event, sent, until
from tests.runtime.workers import Site, WorkerProcess
from tests.support.kafka import Kafka, produce
from tests.support.ports import free_port

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PATIENCE_S = 120.0
"""For a broker's own start as well."""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def site(own_kafka: Kafka, tmp_path: Path) -> Site:
    return Site(own_kafka.bootstrap, "", tmp_path, clock="wall")


def worker_on(site: Site, port: int) -> WorkerProcess:
    return site.worker(SHIPCLOCK_WEB_PORT=str(port))


def ready(port: int) -> str | None:
    """None where the worker is ready, else why it isn't."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=10) as answer:
            answer.read()
            return None
    except HTTPError as refused:
        return str(json.load(refused)["detail"])
    except OSError as error:
        return str(error)


def metrics(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


async def is_ready(port: int) -> None:
    await until(lambda: ready(port) is None, PATIENCE_S)


async def kafka_is_away(port: int) -> str:
    return str(await until(lambda: (why := ready(port)) and "Kafka has not answered" in why and why))


async def place(site: Site, order: str) -> None:
    """An order whose deadline passes at once."""
    await produce(site.bootstrap, sent("", event("order.placed", wall_ms() - LATE_MS + 500, order)))


def alerted_orders(read: Reader) -> list[str]:
    return sorted(alert["order"] for alert in read.alerts())


async def are_alerted(site: Site, *orders: str) -> None:
    async with Reader(site.bootstrap, "", "alerts") as read:
        await read.until(lambda: alerted_orders(read) == sorted(orders), PATIENCE_S)
        assert contradictions(read.alerts()) == []


@pytest.mark.parametrize("how", ["killed", "hangs"])
async def test_a_worker_outlives_kafka_and_says_so_in_a_few_lines(
    site: Site, own_kafka: Kafka, port: int, how: str
) -> None:
    async with worker_on(site, port) as worker:
        await is_ready(port)
        for word in ("WARNING", "ERROR", "CRITICAL", "Traceback"):
            assert word not in worker.log(), "the first start on a fresh Kafka says what means nothing"
        await place(site, "before")
        await are_alerted(site, "before")
        lines = worker.log().count("\n")
        if how == "killed":
            own_kafka.kill()
        else:
            own_kafka.hang()
        why = await kafka_is_away(port)
        assert int(why.split("has not answered for ")[1].split(" s")[0]) < 10
        assert "shipclock_input_lag_records{" not in metrics(port), "nobody knows what it is"
        await until(lambda: "Kafka has not answered" in worker.log())
        if how == "killed":
            own_kafka.start()
        else:
            own_kafka.go_on()
        await is_ready(port)
        await place(site, "after")
        await are_alerted(site, "before", "after")
        await until(lambda: "Kafka answers again" in worker.log())
        assert worker.process.returncode is None
        logged = worker.log().splitlines()[lines:]
        assert sum("Kafka has not answered" in line for line in logged) <= 2
        assert sum("Kafka answers again" in line for line in logged) == 1
        assert not any("ERROR" in line for line in logged)
        assert len(logged) < 40
        assert await worker.stop() == 0


async def test_a_worker_that_the_group_has_given_up_reads_its_state_anew_and_goes_on(site: Site, port: int) -> None:
    async with worker_on(site, port) as worker:
        await is_ready(port)
        await place(site, "before")
        await are_alerted(site, "before")
        await site.bury(await site.members())
        await until(lambda: worker.log().count("Worker ready") == 2)
        await place(site, "after")
        await are_alerted(site, "before", "after")
        assert "Traceback" not in worker.log()
        assert await worker.stop() == 0


async def test_a_worker_that_has_state_waits_for_kafka_when_it_starts(site: Site, own_kafka: Kafka, port: int) -> None:
    async with worker_on(site, port) as first:
        await is_ready(port)
        await place(site, "before")
        await are_alerted(site, "before")
        assert await first.stop() == 0
    own_kafka.kill()
    async with worker_on(site, port) as second:
        await until(lambda: "the worker waits for it" in second.log())
        assert second.log().count("\n") == 1
        assert await second.stop() == 0
    async with worker_on(site, port) as third:
        await until(lambda: "the worker waits for it" in third.log())
        own_kafka.start()
        await is_ready(port)
        await place(site, "after")
        await are_alerted(site, "before", "after")
