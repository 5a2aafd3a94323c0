"""The worker on a machine whose clock jumps (libfaketime stands for whoever sets it), on a real Kafka."""

from pathlib import Path

import pytest

from rules.calendar.instants import HOUR_MS
from streams.clock import wall_ms
from tests.runtime.outcome import Reader
from tests.runtime.support import LATE_MS, event, sent, until
from tests.runtime.workers import Site, WorkerProcess
from tests.support.kafka import Kafka, produce
from tests.support.servers import missing

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


class Clock:
    """Of the processes that run in its `environment`: the machine's, and as far off it as was set last."""

    def __init__(self, folder: Path) -> None:
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries:
            missing("libfaketime", "libfaketime")
        self._file = folder / "clock"
        self.set("+0")
        self.environment = {
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, off: str) -> None:
        whole = self._file.with_suffix(".new")
        whole.write_text(off)
        whole.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
def site(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Site:
    made = Site(kafka.bootstrap, topic_prefix, tmp_path, clock="wall")
    made.make_topics()
    return made


async def place(site: Site, order: str, due_in_ms: int) -> None:
    await produce(site.bootstrap, sent(site.prefix, event("order.placed", wall_ms() + due_in_ms - LATE_MS, order)))


async def notices(worker: WorkerProcess, what: str) -> None:
    await until(lambda: what in worker.log())


async def test_a_clock_that_jumps_ahead_and_back_tells_nothing_early_and_misses_nothing(
    site: Site, clock: Clock
) -> None:
    async with site.worker(**clock.environment) as worker, Reader(site.bootstrap, site.prefix, "alerts") as read:
        await worker.ready()
        await place(site, "due in half an hour", HOUR_MS // 2)
        clock.set("+3600")
        await notices(worker, "the machine's clock has jumped ahead by 3,600 s")
        await place(site, "due while it is ahead", 1_000)
        await read.until(lambda: len(read.alerts()) == 1)
        clock.set("-3600")
        await notices(worker, "the machine's clock has jumped back by 3,600 s")
        await place(site, "due while it is back", 1_000)
        now = event("order.shipped", wall_ms(), "due while it is ahead")
        await produce(site.bootstrap, sent(site.prefix, now))
        await read.until(lambda: len(read.alerts()) == 3)
        clock.set("+0")
        await notices(worker, "the machine's clock is right again")
        assert await worker.stop() == 0
        await read.to_end()
    async with Reader(site.bootstrap, site.prefix, "dead-letters") as dead:
        await dead.to_end()
    assert dead.records == []
    assert {(alert["order"], alert["type"]) for alert in read.alerts()} == {
        ("due while it is ahead", "alert.opened"),
        ("due while it is ahead", "alert.resolved"),
        ("due while it is back", "alert.opened"),
    }
