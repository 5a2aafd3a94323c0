"""A hub of four workers that grows from four partitions to eight, on a real Kafka."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import ConsumerRecord
from click.testing import CliRunner
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka import TopicPartition as Position
from confluent_kafka.admin import AdminClient

from streams.cli import main
from streams.kafka.keys import partition_of
from tests.runtime.history import END_MS, history
from tests.runtime.outcome import Reader, contradictions, expected, state_of
from tests.runtime.support import PARTITIONS, event, key_of, tick, until
from tests.runtime.workers import Site
from tests.support.kafka import Kafka, produce, read_topic

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

WORKERS = 4
GROWN = 2 * PARTITIONS
SINK = "sink-of-a-test"


@pytest.fixture
def before(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Site:
    made = Site(kafka.bootstrap, topic_prefix, tmp_path)
    made.make_topics()
    return made


@pytest.fixture
def after(before: Site) -> Site:
    """The same installation with more partitions, under another prefix."""
    made = Site(before.bootstrap, f"{before.prefix}grown-", before.folder, partitions=GROWN)
    made.group = made.environment["SHIPCLOCK_APP_ID"] = before.group
    return made


@asynccontextmanager
async def working(site: Site, folder: str) -> AsyncIterator[None]:
    """Workers with a folder of their own each, from when all are ready until all have stopped."""
    async with AsyncExitStack() as stack:
        starting = [stack.enter_async_context(site.worker(f"{folder}-{n}")) for n in range(WORKERS)]
        workers = await asyncio.gather(*starting)
        await asyncio.gather(*(each.ready() for each in workers))
        yield
        codes = await asyncio.gather(*(each.stop() for each in workers))
        assert codes == [0] * WORKERS, [each.log()[-3000:] for each in workers]


def repartition(site: Site, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["repartition", *arguments], env=site.environment)
    return done.exit_code, done.output


async def send(site: Site, records: list[tuple[str, bytes, bytes]]) -> None:
    await produce(site.bootstrap, [(site.prefix + topic, key, value) for topic, key, value in records])


async def tick_all(site: Site, at_ms: int, partitions: int) -> None:
    shops = {partition_of("joom", name, partitions): name for name in (f"s{n}" for n in range(200))}
    keys = [key_of(event("order.placed", at_ms, shop=shops[number])) for number in range(partitions)]
    await send(site, [(topic, key, tick(at_ms)) for topic in ("orders", "pickups", "tracking") for key in keys])


def deliver(site: Site, offset: int) -> None:
    """A sink that has delivered the alerts before an offset of partition 0."""
    position = Position(f"{site.prefix}alerts", 0, offset)
    admin = AdminClient({"bootstrap.servers": site.bootstrap})
    wanted = [ConsumerGroupTopicPartitions(f"{site.group}-{SINK}", [position])]
    for altered in admin.alter_consumer_group_offsets(wanted).values():
        altered.result()


def delivered(site: Site) -> dict[int, int]:
    admin = AdminClient({"bootstrap.servers": site.bootstrap})
    (listed,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(f"{site.group}-{SINK}")]).values()
    mine = [each for each in listed.result().topic_partitions if each.topic == f"{site.prefix}alerts"]
    return {each.partition: each.offset for each in mine}


async def test_partitions_are_added_and_no_alert_is_lost_or_doubled(before: Site, after: Site) -> None:
    records = history(900)
    wanted = expected([value for _, _, value in records], END_MS)
    third = len(records) // 3

    async def move(*arguments: str) -> tuple[int, str]:
        return await asyncio.to_thread(repartition, before, str(GROWN), "--to-prefix", after.prefix, *arguments)

    async with working(before, "before"):
        await send(before, records[:third])
        await until(lambda: _committed(before, third))
        assert (await move())[0] == 2, "workers are running"
    emitted = [record for record in await read_topic(before.bootstrap, f"{before.prefix}alerts") if record.value]
    deliver(before, offset := sum(record.partition == 0 for record in emitted) // 2)
    assert offset > 0

    await send(before, records[third : third + 200])  # what came while it stood
    code, output = await move()
    assert code == 0, output
    code, again = await move()
    assert (code, "there are records" in again) == (2, True)
    await send(before, records[third + 200 : 2 * third])  # from senders that weren't told yet
    code, output = await move("--rest")
    assert code == 0, output
    await send(after, records[2 * third :])
    assert sum(delivered(after).values()) == offset, "the sink goes on behind what it has delivered"
    assert set(delivered(after)) <= {0, PARTITIONS}

    async with Reader(after.bootstrap, after.prefix, "alerts", partitions=GROWN) as read:
        await read.to_end()
        assert state_of(read.alerts()) == state_of(_values(emitted))
        async with working(after, "after"):
            await tick_all(after, END_MS, GROWN)
            await read.until(lambda: read.state() == wanted)
        await read.to_end()
    names = [(each["data"]["alert"], each["data"]["revision"]) for each in read.alerts()]
    assert len(set(names)) == len(names), "one is told twice"
    assert (read.state(), contradictions(read.alerts())) == (wanted, [])
    async with Reader(after.bootstrap, after.prefix, "dead-letters", partitions=GROWN) as dead:
        await dead.to_end()
    assert dead.records == []


@pytest.mark.parametrize(("partitions", "why"), [("6", "no larger multiple"), ("4", "no larger multiple")])
def test_a_count_that_would_mix_partitions_is_refused(before: Site, partitions: str, why: str) -> None:
    code, output = repartition(before, partitions, "--to-prefix", "other-")
    assert (code, why in output) == (2, True)


def test_the_same_prefix_is_refused(before: Site) -> None:
    code, output = repartition(before, str(GROWN), "--to-prefix", before.prefix)
    assert (code, "another prefix" in output) == (2, True)


async def _committed(site: Site, records: int) -> bool:
    return sum((await site.committed()).values()) >= records


def _values(records: Iterable[ConsumerRecord[bytes, bytes]]) -> list[dict[str, Any]]:
    return [orjson.loads(record.value) for record in records]
