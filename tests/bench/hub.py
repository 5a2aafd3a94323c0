"""One worker in event time that is given orders, stopped and started again, and looked at from outside."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from tests.bench.load import INPUTS, PARTITIONS
from tests.bench.made_orders import Orders, send
from tests.bench.marks import FIRST, marked
from tests.bench.measure import Progress, cpu_seconds, started, text, until_done
from tests.bench.systems import SHIPCLOCK, Run
from tests.runtime.workers import READY
from tests.support.kafka import Kafka, create_topics

MOST_ORDERS = "100000000"
READY_S = 600.0
LOOK_S = 0.02

SYSTEM = replace(SHIPCLOCK, environment=lambda run: SHIPCLOCK.environment(run) | {"SHIPCLOCK_MAX_ORDERS": MOST_ORDERS})


class Hub:
    """Topics and a folder of its own; workers run on `core` unless said otherwise."""

    def __init__(self, kafka: Kafka, folder: Path, core: int) -> None:
        prefix = f"hub{uuid.uuid4().hex[:8]}-"
        self.run = Run(kafka.bootstrap, prefix, f"{prefix}app", folder / prefix)
        self._core = core

    async def make_topics(self) -> None:
        keep = {"retention.ms": "-1"}
        await create_topics(self.run.bootstrap, {self.run.prefix + topic: (PARTITIONS, keep) for topic in INPUTS})

    @asynccontextmanager
    async def worker(self, name: str = "data", core: int | None = None) -> AsyncIterator["Running"]:
        """A worker that is ready, from start to SIGTERM; `name` is its folder."""
        run = replace(self.run, folder=self.run.folder / name)
        log, began_s = run.folder.with_suffix(".log"), time.monotonic()
        async with started(SYSTEM, run, self._core if core is None else core, log) as process:
            while READY not in text(log):
                if process.poll() is not None or time.monotonic() - began_s > READY_S:
                    raise RuntimeError(f"the worker did not become ready:\n{text(log)[-4000:]}")
                await asyncio.sleep(LOOK_S)
            yield Running(run, process, log, time.monotonic() - began_s)


class Running:
    """`ready_s`: how long the worker took from the start of its process until it was ready."""

    def __init__(self, run: Run, process: psutil.Popen, log: Path, ready_s: float) -> None:
        self._run, self._process, self._log, self.ready_s = run, process, log, ready_s

    async def take(self, orders: Orders) -> None:
        """Returns when all of the orders' events are committed, and the worker is idle."""
        await send(self._run.bootstrap, self._run.prefix, orders)
        await self.settle()

    async def settle(self) -> None:
        async with Progress.of(self._run, f"{self._run.prefix}alerts") as progress:
            await until_done(progress, self._process, self._log)

    async def has_read(self) -> None:
        """Returns when the worker has been given its first records."""
        while marked(FIRST, text(self._log)) is None:
            if self._process.poll() is not None:
                raise RuntimeError(f"the worker ended by itself:\n{text(self._log)[-4000:]}")
            await asyncio.sleep(LOOK_S)

    def resident_bytes(self) -> int:
        resident: int = self._process.memory_info().rss
        return resident

    def cpu_s(self) -> float:
        return cpu_seconds(self._process)
