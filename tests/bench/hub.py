"""One worker in event time that is given orders, stopped and started again, and looked at from outside."""

import asyncio
import shutil
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.bench import made_changelog
from tests.bench.load import INPUTS, PARTITIONS
from tests.bench.made_orders import Orders, send
from tests.bench.measure import Progress, cpu_seconds, peak_mb, started, text, until_done
from tests.bench.parts import Paced
from tests.bench.systems import SHIPCLOCK, Run
from tests.runtime.workers import READY
from tests.support.kafka import Kafka, create_topics, delete_topics

MOST_ORDERS = "100000000"
READY_S = 900.0
LEFT_S = 900.0
"""How long finished orders may take until they have left memory."""

LOOK_S = 0.02
COUNT_S = 1.0


class Hub:
    """Topics and a folder of its own, which are gone once the block is left; workers run on `core` unless said
    otherwise."""

    def __init__(self, kafka: Kafka, folder: Path, core: int) -> None:
        prefix = f"hub{uuid.uuid4().hex[:8]}-"
        self.run = Run(kafka.bootstrap, prefix, f"{prefix}app", folder / prefix)
        self._core = core

    async def __aenter__(self) -> Self:
        await self.make_topics()
        return self

    async def __aexit__(self, *_: object) -> None:
        shutil.rmtree(self.run.folder, ignore_errors=True)
        await delete_topics(self.run.bootstrap, self.run.prefix)

    async def make_topics(self) -> None:
        keep = {"retention.ms": "-1"}
        await create_topics(self.run.bootstrap, {self.run.prefix + topic: (PARTITIONS, keep) for topic in INPUTS})

    def disk_bytes(self, table: str, name: str = "data") -> int:
        """What a worker that has stopped has of a table (`facts`, `alerts`) in its local copy."""
        return sum(each.stat().st_size for each in (self.run.folder / name).glob(f"*/{table}-*/*.sst"))

    async def write_changelog(self, *lots: Orders) -> int:
        """Writes the facts changelog that a worker which has taken these orders would have left, before the first
        starts. Returns its bytes in Kafka."""
        return await made_changelog.write(self.run, *lots)

    @asynccontextmanager
    async def worker(self, name: str = "data", core: int | None = None, **settings: str) -> AsyncIterator["Running"]:
        """A worker that is ready, from start to SIGTERM; `name` is its folder."""
        run = replace(self.run, folder=self.run.folder / name)
        environment = SHIPCLOCK.environment(run) | {"SHIPCLOCK_MAX_ORDERS": MOST_ORDERS} | settings
        system = replace(SHIPCLOCK, environment=lambda _: environment)
        log, began_s = run.folder.with_suffix(".log"), time.monotonic()
        async with started(system, run, self._core if core is None else core, log) as process:
            while READY not in text(log):
                if process.poll() is not None or time.monotonic() - began_s > READY_S:
                    raise RuntimeError(f"the worker did not become ready:\n{text(log)[-4000:]}")
                await asyncio.sleep(LOOK_S)
            ready_s = time.monotonic() - began_s
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{environment['SHIPCLOCK_WEB_PORT']}", timeout=60
            ) as web:
                yield Running(run, process, log, ready_s, web)


class Running:
    """`ready_s`: how long the worker took from the start of its process until it was ready."""

    def __init__(self, run: Run, process: psutil.Popen, log: Path, ready_s: float, web: httpx.AsyncClient) -> None:
        self._run, self._process, self._log, self.ready_s = run, process, log, ready_s
        self._web = web

    async def take(self, orders: Orders) -> None:
        """Returns when all of the orders' events are committed, and the worker is idle."""
        await send(self._run.bootstrap, self._run.prefix, orders)
        await self.settle()

    async def settle(self) -> None:
        async with Progress.of(self._run, f"{self._run.prefix}alerts") as progress:
            await until_done(progress, self._process, self._log)

    async def metric(self, name: str, **labels: str) -> int:
        """The sum of a metric's samples that have these labels."""
        answer = await self._web.get("/metrics")
        return sum(
            int(sample.value)
            for family in text_string_to_metric_families(answer.raise_for_status().text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    async def orders(self) -> tuple[int, int]:
        """How many orders are in memory, and how many on the disk alone."""
        in_memory, on_disk = [await self.metric("shipclock_orders", where=where) for where in ("memory", "disk")]
        return in_memory, on_disk

    async def not_checkpointed(self) -> int:
        return await self.metric("shipclock_orders_not_checkpointed")

    async def until_idle(self, opened: int, finished: int) -> None:
        """Returns when the finished orders have left memory, the open ones are in it, checkpoints count all but a
        hundredth of the finished ones, and the worker is idle. Raises TimeoutError if that takes too long."""
        paced, found, few = Paced(f"of {finished:,} finished orders have left memory"), (0, 0), finished // 100
        try:
            async with asyncio.timeout(LEFT_S):
                while (found := await self.orders()) != (opened, finished) or await self.not_checkpointed() > few:
                    paced.say(found[1])
                    await asyncio.sleep(COUNT_S)
        except TimeoutError:
            wanted = f"{found} orders in memory and on the disk in place of {(opened, finished)}"
            raise TimeoutError(f"{wanted} after {LEFT_S:.0f} s:\n{text(self._log)[-4000:]}") from None
        await self.settle()

    def resident_bytes(self) -> int:
        resident: int = self._process.memory_info().rss
        return resident

    def peak_bytes(self) -> int:
        """The most that was ever resident."""
        return round(peak_mb(self._process) * 1e6)

    def cpu_s(self) -> float:
        return cpu_seconds(self._process)
