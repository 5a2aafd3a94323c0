"""Reading for a sink: a group of its own, on a real Kafka."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.settings import Settings
from streams.sinks import runner as running
from streams.sinks.base import Offsets, Record, Sink, StartOver
from streams.sinks.delivery import Delivery
from streams.sinks.runner import Runner
from tests.runtime.support import until
from tests.support.kafka import Kafka, create_topics, produce

pytestmark = pytest.mark.kafka

PARTITIONS = 4


class Recorder(Sink):
    """Remembers what it was given. `before` is awaited first: it may hang, or fail."""

    def __init__(self, before: Callable[[], Awaitable[None]] | None = None, patience: int = 500) -> None:
        super().__init__(Delivery("recorder"))
        self.batch = patience
        self.before = before
        self.taken: list[str] = []
        self.partitions: set[int] = set()
        self.rebuilt: list[int] = []
        self.held_at: int | None = None
        self.ticks = 0
        self.start: int | None = None

    async def assigned(self, partition: int, offsets: Offsets) -> int:
        self.partitions.add(partition)
        return offsets.resume if self.start is None else self.start

    async def caught_up(self, partition: int) -> None:
        self.rebuilt.append(partition)

    def revoked(self, partition: int) -> None:
        self.partitions.discard(partition)

    async def deliver(self, partition: int, records: Sequence[Record]) -> None:
        if self.before is not None:
            await self.before()
        self.taken += [(record.value or b"").decode() for record in records]

    async def tick(self, now_ms: int) -> None:
        self.ticks += 1

    def held(self, partition: int) -> int | None:
        return self.held_at


class Place:
    """A topic of its own, of four partitions or one."""

    def __init__(self, kafka: Kafka, prefix: str) -> None:
        self.bootstrap, self.topic = kafka.bootstrap, f"{prefix}alerts"
        self.settings = Settings(broker=f"kafka://{kafka.bootstrap}", app_id=f"{prefix}app", topic_prefix=prefix)

    async def make(self, partitions: int = 1) -> "Place":
        await create_topics(self.bootstrap, {self.topic: (partitions, {})})
        return self

    async def write(self, *values: str) -> None:
        await produce(self.bootstrap, [(self.topic, value.encode(), value.encode()) for value in values])

    @asynccontextmanager
    async def reader(self, sink: Sink) -> AsyncIterator[Runner]:
        reading = Runner(sink, self.topic, self.settings)
        task = asyncio.create_task(reading.run())
        try:
            yield reading
        finally:
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled() or task.exception() is None

    async def committed(self, partition: int = 0) -> int | None:
        group = f"{self.settings.app_id}-sink-recorder"
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False
        ) as consumer:
            offset: int | None = await consumer.committed(TopicPartition(self.topic, partition))
            return offset

    async def committed_is(self, offset: int) -> None:
        async def reached() -> bool:
            return await self.committed() == offset

        await until(reached)


@pytest.fixture
def place(kafka: Kafka, topic_prefix: str) -> Place:
    return Place(kafka, topic_prefix)


async def test_all_there_is_is_read_and_then_what_comes(place: Place) -> None:
    await (await place.make()).write("a", "b")
    sink = Recorder()
    async with place.reader(sink):
        await until(lambda: sink.rebuilt == [0])
        assert sink.taken == ["a", "b"]
        await place.write("c")
        await until(lambda: sink.taken == ["a", "b", "c"])
        await place.committed_is(3)


async def test_the_group_is_the_sinks_own(place: Place) -> None:
    assert Runner(Recorder(), "alerts", place.settings).group == f"{place.settings.app_id}-sink-recorder"


async def test_an_empty_topic_has_been_caught_up_with(place: Place) -> None:
    await place.make()
    sink = Recorder()
    async with place.reader(sink):
        await until(lambda: sink.rebuilt == [0] and sink.ticks > 1)


async def test_the_next_reader_goes_on_where_the_last_one_ended(place: Place) -> None:
    await (await place.make()).write("a")
    async with place.reader(Recorder()):
        await place.committed_is(1)
    await place.write("b")
    sink = Recorder()
    async with place.reader(sink):
        await until(lambda: sink.taken == ["b"])


async def test_what_was_not_delivered_is_not_committed(place: Place) -> None:
    await (await place.make()).write("a", "b")
    hanging = asyncio.Event()

    async def hang() -> None:
        hanging.set()
        await asyncio.Event().wait()

    async with place.reader(Recorder(hang)):
        await hanging.wait()
    assert not await place.committed()
    sink = Recorder()
    async with place.reader(sink):
        await until(lambda: sink.taken == ["a", "b"])


async def test_a_sink_that_hangs_shows_how_far_behind_it_is_and_catches_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LAG_S", 0.05)
    await (await place.make()).write("a")
    go_on = asyncio.Event()

    async def hang() -> None:
        await go_on.wait()

    sink = Recorder(hang)
    async with place.reader(sink):
        await place.write(*(str(n) for n in range(30)))
        await until(lambda: sink.delivery.counters.lag == 31)
        assert sink.taken == []
        go_on.set()
        await until(lambda: len(sink.taken) == 31)
        await until(lambda: sink.delivery.counters.lag == 0)


async def test_a_sink_that_fails_is_given_the_same_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "RESTART_S", 0.05)
    await (await place.make()).write("a", "b")
    failures = [KeyError("secret order"), OSError("no")]

    async def fail() -> None:
        if failures:
            raise failures.pop()

    sink = Recorder(fail)
    async with place.reader(sink):
        await until(lambda: sink.taken == ["a", "b"])
        await place.committed_is(2)


async def test_what_is_held_back_for_a_tick_is_not_committed(place: Place) -> None:
    await (await place.make()).write("a", "b", "c")
    sink = Recorder()
    sink.held_at = 1
    async with place.reader(sink):
        await place.committed_is(1)
        sink.held_at = None
        await place.committed_is(3)


async def test_a_sink_may_read_from_elsewhere_than_was_committed(place: Place) -> None:
    await (await place.make()).write("a", "b", "c")
    async with place.reader(Recorder()):
        await place.committed_is(3)
    sink = Recorder()
    sink.start = 1
    async with place.reader(sink):
        await until(lambda: sink.taken == ["b", "c"])


async def test_a_sink_that_lost_what_it_had_is_given_it_again(place: Place) -> None:
    await (await place.make()).write("a", "b")
    losses = [StartOver(0)]

    async def lose_once() -> None:
        if losses:
            raise losses.pop()

    sink = Recorder(lose_once)
    async with place.reader(sink):
        await until(lambda: sink.taken == ["a", "b"])
        await place.write("c")
        await until(lambda: sink.taken == ["a", "b", "c"])


async def test_one_that_loses_it_all_the_time_is_not_given_it_all_the_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1_000.0
    monkeypatch.setattr(running, "monotonic", lambda: now_s)
    await (await place.make()).write("a")

    async def lose() -> None:
        raise StartOver(0)

    sink = Recorder(lose)
    async with place.reader(sink):
        await until(lambda: sink.delivery.counters.refilled == 2)  # once at once, the next only after a while
        ticks = sink.ticks
        await until(lambda: sink.ticks > ticks + 3)
        assert sink.delivery.counters.refilled == 2
        sink.before, now_s = None, now_s + running.REFILL_S
        await until(lambda: sink.taken == ["a"])


async def test_one_that_waits_to_be_given_it_again_is_not_put_off_by_saying_so(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1_000.0
    monkeypatch.setattr(running, "monotonic", lambda: now_s)
    await (await place.make()).write("a")

    class Losing(Recorder):
        loses = True

        async def tick(self, now_ms: int) -> None:
            await super().tick(now_ms)
            if self.loses:
                raise StartOver(0)

    sink = Losing()
    async with place.reader(sink):
        await until(lambda: sink.delivery.counters.refilled >= 2)
        ticks = sink.ticks
        await until(lambda: sink.ticks > ticks + 3)
        assert sink.delivery.counters.refilled == 2
        sink.loses, now_s = False, now_s + running.REFILL_S
        sink.taken.clear()
        await until(lambda: sink.taken == ["a"])


async def test_no_record_of_other_partitions_is_lost_when_one_starts_over(place: Place) -> None:
    await place.make(PARTITIONS)
    values = [str(n) for n in range(100)]
    await place.write(*values)
    losses = [StartOver(n) for n in range(PARTITIONS)]

    async def lose_some() -> None:
        if losses:
            raise losses.pop()

    sink = Recorder(lose_some)
    async with place.reader(sink):
        await until(lambda: set(sink.taken) == set(values))


async def test_a_partition_has_one_reader_and_is_taken_over(place: Place) -> None:
    await place.make(PARTITIONS)
    first, second = Recorder(), Recorder()
    async with place.reader(first):
        await until(lambda: len(first.partitions) == PARTITIONS)
        async with place.reader(second):
            await until(lambda: len(first.partitions) == len(second.partitions) == 2)
            assert not first.partitions & second.partitions
            values = [str(n) for n in range(100)]
            await place.write(*values)
            await until(lambda: len(first.taken) + len(second.taken) == 100)
            assert sorted(first.taken + second.taken) == sorted(values)
        await until(lambda: len(first.partitions) == PARTITIONS)


async def test_a_rebalance_interrupts_a_delivery_that_hangs(place: Place) -> None:
    await place.make(PARTITIONS)
    await place.write(*(str(n) for n in range(100)))
    hanging = asyncio.Event()

    async def hang() -> None:
        hanging.set()
        await asyncio.Event().wait()

    first, second = Recorder(hang), Recorder()
    async with place.reader(first):
        await hanging.wait()
        async with place.reader(second):
            await until(lambda: len(second.partitions) == 2 and len(second.rebuilt) == 2)
        first.before = None
    assert not first.taken
