"""The inbox is worked at sender by sender: none waits for another, and each keeps its order."""

import asyncio
from collections.abc import Iterable

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from streams.feeds.lanes import Lanes
from tests.runtime.support import record, until

NONE_WAITS = 0
ANY = 1_000


class Site:
    """Bodies are their senders' names and a number; those of `stuck` wait until it is set."""

    def __init__(self) -> None:
        self.stuck = asyncio.Event()
        self.done: list[str] = []
        self.lanes = Lanes(lambda each: (each.value or b"").split()[0], self.work)
        self._ends = {0: 0, 1: 0}

    async def work(self, records: Iterable[ConsumerRecord]) -> None:
        for each in records:
            body = (each.value or b"").decode()
            if body.startswith("stuck"):
                await self.stuck.wait()
            if body.endswith("bad"):
                raise ValueError(body)
            self.done.append(body)

    def add(self, *bodies: str, partition: int = 0) -> None:
        first = self._ends[partition]
        self._ends[partition] += len(bodies)
        records = [record("inbox", body.encode(), offset=first + n) for n, body in enumerate(bodies)]
        self.lanes.add({TopicPartition("inbox", partition): records})


async def test_a_sender_that_takes_long_holds_up_itself_alone_and_the_commit() -> None:
    site = Site()
    site.add("stuck 1", "quick 1")
    site.add("quick 2", "stuck 2", partition=1)
    site.add("quick 3")
    await until(lambda: len(site.done) == 3)
    assert site.done == ["quick 1", "quick 2", "quick 3"]
    assert await site.lanes.take_done(ANY, ANY) == {}
    assert site.lanes.waiting == 5
    site.stuck.set()
    ends = await site.lanes.take_done(NONE_WAITS, ANY)
    assert ends == {TopicPartition("inbox", 0): 3, TopicPartition("inbox", 1): 2}
    assert site.done[3:] == ["stuck 1", "stuck 2"]
    assert site.lanes.waiting == 0


@pytest.mark.parametrize(("most", "most_bytes"), [(1, ANY), (ANY, len("quick 2"))])
async def test_it_waits_once_too_many_or_too_large_ones_wait(most: int, most_bytes: int) -> None:
    site = Site()
    site.add("stuck 1", "quick 1")
    site.add("quick 2")
    waiting = asyncio.create_task(site.lanes.take_done(most, most_bytes))
    await until(lambda: len(site.done) == 2)
    assert not waiting.done()
    site.stuck.set()
    assert (await waiting)[TopicPartition("inbox", 0)] >= 2


async def test_a_failure_is_told_and_what_comes_after_it_in_that_lane_is_not_done() -> None:
    site = Site()
    site.add("one 1", "one bad")
    site.add("one 2", "other 1")
    await until(lambda: "other 1" in site.done)
    with pytest.raises(ValueError, match="one bad"):
        await site.lanes.take_done(ANY, ANY)
    await site.lanes.close()
    assert site.done == ["one 1", "other 1"]


async def test_what_is_left_is_ended() -> None:
    site = Site()
    site.add("stuck 1")
    await site.lanes.close()
    site.stuck.set()
    assert site.done == []
