"""The ship-next list, on a real Redis."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from rules.calendar.instants import HOUR_MS
from rules.plan.rule_book import RuleBook
from streams.clock import wall_ms
from streams.kafka.keys import order_key
from streams.sinks.delivery import Delivery
from streams.sinks.redis.ship_next_set import AUDITED, CHECK_MS, HOMES, MEMBERS, RedisDue
from streams.warehouses import Warehouses
from tests.runtime.support import LATE_MS, until
from tests.sinks.support import Hand
from tests.sinks.test_ship_next import BOOK, WAREHOUSES, WITH_SCANS, facts
from tests.support.servers import RedisServer

EXAMPLE = Path(__file__).parents[2] / "deploy/examples/ship_next.py"
PLACED_MS = wall_ms() - 3_600_000
DUE_MS = PLACED_MS + LATE_MS

Order = tuple[str, bytes | None]


@asynccontextmanager
async def hand(
    server: RedisServer,
    log: Sequence[Order] = (),
    warehouses: Warehouses = WAREHOUSES,
    patience_s: float = 60.0,
    rules: RuleBook = BOOK,
) -> AsyncIterator[Hand]:
    """A sink that has read a log of orders of shop s17, and what comes with `hear`."""
    async with RedisDue(Delivery("redis-due", patience_s), server.url, rules, warehouses) as sink:
        driven = Hand(sink)
        for order, value in log:
            driven.write(value, key=order_key("joom", "s17", order).decode())
        await driven.assigned()
        await driven.run()
        yield driven


async def deliver(sink: Hand, order: str, value: bytes | None) -> None:
    await sink.send(value, key=order_key("joom", "s17", order).decode())


def client(server: RedisServer) -> Any:
    return Redis.from_url(server.url, decode_responses=True)


def due(server: RedisServer, warehouse: str = "west", name: str = "due") -> dict[str, int]:
    found = client(server).zrange(f"shipclock:{name}:{warehouse}", 0, -1, withscores=True)
    return {member: int(score) for member, score in found}


def chase(server: RedisServer, warehouse: str = "west") -> dict[str, int]:
    return due(server, warehouse, "chase")


def saves(server: RedisServer, warehouse: str = "west") -> dict[str, Any]:
    return {member: json.loads(text) for member, text in client(server).hgetall(f"shipclock:saves:{warehouse}").items()}


async def test_orders_stand_by_their_next_deadline_with_what_shipping_them_saves(redis_server: RedisServer) -> None:
    log: list[Order] = [("1", facts(placed_ms=PLACED_MS + 1)), ("2", facts(placed_ms=PLACED_MS))]
    async with hand(redis_server, log):
        assert list(due(redis_server).items()) == [("joom/s17/2", DUE_MS), ("joom/s17/1", DUE_MS + 1)]
    assert saves(redis_server)["joom/s17/1"]["amount"] == "12.50"
    assert saves(redis_server)["joom/s17/1"]["clauses"] == ["late-1"]


async def test_a_shipped_order_is_taken_off(redis_server: RedisServer) -> None:
    async with hand(redis_server, [("1", facts(placed_ms=PLACED_MS))]) as sink:
        await deliver(sink, "2", facts(placed_ms=PLACED_MS))
        await deliver(sink, "1", facts(placed_ms=PLACED_MS, shipped_ms=PLACED_MS))
    assert set(due(redis_server)) == set(saves(redis_server)) == {"joom/s17/2"}


async def test_an_order_can_move_to_another_warehouse(redis_server: RedisServer) -> None:
    async with hand(redis_server, [("1", facts(placed_ms=PLACED_MS))]) as sink:
        await deliver(sink, "1", facts("DE-1", placed_ms=PLACED_MS))
    assert (set(due(redis_server)), set(due(redis_server, "berlin"))) == (set(), {"joom/s17/1"})
    assert (set(saves(redis_server)), set(saves(redis_server, "berlin"))) == (set(), {"joom/s17/1"})
    assert client(redis_server).hgetall(f"{HOMES}0") == {"joom/s17/1": "berlin"}


async def test_redis_that_lost_everything_is_filled_again(redis_server: RedisServer) -> None:
    async with hand(
        redis_server, [("1", facts(placed_ms=PLACED_MS)), ("2", facts("DE-1", placed_ms=PLACED_MS))]
    ) as sink:
        redis_server.restart()
        assert due(redis_server) == {}
        await sink.run(wall_ms() + CHECK_MS)
    assert set(due(redis_server)) == {"joom/s17/1"}
    assert set(due(redis_server, "berlin")) == {"joom/s17/2"}
    assert client(redis_server).hgetall(f"{HOMES}0") == {"joom/s17/2": "berlin"}


async def test_a_loss_is_noticed_by_the_next_change(redis_server: RedisServer) -> None:
    async with hand(redis_server, [("1", facts(placed_ms=PLACED_MS)), ("2", facts(placed_ms=PLACED_MS))]) as sink:
        client(redis_server).flushall()
        await deliver(sink, "3", facts(placed_ms=PLACED_MS))
    assert set(due(redis_server)) == {"joom/s17/1", "joom/s17/2", "joom/s17/3"}


async def test_redis_that_is_away_is_waited_for(redis_server: RedisServer) -> None:
    async with hand(redis_server, [("1", facts(placed_ms=PLACED_MS))]) as sink:
        redis_server.stop()
        hearing = asyncio.ensure_future(deliver(sink, "2", facts(placed_ms=PLACED_MS)))
        await until(lambda: sink.sink.delivery.counters.retried > 1)
        redis_server.start()
        await hearing
    assert set(due(redis_server)) == {"joom/s17/1", "joom/s17/2"}


async def test_what_could_not_be_written_is_made_up_for(redis_server: RedisServer) -> None:
    async with hand(redis_server, patience_s=0) as sink:
        redis_server.stop()
        await deliver(sink, "1", facts(placed_ms=PLACED_MS))
        assert sink.sink.delivery.counters.given_up == 1
        redis_server.start()
        await sink.run(wall_ms() + CHECK_MS)
    assert set(due(redis_server)) == {"joom/s17/1"}


@pytest.mark.parametrize("key", ["due:west", "saves:west", "members:0", "chase:west", "homes:0"])
async def test_a_key_that_was_lost_is_written_again_though_news_began_another(
    redis_server: RedisServer, key: str
) -> None:
    log: list[Order] = [(str(n), facts(placed_ms=PLACED_MS)) for n in range(300)]
    log += [(f"gone-{n}", facts(placed_ms=PLACED_MS, shipped_ms=PLACED_MS)) for n in range(300)]
    log += [("berlin", facts("DE-1", placed_ms=PLACED_MS))]
    async with hand(redis_server, log, rules=WITH_SCANS) as sink:
        redis = client(redis_server)
        kind, size = redis.type(f"shipclock:{key}"), _size(redis, key)
        redis.delete(f"shipclock:{key}")
        await deliver(sink, "new", facts("DE-2", placed_ms=PLACED_MS))
        await sink.run(wall_ms() + CHECK_MS)
        assert (redis.type(f"shipclock:{key}"), _size(redis, key) >= size) == (kind, True)
        assert sink.sink.delivery.counters.refilled == 1


def _size(redis: Any, key: str) -> int:
    name = f"shipclock:{key}"
    return redis.zcard(name) if redis.type(name) == "zset" else redis.hlen(name)


async def test_any_single_order_that_was_lost_is_found_in_time(redis_server: RedisServer) -> None:
    log: list[Order] = [(str(n), facts(placed_ms=PLACED_MS)) for n in range(1_000)]
    async with hand(redis_server, log) as sink:
        client(redis_server).zrem("shipclock:due:west", "joom/s17/999")
        for turn in range(1, 1 + 1_000 // AUDITED):
            await sink.run(wall_ms() + turn * CHECK_MS)
    assert len(due(redis_server)) == 1_000


async def test_lists_that_are_as_they_should_be_are_left_alone(redis_server: RedisServer) -> None:
    log: list[Order] = [(str(n), facts(placed_ms=PLACED_MS)) for n in range(300)]
    log += [("gone", facts(placed_ms=PLACED_MS, shipped_ms=PLACED_MS)), ("berlin", facts("DE-1", placed_ms=PLACED_MS))]
    async with hand(redis_server, log, rules=WITH_SCANS) as sink:
        for turn in range(1, 6):
            await sink.run(wall_ms() + turn * CHECK_MS)
        assert sink.sink.delivery.counters.refilled == 0


async def test_a_redis_that_loses_orders_all_the_time_is_not_filled_all_the_time(redis_server: RedisServer) -> None:
    async with hand(redis_server, [("1", facts(placed_ms=PLACED_MS))]) as sink:
        for turn in range(1, 21):
            client(redis_server).delete("shipclock:due:west")
            await sink.run(wall_ms() + turn * CHECK_MS)
        assert 3 <= sink.sink.delivery.counters.refilled <= 4


async def test_what_was_done_while_nobody_looked_is_taken_off(redis_server: RedisServer) -> None:
    async with hand(redis_server, [("1", facts("DE-1", placed_ms=PLACED_MS)), ("2", facts(placed_ms=PLACED_MS))]):
        pass
    async with hand(redis_server, [("2", facts(placed_ms=PLACED_MS))]):
        pass
    assert due(redis_server, "berlin") == {} == client(redis_server).hgetall(f"{HOMES}0")
    assert set(due(redis_server)) == set(client(redis_server).hgetall(f"{MEMBERS}0")) == {"joom/s17/2"}


async def test_a_changed_mapping_moves_what_is_there(redis_server: RedisServer) -> None:
    log: list[Order] = [("1", facts(placed_ms=PLACED_MS))]
    async with hand(redis_server, log):
        pass
    async with hand(redis_server, log, Warehouses()):
        pass
    assert (set(due(redis_server)), set(due(redis_server, "default"))) == (set(), {"joom/s17/1"})


async def test_an_order_stays_when_its_deadline_has_passed_and_stands_first(redis_server: RedisServer) -> None:
    late_ms = PLACED_MS - 10 * LATE_MS
    async with hand(redis_server, [("1", facts(placed_ms=PLACED_MS)), ("2", facts(placed_ms=late_ms))]) as sink:
        assert list(due(redis_server).items()) == [("joom/s17/2", late_ms + LATE_MS), ("joom/s17/1", DUE_MS)]
        await deliver(sink, "2", facts(placed_ms=late_ms, shipped_ms=PLACED_MS))
    assert set(due(redis_server)) == set(saves(redis_server)) == {"joom/s17/1"}


async def test_a_shipped_order_is_listed_for_the_carrier_until_its_scan(redis_server: RedisServer) -> None:
    async with hand(redis_server, [("1", facts(placed_ms=PLACED_MS))], rules=WITH_SCANS) as sink:
        await deliver(sink, "1", facts(placed_ms=PLACED_MS, shipped_ms=PLACED_MS))
        assert (due(redis_server), saves(redis_server)) == ({}, {})
        assert chase(redis_server) == {"joom/s17/1": PLACED_MS + 48 * HOUR_MS}
        await deliver(sink, "1", facts("DE-1", placed_ms=PLACED_MS, shipped_ms=PLACED_MS))
        assert (chase(redis_server), set(chase(redis_server, "berlin"))) == ({}, {"joom/s17/1"})
        await deliver(sink, "1", facts("DE-1", placed_ms=PLACED_MS, shipped_ms=PLACED_MS, scanned_ms=PLACED_MS))
    assert chase(redis_server, "berlin") == {} == client(redis_server).hgetall(f"{MEMBERS}0")


async def test_many_orders_go_in_several_transactions(redis_server: RedisServer) -> None:
    log: list[Order] = [(str(n), facts(placed_ms=PLACED_MS)) for n in range(1_500)]
    async with hand(redis_server, log):
        assert len(due(redis_server)) == 1_500


async def test_facts_that_cannot_be_read_are_counted_and_do_not_stop_the_list(redis_server: RedisServer) -> None:
    async with hand(redis_server, [("1", b"junk"), ("2", facts(placed_ms=PLACED_MS))]) as sink:
        await deliver(sink, "3", facts(placed_ms=PLACED_MS))
        assert due(redis_server).keys() == {"joom/s17/2", "joom/s17/3"}
        assert sink.sink.delivery.counters.given_up == 1


@pytest.mark.parametrize(
    ("which", "printed"),
    [([], ["OVERDUE joom/s17/late", "joom/s17/soon"]), (["chase"], ["OVERDUE joom/s17/gone"])],
    ids=["to ship", "to chase"],
)
async def test_the_example_prints_a_warehouses_list(
    redis_server: RedisServer, which: list[str], printed: list[str]
) -> None:
    late_ms = PLACED_MS - 10 * LATE_MS
    log: list[Order] = [
        ("soon", facts(placed_ms=PLACED_MS)),
        ("late", facts(placed_ms=late_ms)),
        ("gone", facts(placed_ms=late_ms, shipped_ms=late_ms)),
    ]
    async with hand(redis_server, log, rules=WITH_SCANS):
        example = await asyncio.create_subprocess_exec(
            *(sys.executable, EXAMPLE, "west", *which),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"REDIS_URL": redis_server.url},
        )
        lines = (await example.communicate())[0].decode().splitlines()
    rows = [line.split() for line in lines]
    assert [" ".join([*words[:-3], words[-1]]) for words in rows] == printed
