"""Workers that stop, are killed or start anew, and several of them, on a real Kafka."""

import asyncio
import shutil
import signal

import pytest

from rules.calendar.instants import HOUR_MS
from streams.clock import wall_ms
from streams.runtime.committer import ASLEEP_S
from tests.runtime.history import END_MS, history
from tests.runtime.outcome import contradictions, expected
from tests.runtime.sites import alerts, all_committed, send, send_all, tick_all
from tests.runtime.sites import site as site
from tests.runtime.sites import wall_site as wall_site
from tests.runtime.support import LATE_MS, START_MS, event, ticks, until
from tests.runtime.workers import Site
from tests.support.kafka import produce

pytestmark = pytest.mark.kafka


async def test_sigterm_ends_the_worker_with_all_it_read_written_and_exit_code_0(site: Site) -> None:
    async with site.worker() as worker:
        await worker.ready()
        await send(site, event("order.placed", START_MS))
        await until(lambda: "first records at" in worker.log())
        assert await worker.stop() == 0, worker.log()[-3000:]
        assert (await site.committed())["orders-2"] == 1


@pytest.mark.parametrize("seen", ["", "Waiting for tables to be registered", "Executing _on_partitions_assigned"])
async def test_sigterm_while_the_worker_starts_ends_it_too(site: Site, seen: str) -> None:
    async with site.worker(SHIPCLOCK_LOG_LEVEL="debug") as worker:
        await until(lambda: "Starting" in worker.log() and seen in worker.log())
        assert await worker.stop() == 0, worker.log()[-3000:]


@pytest.mark.parametrize("folder", ["kept", "lost"])
async def test_a_restart_says_nothing_new_and_deadlines_from_before_it_still_fall_due(site: Site, folder: str) -> None:
    async with alerts(site) as read:
        async with site.worker() as first:
            await send(site, event("order.placed", START_MS, "early"))
            await send(site, event("order.placed", START_MS + HOUR_MS, "later"))
            await tick_all(site, START_MS + LATE_MS)
            await read.until(lambda: len(read.alerts()) == 1)
            assert await first.stop() == 0, first.log()[-3000:]
        if folder == "lost":
            shutil.rmtree(site.folder / "data")
        async with site.worker() as second:
            await second.ready()
            restored = "Restoring state from changelog topics" in second.log()
            assert restored == (folder == "lost"), "with its folder it has nothing to read, without it everything"
            await send(site, event("order.shipped", START_MS + LATE_MS + 1, "early"))
            await tick_all(site, START_MS + LATE_MS + HOUR_MS)
            await read.until(lambda: len(read.alerts()) == 3)
            assert await second.stop() == 0, second.log()[-3000:]
        await read.to_end()
    emitted = [(alert["order"], alert["type"]) for alert in read.alerts()]
    assert emitted[0] == ("early", "alert.opened")
    assert sorted(emitted[1:]) == [("early", "alert.resolved"), ("later", "alert.opened")]


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["kept", "lost"])
async def test_a_worker_killed_in_the_midst_of_a_feed_loses_nothing_and_contradicts_nothing(
    site: Site, folder: str
) -> None:
    records = history(4_000, seed=2)
    third = len(records) // 3
    async with alerts(site) as read:
        async with site.worker() as first:
            await first.ready()
            await send_all(site, records[:third])
            await read.until(lambda: len(read.alerts()) > 20)
            feeding = asyncio.create_task(send_all(site, records[third : 2 * third]))
            before = len(read.alerts())
            await read.until(lambda: len(read.alerts()) > before)
            dead = await site.members()
            await first.kill()
            await feeding
        if folder == "lost":
            shutil.rmtree(site.folder / "data")
        await site.bury(dead)
        async with site.worker() as second:
            await second.ready()
            await send_all(site, records[2 * third :])
            await tick_all(site, END_MS)
            wanted = expected([value for _, _, value in records], END_MS)
            await read.until(lambda: read.state() == wanted)
            assert await second.stop() == 0, second.log()[-3000:]
        await read.to_end()
    assert read.state() == wanted
    assert contradictions(read.alerts()) == []


async def test_everything_read_again_from_the_beginning_says_nothing_new(site: Site) -> None:
    records = history(1_000)
    await send_all(site, records)
    await tick_all(site, END_MS)
    wanted = expected([value for _, _, value in records], END_MS)
    async with alerts(site) as read:
        async with site.worker() as first:
            await read.until(lambda: read.state() == wanted)
            assert await first.stop() == 0, first.log()[-3000:]
        await read.to_end()
        count = len(read.records)
        site.rewind()
        async with site.worker() as second:
            await second.ready()
            await until(lambda: all_committed(site, len(records) + 12))
            assert await second.stop() == 0, second.log()[-3000:]
        await read.to_end()
    assert len(read.records) == count


async def test_an_order_heard_of_only_before_a_restart_keeps_its_place_in_the_clock(site: Site) -> None:
    """A tick on one input whose turn hadn't come when the worker was stopped."""
    async with alerts(site) as read:
        async with site.worker() as first:
            await first.ready()
            await send(site, event("order.placed", START_MS))
            await produce(site.bootstrap, ticks(site.prefix, START_MS + LATE_MS, "pickups"))
            await until(lambda: "first records at" in first.log())
            assert await first.stop() == 0, first.log()[-3000:]
        async with site.worker():
            await read.until(lambda: len(read.alerts()) == 1)


# -- several workers -----------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_when_one_of_two_workers_is_killed_the_other_takes_over(site: Site) -> None:
    records = history(4_000, seed=3)
    half = len(records) // 2
    async with site.worker("data-1") as first, alerts(site) as read:
        await first.ready()
        living = await site.members()
        async with site.worker("data-2") as second:
            await asyncio.gather(first.ready(times=2), second.ready())
            await send_all(site, records[:half])
            await until(lambda: all("first records at" in each.log() for each in (first, second)))
            await read.until(lambda: len(read.alerts()) > 50)
            await second.kill()
        await site.bury(await site.members() - living)
        await send_all(site, records[half:])
        await tick_all(site, END_MS)
        wanted = expected([value for _, _, value in records], END_MS)
        await read.until(lambda: read.state() == wanted)
        assert await first.stop() == 0, first.log()[-3000:]
        await read.to_end()
    assert "was not written by this worker" not in first.log(), "its own records, and its peer's, are not foreign"
    assert "has records of another worker" not in first.log(), "its peer wrote none once its partitions were this one's"
    assert read.state() == wanted
    assert contradictions(read.alerts()) == []


@pytest.mark.slow
async def test_a_worker_that_joins_under_load_takes_its_share_and_nothing_is_lost(site: Site) -> None:
    """Sharing a DATADIR, as two workers started alike do."""
    records = history(8_000, seed=4)
    await send_all(site, records)
    await tick_all(site, END_MS)
    wanted = expected([value for _, _, value in records], END_MS)
    async with site.worker() as first, alerts(site) as read:
        await until(lambda: "first records at" in first.log())
        async with site.worker() as second:
            await second.ready()
            await read.until(lambda: read.state() == wanted)
            assert await second.stop() == 0, second.log()[-3000:]
        assert await first.stop() == 0, first.log()[-3000:]
        await read.to_end()
    assert read.state() == wanted
    assert contradictions(read.alerts()) == []


@pytest.mark.slow
async def test_a_worker_that_slept_while_another_took_over_writes_nothing_before_it_has_joined_again(
    wall_site: Site,
) -> None:
    site = wall_site
    async with site.worker("data-1") as first, alerts(site) as read:
        await first.ready()
        await send(site, event("order.placed", wall_ms(), "early"))
        await until(lambda: all_committed(site, 1))
        first.process.send_signal(signal.SIGSTOP)
        slept_ms = wall_ms()
        await site.bury(await site.members())
        async with site.worker("data-2") as second:
            await second.ready()
            due_ms = wall_ms() + 1_000
            await send(site, *(event("order.placed", due_ms - LATE_MS, f"o{n}") for n in range(50)))
            # Kafka buries nobody sooner than that; the worker asks whether it has only after such a pause.
            await until(lambda: wall_ms() >= max(due_ms, slept_ms + ASLEEP_S * 1000 + 500))
            first.process.send_signal(signal.SIGCONT)
            await first.ready(times=2)
            await read.until(lambda: len(read.alerts()) >= 50)
            await read.to_end()
    assert len(read.records) == 50
    assert contradictions(read.alerts()) == []
