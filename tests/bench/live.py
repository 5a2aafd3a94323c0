"""A worker in wall time on a real Kafka, with the job's pack: what the benchmarks of latency and bursts send to, and
when its alerts were written."""

import time
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from aiokafka import AIOKafkaProducer

from tests.bench.load import PARTITIONS
from tests.bench.systems import PACK
from tests.runtime.workers import SHIPCLOCK, Site, WorkerProcess
from tests.support.kafka import Kafka, count_records, create_topics, read_topic

HOUR_MS = 3_600_000
FIRST_DEADLINE_MS = 48 * HOUR_MS
"""After so long `job.late_48h` opens its alert; no other rule of the pack has a shorter deadline from `placed`."""


LOG_END = 2_000
"""How many characters of the worker's log are shown where something is wrong."""


class Live:
    """One such worker, and its topics."""

    def __init__(self, site: Site, worker: WorkerProcess, producer: AIOKafkaProducer) -> None:
        self.site, self.worker, self.producer = site, worker, producer

    async def place(self, order: str, placed_ms: int, shop: str = "s1") -> None:
        """Sends an order, and returns when Kafka has it. Raises RuntimeError if the worker has ended."""
        if (code := self.worker.process.returncode) is not None:
            raise RuntimeError(
                f"the worker has ended by itself ({code}); its log ends:\n{self.worker.log()[-LOG_END:]}"
            )
        await self.producer.send_and_wait(f"{self.site.prefix}orders", placed(order, placed_ms, shop), key=key(shop))

    async def alert_count(self) -> int:
        """How many records of alerts there are."""
        return await count_records(self.site.bootstrap, f"{self.site.prefix}alerts")

    async def first_alerts_ms(self) -> Mapping[str, int]:
        """By order, when the broker appended its first alert (epoch ms)."""
        return first_alerts_ms(
            (orjson.loads(record.value), record.timestamp)
            for record in await read_topic(self.site.bootstrap, f"{self.site.prefix}alerts")
        )


def first_alerts_ms(records: Iterable[tuple[Mapping[str, str], int]]) -> dict[str, int]:
    """By order, the earliest time of its records; alerts of a shop as a whole are passed over."""
    found: dict[str, int] = {}
    for alert, at_ms in records:
        order = alert.get("order")
        if order is not None:
            found[order] = min(at_ms, found.get(order, at_ms))
    return found


def placed(order: str, placed_ms: int, shop: str) -> bytes:
    event = {"id": f"e-{order}", "source": "bench", "type": "order.placed", "time": placed_ms, "platform": "joom"}
    data = {"amount": "12.50", "currency": "USD", "items": [{"sku": "A1", "qty": 1}]}
    return orjson.dumps(event | {"shop": shop, "order": order, "data": data})


def key(shop: str) -> bytes:
    return f"joom/{shop}".encode()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def live(kafka: Kafka, core: int) -> AsyncIterator[Live]:
    """The worker runs on `core`. The broker stamps the alerts by its own clock, which is this machine's."""
    prefix = f"live{uuid.uuid4().hex[:8]}-"
    stamped = {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}
    await create_topics(kafka.bootstrap, {f"{prefix}alerts": (PARTITIONS, stamped)})
    with TemporaryDirectory() as folder:
        site = Site(kafka.bootstrap, prefix, Path(folder), clock="wall", partitions=PARTITIONS)
        site.environment["SHIPCLOCK_PACKS"] = str(PACK)
        site.make_topics()
        settings = site.environment | {"SHIPCLOCK_DATADIR": str(site.folder / "data")}
        pinned = WorkerProcess(settings, site.folder / "worker.log", ("taskset", "-c", str(core), SHIPCLOCK, "worker"))
        async with pinned as worker, AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            await worker.ready()
            yield Live(site, worker, producer)
            await worker.stop()
