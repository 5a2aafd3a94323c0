"""The Redis streams of alerts, on a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from rules.facts.order_facts import OrderFacts, Stamp, Terms
from rules.facts.stored import encode_facts
from rules.messages.events import Item
from streams.clock import wall_ms
from streams.kafka.keys import order_key
from streams.sinks.base import StartOver
from streams.sinks.delivery import Delivery
from streams.sinks.redis.alert_scripts import REVISIONS, STREAM
from streams.sinks.redis.alerts import CHECK_MS, RedisAlerts
from streams.sinks.redis.ship_next_set import RedisDue
from streams.warehouses import Entry, Warehouses
from tests.runtime.support import book, until
from tests.sinks.support import Hand, alert, name_of, read
from tests.support.servers import RedisServer

WEST = Warehouses((Entry("west", shop="s17"),))
BY_ARTICLE = Warehouses((Entry("berlin", sku_prefix="DE-"), Entry("west", shop="s17")))


@asynccontextmanager
async def hand(
    server: RedisServer, *log: bytes, warehouses: Warehouses = WEST, kept: int = 1_000
) -> AsyncIterator[Hand]:
    async with RedisAlerts(Delivery("redis"), server.url, warehouses, kept) as sink:
        driven = Hand(sink)
        driven.write(*log)
        await driven.assigned()
        yield driven


def client(server: RedisServer) -> Any:
    return Redis.from_url(server.url, decode_responses=True)


def entries(server: RedisServer, warehouse: str = "west") -> list[dict[str, str]]:
    return [fields for _, fields in client(server).xrange(STREAM + warehouse)]


def revisions(server: RedisServer, warehouse: str = "west") -> list[tuple[str, str]]:
    """Order and revision of each entry."""
    return [(entry["alert"].split(":")[2], entry["revision"]) for entry in entries(server, warehouse)]


async def test_an_alert_is_in_its_warehouses_stream_as_the_cloud_event_it_is(redis_server: RedisServer) -> None:
    value = alert("8412", 2)
    async with hand(redis_server) as sink:
        await sink.send(value)
    assert entries(redis_server) == [{"event": value.decode(), "alert": name_of(value), "revision": "2"}]


async def test_what_has_no_warehouse_is_in_the_default_one(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.send(alert(shop="s1"))
    assert len(entries(redis_server, "default")) == 1


async def test_every_change_is_an_entry_of_its_own(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.run()
        await sink.send(alert("1"), alert("2"))
        await sink.send(alert("1", 2), alert("1", 3, "resolved"))
    assert revisions(redis_server) == [("1", "1"), ("2", "1"), ("1", "2"), ("1", "3")]


async def test_a_record_that_is_read_again_is_not_written_again(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.run()
        await sink.send(alert("1"), alert("1"))
        await sink.send(alert("1", 2), alert("1", 1))
    assert revisions(redis_server) == [("1", "1"), ("1", "2")]


async def test_the_next_reader_goes_on_where_redis_was_left(redis_server: RedisServer) -> None:
    log = [alert("1"), alert("2"), alert("3")]
    async with hand(redis_server) as first:
        await first.send(*log[:2])
    async with hand(redis_server, *log) as second:
        assert second.at == 2
        await second.run()
    assert revisions(redis_server) == [("1", "1"), ("2", "1"), ("3", "1")]


async def test_the_stream_is_capped(redis_server: RedisServer) -> None:
    async with hand(redis_server, kept=100) as sink:
        await sink.run()
        await sink.send(*(alert(str(n)) for n in range(1_000)))
    assert 100 <= len(entries(redis_server)) < 300
    assert entries(redis_server)[-1]["alert"] == name_of(alert("999"))


async def test_redis_that_lost_everything_is_filled_again(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.run()
        await sink.send(alert("1"), alert("2"), alert("1", 2, "resolved"))
        redis_server.restart()
        with pytest.raises(StartOver):
            await sink.send(alert("3"))
        await sink.assigned(resume=4)
        assert sink.at == 0
        await sink.run()
    assert revisions(redis_server) == [("1", "2"), ("2", "1"), ("3", "1")]


async def test_the_loss_is_noticed_also_while_no_alert_comes(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.send(alert("1"))
        client(redis_server).flushall()
        with pytest.raises(StartOver):
            await sink.run(wall_ms() + CHECK_MS)


async def test_the_loss_of_several_partitions_is_noticed_at_once(redis_server: RedisServer) -> None:
    async with hand(redis_server) as first:
        second = Hand(first.sink, partition=1)
        await second.assigned()
        await first.run()
        await second.run()
        client(redis_server).flushall()
        with pytest.raises(StartOver) as lost:
            await first.run(wall_ms() + CHECK_MS)
    assert lost.value.partitions == (0, 1)


async def test_a_stream_that_was_lost_is_filled_again_though_news_began_another(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.run()
        await sink.send(alert("1"), alert("2"), alert("1", 2, "resolved"))
        client(redis_server).delete(STREAM + "west")
        with pytest.raises(StartOver):
            await sink.send(alert("3"))
        await sink.assigned(resume=4)
        assert sink.at == 0
        await sink.run()
    assert revisions(redis_server) == [("1", "2"), ("2", "1"), ("3", "1")]


async def test_a_stream_that_was_lost_is_noticed_also_while_no_alert_comes(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.send(alert("1"), alert("2", shop="s1"))
        client(redis_server).delete(STREAM + "west")
        with pytest.raises(StartOver):
            await sink.run(wall_ms() + CHECK_MS)
        await sink.assigned(resume=2)
        await sink.run()
    assert revisions(redis_server) == [("1", "1")]
    assert revisions(redis_server, "default") == [("2", "1")], "what was not lost is not written again"


async def test_a_stream_that_was_lost_is_read_again_by_all_who_write_it(redis_server: RedisServer) -> None:
    async with hand(redis_server, alert("1")) as first, RedisAlerts(Delivery("redis"), redis_server.url, WEST) as sink:
        second = Hand(sink, partition=1)
        second.write(alert("2"))
        await second.assigned()
        await first.run()
        await second.run()
        client(redis_server).delete(STREAM + "west")
        for each in (first, second):
            with pytest.raises(StartOver):
                await each.run(wall_ms() + CHECK_MS)
            await each.assigned(resume=1)
            await each.run()
    assert sorted(revisions(redis_server)) == [("1", "1"), ("2", "1")]


async def test_lost_marks_do_not_keep_a_lost_stream_from_being_filled(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.run()
        await sink.send(alert("1"), alert("2"))
        client(redis_server).delete(STREAM + "west", "shipclock:read")
        with pytest.raises(StartOver):
            await sink.send(alert("3"))
        await sink.assigned(resume=3)
        await sink.run()
    assert revisions(redis_server) == [("1", "1"), ("2", "1"), ("3", "1")]


async def test_lost_revisions_alone_change_nothing(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.run()
        await sink.send(alert("1"))
        client(redis_server).delete(REVISIONS + "west")
        await sink.run(wall_ms() + CHECK_MS)
        await sink.send(alert("1", 2))
    assert revisions(redis_server) == [("1", "1"), ("1", "2")]


async def test_a_redis_that_evicts_is_told_of_once(redis_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    redis = client(redis_server)
    redis.config_set("maxmemory", "50mb")
    redis.config_set("maxmemory-policy", "volatile-lru")
    async with hand(redis_server) as sink:
        await sink.send(alert("1"))
        await sink.run(wall_ms() + CHECK_MS)
        assert caplog.messages == []
        redis.config_set("maxmemory-policy", "allkeys-lru")
        await sink.run(wall_ms() + 2 * CHECK_MS)
        await sink.run(wall_ms() + 3 * CHECK_MS)
    (logged,) = caplog.messages
    assert logged.startswith("redis: Redis drops keys when its memory is full (maxmemory-policy allkeys-lru); ")
    assert logged.endswith("set it to noeviction")


async def test_alerts_that_redis_evicts_are_there_again_once_there_is_room(redis_server: RedisServer) -> None:
    """As seen: 252 of 301 open alerts were missing for good."""
    redis = client(redis_server)
    async with hand(redis_server) as sink:
        await sink.run()
        await sink.send(*(alert(str(n)) for n in range(300)))
        redis.config_set("maxmemory-policy", "allkeys-lru")
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] + 500_000)
        await until(lambda: _evicted(redis))
        redis.delete("fill")
        redis.config_set("maxmemory", "0")
        with pytest.raises(StartOver):
            await sink.send(alert("new"))
        await sink.assigned(resume=301)
        await sink.run()
    assert {order for order, _ in revisions(redis_server)} == {"new", *(str(n) for n in range(300))}


def _evicted(redis: Any) -> bool:
    """Takes more memory, and says whether the stream had to go for it."""
    with suppress(OutOfMemoryError):
        redis.append("fill", "x" * 50_000)
    return not redis.exists(STREAM + "west")


async def test_a_reader_that_no_longer_has_the_partition_writes_nothing(redis_server: RedisServer) -> None:
    async with hand(redis_server, alert("1")) as old, hand(redis_server, alert("1")) as new:
        await new.run()
        await new.send(alert("2"))
        with pytest.raises(StartOver):
            await old.send(alert("9"))
    assert revisions(redis_server) == [("1", "1"), ("2", "1")]


async def test_a_redis_restored_from_an_older_copy_goes_on_from_there(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.run()
        await sink.send(alert("1"))
        stood = client(redis_server).hget("shipclock:read", "alerts-0")
        await sink.send(alert("2"))
        redis = client(redis_server)
        redis.hset("shipclock:read", "alerts-0", stood)
        redis.hdel(REVISIONS + "west", name_of(alert("2")))
        redis.xtrim(STREAM + "west", maxlen=0)
        with pytest.raises(StartOver):
            await sink.send(alert("3"))
        await sink.assigned(resume=3)
        assert sink.at == 1
        await sink.run()
    assert revisions(redis_server) == [("2", "1"), ("3", "1")]


async def test_filling_is_begun_again_if_it_was_cut_short(redis_server: RedisServer) -> None:
    log = [alert("1"), alert("2")]
    async with hand(redis_server, *log) as first:
        await first.sink.deliver(0, first.log)
    async with hand(redis_server, *log) as second:
        assert second.at == 0
        await second.run()
    assert revisions(redis_server) == [("1", "1"), ("2", "1")]


async def test_a_topic_that_was_made_anew_is_read_from_its_beginning(redis_server: RedisServer) -> None:
    async with hand(redis_server) as before:
        await before.send(*(alert(str(n)) for n in range(5)))
    async with hand(redis_server, alert("new")) as after:
        assert after.at == 0
        await after.run()
    assert revisions(redis_server)[-1] == ("new", "1")


async def test_after_a_loss_open_alerts_come_last_so_that_no_cap_cuts_them_off(redis_server: RedisServer) -> None:
    log = [alert("open"), *(alert(str(n), 2, "resolved") for n in range(600))]
    async with hand(redis_server, *log, kept=100) as sink:
        await sink.run()
    assert revisions(redis_server)[-1] == ("open", "1")


async def test_redis_that_is_away_is_waited_for(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.run()
        redis_server.hang()
        sending = asyncio.ensure_future(sink.send(alert("1")))
        redis_server.stop()
        await until(lambda: sink.sink.delivery.counters.retried > 1)
        redis_server.start()
        with pytest.raises(StartOver):
            await sending


async def test_an_alert_that_is_forgotten_has_no_revision_any_more(redis_server: RedisServer) -> None:
    async with hand(redis_server) as sink:
        await sink.send(alert("1"), alert("2"))
        await sink.send(None, key=name_of(alert("1")))
    assert client(redis_server).hkeys(REVISIONS + "west") == [name_of(alert("2"))]


async def test_articles_decide_about_the_warehouse_where_the_mapping_says_so(redis_server: RedisServer) -> None:
    due = RedisDue(Delivery("redis-due"), redis_server.url, book(), BY_ARTICLE)
    async with due, hand(redis_server, warehouses=BY_ARTICLE) as sink:
        orders = Hand(due)
        stamp: Stamp = (wall_ms() - 1_000, "erp", "e-1")
        facts = OrderFacts(placed=stamp, terms=Terms(items=(Item("DE-1"),)))
        sink.write(alert("1", shop="s1"), alert("2", shop="s1"), alert(None, shop="s1"), at_ms=wall_ms() - 60_000)
        taking = asyncio.ensure_future(sink.run())
        await until(lambda: sink.sink.delivery.counters.retried > 0)  # it waits for the orders to be there
        await orders.assigned()
        orders.write(encode_facts(facts), key=order_key("joom", "s1", "1").decode())
        await orders.run()
        await taking
    assert revisions(redis_server, "berlin") == [("1", "1")]
    assert revisions(redis_server, "default") == [("2", "1"), ("-", "1")]


async def test_the_event_is_the_record_to_the_byte(redis_server: RedisServer) -> None:
    value = alert("订单", summary="Заказ опоздал")
    async with hand(redis_server) as sink:
        await sink.send(value)
    (entry,) = entries(redis_server)
    assert entry["event"].encode() == value
    assert read(entry["event"].encode()).data.summary == "Заказ опоздал"
