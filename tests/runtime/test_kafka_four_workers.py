"""A hub of four workers on a real Kafka that loses one, gets one, and lets one go."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from tests.runtime.history import END_MS, Record, history
from tests.runtime.outcome import contradictions, expected
from tests.runtime.sites import alerts, all_committed, send_all, tick_all
from tests.runtime.sites import site as site
from tests.runtime.support import LONG_S, PARTITIONS, until
from tests.runtime.workers import Site, WorkerProcess

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(900)]

WORKERS = PARTITIONS
"""Each has one partition, so that whoever goes or comes moves one."""

AT_ONCE = 250


class Feed:
    """Sends records some at a time, and waits until the workers have committed them."""

    def __init__(self, site: Site, records: list[Record]) -> None:
        self._site, self._records, self.sent = site, records, 0

    async def send(self, count: int) -> None:
        """Whoever has the partitions; where one has just been killed, once Kafka has noticed."""
        await send_all(self._site, self._records[self.sent : self.sent + count])
        self.sent = min(len(self._records), self.sent + count)
        await until(lambda: all_committed(self._site, self.sent), LONG_S)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Sends on until the condition holds."""
        while not condition():
            assert self.sent < len(self._records), "all was read before every worker had its share"
            await self.send(AT_ONCE)


def has_read(worker: WorkerProcess) -> bool:
    return "first records at" in worker.log()


async def test_a_worker_of_four_is_killed_and_replaced_and_one_goes_and_no_alert_is_lost_or_told_twice(
    site: Site,
) -> None:
    records = history(7_000, seed=5)
    wanted = expected([value for _, _, value in records], END_MS)
    feed = Feed(site, records)
    async with alerts(site) as read, AsyncExitStack() as stack:

        async def started(folder: str) -> WorkerProcess:
            return await stack.enter_async_context(site.worker(folder))

        workers = await asyncio.gather(*(started(f"data-{n}") for n in range(WORKERS)))
        await asyncio.gather(*(each.ready() for each in workers))
        await feed.until(lambda: all(map(has_read, workers)))
        await feed.send(16 * AT_ONCE)
        await read.to_end()
        told = len(read.alerts())

        killed = workers[1]
        await asyncio.gather(feed.send(4 * AT_ONCE), killed.kill())
        # Its disk is behind what the others have written since.
        await feed.send(2 * AT_ONCE)
        back = await started("data-1")
        await feed.until(lambda: has_read(back))

        assert await workers[2].stop() == 0, workers[2].log()[-3000:]
        await feed.send(len(records))
        await tick_all(site, END_MS)
        await read.until(lambda: read.state() == wanted)
        for left in (workers[0], workers[3], back):
            assert await left.stop() == 0, left.log()[-3000:]
            assert "was not written by this worker" not in left.log(), "its peers' records are not foreign"
        await read.to_end()
    assert 0 < told < len(wanted), "alerts came before the kill and after it"
    assert read.state() == wanted
    assert contradictions(read.alerts()) == []
