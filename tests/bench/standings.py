"""How old standings are when they are published: `python -m tests.bench.standings --shops 200 --rate 1000`.

A worker of its own on the embedded broker, in wall time with all built-in packs. Each shop has five open orders to
begin with; then orders are placed, shipped and collected at a steady rate, shop after shop. The age of a standing is
the time from the first news of its shop that the one before it didn't have to when the broker took it.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.clock import wall_ms
from streams.kafka.embedded import PARTITIONS, EmbeddedBroker
from streams.kafka.topics import TopicNames
from tests.runtime.support import event, until
from tests.runtime.workers import WorkerProcess

PLATFORMS = ("joom", "douyin", "shopee", "ozon")
OPEN = 5
"""Orders that each shop has open to begin with."""

LIFE = (("orders", "order.placed"), ("orders", "order.shipped"), ("pickups", "pickup.collected"))
NAMES = TopicNames("", "shipclock")
GIVE_UP_S = 240.0


class Ages:
    """Reads standings as they come."""

    def __init__(self) -> None:
        self.waits_since_ms: dict[bytes, int] = {}
        self.ages_s: list[float] = []
        self.published: set[bytes] = set()

    def sent(self, key: bytes) -> None:
        self.waits_since_ms.setdefault(key, wall_ms())

    async def read(self, bootstrap: str) -> None:
        async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
            consumer.assign([TopicPartition(NAMES.standings, n) for n in range(PARTITIONS)])
            async for record in consumer:
                self.published.add(record.key)
                began_ms = self.waits_since_ms.pop(record.key, None)
                if began_ms is not None:
                    self.ages_s.append(max(0, record.timestamp - began_ms) / 1000)


def shop(number: int) -> tuple[str, str]:
    return PLATFORMS[number % 4], f"s{number}"


async def send(producer: AIOKafkaProducer, ages: Ages, topic: str, kind: str, number: int, order: str) -> None:
    platform, name = shop(number)
    data = {"amount": "12.50", "currency": "USD"} if kind == "order.placed" else {}
    key = f"{platform}/{name}".encode()
    await producer.send(topic, event(kind, wall_ms(), order, name, platform, data=data), key)
    ages.sent(key)


async def measure(shops: int, rate: int, seconds: float) -> None:
    with EmbeddedBroker() as broker, tempfile.TemporaryDirectory() as folder:
        for topic in NAMES.all:  # they appear on first use
            AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(topic)
        settings = {
            "SHIPCLOCK_BROKER": f"kafka://{broker.bootstrap}",
            "SHIPCLOCK_DATADIR": f"{folder}/data",
            "SHIPCLOCK_WEB_PORT": "0",
        }
        ages = Ages()
        command = (sys.executable, "-c", "from streams import cli; cli.main(['worker'])")
        async with (
            AIOKafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=5) as producer,
            WorkerProcess(settings, Path(folder) / "worker.log", command) as worker,
        ):
            await worker.ready()
            reading = asyncio.create_task(ages.read(broker.bootstrap))
            for order in range(OPEN):
                for number in range(shops):
                    await send(producer, ages, "orders", "order.placed", number, f"open{order}")
            await producer.flush()
            began_s = time.monotonic()
            cpu_s = used_s(worker)
            await until(lambda: len(ages.published) == shops, GIVE_UP_S)
            after_s = time.monotonic() - began_s
            print(f"{shops:,} shops: {len(ages.published):,} published {after_s:.1f} s after the last of their orders")
            print(f"  the worker's CPU meanwhile: {(used_s(worker) - cpu_s) / after_s:.2f} of a core")
            await asyncio.sleep(5)
            ages.ages_s.clear()
            cpu_s, began_s = used_s(worker), time.monotonic()
            await steadily(producer, ages, shops, rate, seconds)
            took_s = time.monotonic() - began_s
            found = sorted(ages.ages_s)
            p95 = found[int(len(found) * 0.95)]
            print(f"{rate:,} events/s for {took_s:.0f} s: {len(found):,} standings")
            print(f"  age p50 {statistics.median(found):.2f} p95 {p95:.2f} max {found[-1]:.2f} s")
            oldest_s = (wall_ms() - min(ages.waits_since_ms.values(), default=wall_ms())) / 1000
            print(f"  not published yet {len(ages.waits_since_ms):,}, the oldest for {oldest_s:.1f} s")
            print(f"  the worker's CPU: {(used_s(worker) - cpu_s) / took_s:.2f} of a core")
            reading.cancel()
            await worker.stop()


async def steadily(producer: AIOKafkaProducer, ages: Ages, shops: int, rate: int, seconds: float) -> None:
    began_s, sent = time.monotonic(), 0
    while (passed_s := time.monotonic() - began_s) < seconds:
        while sent < passed_s * rate:
            round_, number = divmod(sent, shops)
            topic, kind = LIFE[round_ % len(LIFE)]
            await send(producer, ages, topic, kind, number, f"o{round_ // len(LIFE)}")
            sent += 1
        await asyncio.sleep(0.02)


def used_s(worker: WorkerProcess) -> float:
    """CPU time a process has used (s)."""
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=200)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    asyncio.run(measure(given.shops, given.rate, given.seconds))
