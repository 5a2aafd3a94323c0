"""The example consumer of deploy/examples, in a process of its own on a real Redis."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis import Redis

from tests.runtime.support import LONG_S, until
from tests.sinks.support import alert
from tests.sinks.test_redis_alerts import hand
from tests.support.servers import RedisServer

EXAMPLE = Path(__file__).parents[2] / "deploy/examples/warehouse_consumer.py"
SHIP = {"actions": [{"to": "warehouse", "do": "ship_first"}], "due_at": "2026-01-04T00:00:00Z"}


@asynccontextmanager
async def consumer(server: RedisServer, name: str = "packer-1") -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        EXAMPLE,
        *("west", "packing", name),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"REDIS_URL": server.url},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(LONG_S):
        return (await process.stdout.readline()).decode().strip()


def pending(server: RedisServer) -> int:
    client: Any = Redis.from_url(server.url)
    count: int = client.xpending("shipclock:alerts:west", "packing")["pending"]
    return count


async def test_it_does_what_is_asked_of_the_warehouse(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink, consumer(redis_server) as packer:
        await sink.run()
        await sink.send(alert("1", **SHIP), alert("2"), alert("3", 2, "resolved", **SHIP), alert("4", **SHIP))
        assert await line(packer) == "ship_first 1 until 2026-01-04T00:00:00Z"
        assert await line(packer) == "ship_first 4 until 2026-01-04T00:00:00Z"
        await until(lambda: pending(redis_server) == 0)


async def test_what_is_over_by_now_it_does_not_do(redis_server: RedisServer) -> None:
    async with hand(redis_server, kept=10_000) as sink:
        await sink.run()
        await sink.send(*(alert(str(n), **SHIP) for n in range(1_200)))
        await sink.send(*(alert(str(n), 2, "resolved", **SHIP) for n in range(1_199)))
    async with consumer(redis_server) as packer:
        assert await line(packer) == "ship_first 1199 until 2026-01-04T00:00:00Z"
        await until(lambda: pending(redis_server) == 0)


async def test_what_it_has_told_it_takes_back_once_it_is_over_and_tells_once(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink, consumer(redis_server) as packer:
        await sink.run()
        await sink.send(alert("1", **SHIP))
        assert await line(packer) == "ship_first 1 until 2026-01-04T00:00:00Z"
        await sink.send(alert("1", 2, **SHIP))
        await sink.send(alert("1", 3, "resolved", summary="Order 1 was shipped 3 h late", **SHIP))
        assert await line(packer) == "no longer 1 - Order 1 was shipped 3 h late"


async def test_it_waits_for_a_redis_that_is_away(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink, consumer(redis_server) as packer:
        await sink.send(alert("1", **SHIP))
        assert await line(packer) == "ship_first 1 until 2026-01-04T00:00:00Z"
        redis_server.stop()
        assert packer.stderr is not None
        assert (await packer.stderr.readline()).startswith(b"Redis is away, trying again: ")
        redis_server.start()
    async with hand(redis_server) as sink:
        await sink.send(alert("2", **SHIP))
        async with consumer(redis_server) as packer:
            assert await line(packer) == "ship_first 2 until 2026-01-04T00:00:00Z"


async def test_wrong_use_is_told_in_one_line(redis_server: RedisServer) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, EXAMPLE, stderr=asyncio.subprocess.PIPE)
    _, output = await process.communicate()
    assert output == b"Usage: REDIS_URL=redis://\xe2\x80\xa6 warehouse_consumer.py WAREHOUSE GROUP NAME\n"
    assert process.returncode == 1


async def test_its_group_is_made_again_when_redis_has_lost_everything(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink, consumer(redis_server) as packer:
        await sink.send(alert("1", **SHIP))
        assert await line(packer) == "ship_first 1 until 2026-01-04T00:00:00Z"
        Redis.from_url(redis_server.url).flushall()
        await sink.assigned()
        await sink.run()
        assert await line(packer) == "ship_first 1 until 2026-01-04T00:00:00Z"


async def test_what_it_had_taken_when_it_died_it_does_first(redis_server: RedisServer) -> None:
    client: Any = Redis.from_url(redis_server.url)
    async with hand(redis_server) as sink:
        await sink.send(alert("1", **SHIP), alert("2", **SHIP))
    client.xgroup_create("shipclock:alerts:west", "packing", id="0")
    client.xreadgroup("packing", "packer-1", {"shipclock:alerts:west": ">"}, count=1)
    async with consumer(redis_server) as packer:
        assert await line(packer) == "ship_first 1 until 2026-01-04T00:00:00Z"
        assert await line(packer) == "ship_first 2 until 2026-01-04T00:00:00Z"
        await until(lambda: pending(redis_server) == 0)


def test_it_is_short_enough_to_be_shown() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 60
