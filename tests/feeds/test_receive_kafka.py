"""`shipclock receive` as users run it, on a real Kafka."""

import asyncio
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.feeds.receiving import from_shopee, settings_file
from tests.feeds.support import shopee
from tests.runtime.support import until
from tests.runtime.workers import SHIPCLOCK, WorkerProcess
from tests.support.kafka import Kafka, read_topic

pytestmark = pytest.mark.kafka
LISTENS = "pushes are taken on "


def environment(kafka: Kafka, prefix: str, folder: Path) -> dict[str, str]:
    return os.environ | {
        "SHIPCLOCK_BROKER": f"kafka://{kafka.bootstrap}",
        "SHIPCLOCK_APP_ID": f"{prefix}app",
        "SHIPCLOCK_TOPIC_PREFIX": prefix,
        "SHIPCLOCK_FEEDS": str(settings_file(folder)),
    }


@asynccontextmanager
async def receiver(
    kafka: Kafka, prefix: str, folder: Path, *flags: str
) -> AsyncIterator[tuple[WorkerProcess, httpx.AsyncClient]]:
    settings = environment(kafka, prefix, folder)
    async with WorkerProcess(settings, folder / "receive.log", (SHIPCLOCK, "receive", *flags)) as process:
        await until(lambda: LISTENS in process.log())
        address = process.log().partition(LISTENS)[2].split("feeds/")[0]
        async with httpx.AsyncClient(base_url=address, timeout=30) as client:
            yield process, client


async def _post(client: httpx.AsyncClient, order: str) -> int:
    path, body, headers = from_shopee(shopee(ordersn=order))
    return (await client.post(path, content=body, headers=headers)).status_code


@pytest.mark.slow
@pytest.mark.skipif("TEST_KAFKA" in os.environ, reason="that broker is not ours to stop")
async def test_nothing_that_was_answered_is_lost_while_kafka_goes_and_comes(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    taken: set[str] = set()
    refused = 0
    assert kafka.pid is not None
    async with receiver(kafka, topic_prefix, tmp_path) as (process, client):

        async def push_on() -> None:
            nonlocal refused
            for number in itertools.count():
                status = await _post(client, order := f"A{number}")
                assert status in (204, 503)
                taken.update({order} if status == 204 else ())
                refused += status == 503

        pushing = asyncio.create_task(push_on())
        await until(lambda: taken)
        before = refused
        os.kill(kafka.pid, signal.SIGSTOP)  # it hangs, which is the worse way to be away
        try:
            await until(lambda: refused > before)
        finally:
            os.kill(kafka.pid, signal.SIGCONT)
        await asyncio.to_thread(kafka.restart)
        there = len(taken)
        await until(lambda: len(taken) > there)
        pushing.cancel()
        await asyncio.wait({pushing})

        records = await read_topic(kafka.bootstrap, f"{topic_prefix}inbox")
        assert taken <= {json.loads(record.value)["data"]["ordersn"] for record in records}
        process.process.send_signal(signal.SIGTERM)
        assert await process.ended() == 0
    assert "s3cr3t" not in process.log()
    assert "Traceback" not in process.log()


async def test_a_setting_that_is_wrong_is_one_line(kafka: Kafka, tmp_path: Path) -> None:
    (tmp_path / "feeds.yaml").write_text("apps: {shoppe: {}}\n")
    settings = {
        "SHIPCLOCK_BROKER": f"kafka://{kafka.bootstrap}",
        "SHIPCLOCK_FEEDS": str(tmp_path / "feeds.yaml"),
    }
    async with WorkerProcess(settings, tmp_path / "receive.log", (SHIPCLOCK, "receive")) as process:
        assert await process.ended() == 2
    assert process.log().startswith(f"shipclock receive: {tmp_path}/feeds.yaml:1: shoppe is no source")
    assert process.log().count("\n") == 1
