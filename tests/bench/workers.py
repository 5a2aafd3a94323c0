"""`python -m tests.bench.workers`: 1, 2 and 4 workers that share the partitions: events a second, and CPU an event.

Workers get the machine's cores but the last one, in turn; the figure says on how many they were. Once each has its
share of the partitions, the job's workload is written to the inputs; time runs from then until the broker appended the
last alert, and every alert must have been told, and told once. Where many workers read faster than one process writes,
that is the limit: the figures say how fast it wrote.
"""

import argparse
import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import orjson

from rules.calendar.instants import DAY_MS
from tests.bench.expected import Expected, expect
from tests.bench.figure import Figure
from tests.bench.hub import Hub, Running
from tests.bench.load import PARTITIONS, fill
from tests.bench.outcome import of_shipclock
from tests.bench.parts import measure_alone, others_than, sizes, step
from tests.bench.workload import Workload
from tests.support.kafka import Kafka, create_topics, read_topic

ORDERS, SHOPS = 100_000, 400
COUNTS = (1, 2, 4)
LOOK_S = 0.1
SHARED_S = 120.0
"""How long workers may take until each has its share."""

COMMAND = "python -m tests.bench.workers --orders {orders} --workers {workers}"


@dataclass(frozen=True)
class Shared:
    """What some workers did: seconds in all, those in which the events were written, how many alert records there were,
    what they and their newest ones in local copies take, and each worker's events and CPU seconds."""

    seconds: float
    writing_s: float
    alerts: int
    alert_bytes: int
    copied_bytes: float
    events: list[int]
    cpu_s: list[float]

    def figures(self, on: str, command: str) -> list[Figure]:
        total = sum(self.events)
        each = [cpu_s / events * 1e6 for cpu_s, events in zip(self.cpu_s, self.events, strict=True) if events]
        return [
            Figure(on, total / self.seconds, "events/s", command),
            Figure(f"{on}, the events were written at", total / self.writing_s, "events/s", command),
            Figure(f"{on}, an event", sum(self.cpu_s) / total * 1e6, "CPU µs", command),
            Figure(f"{on}, an event of the worker that takes least", min(each), "CPU µs", command),
            Figure(f"{on}, an event of the worker that takes most", max(each), "CPU µs", command),
            Figure(f"{on}, the busiest worker's share of the events", max(self.events) / total, "", command),
            Figure(f"{on}, alert records, none missing and none twice", self.alerts, "", command),
            Figure(f"{on}, disk of an alert record in Kafka", self.alert_bytes / self.alerts, "B", command),
            Figure(f"{on}, disk of an alert in local copies", self.copied_bytes, "B", command),
        ]


async def figures(
    kafka: Kafka, folder: Path, others: set[int], orders: int = ORDERS, counts: Sequence[int] = COUNTS
) -> list[Figure]:
    command = COMMAND.format(orders=orders, workers=",".join(map(str, counts)))
    free = others_than(others)
    file = Workload(orders, min(SHOPS, orders // 4)).file(folder.parent)
    with file.open("rb") as lines:
        expected = expect(map(orjson.loads, lines))
    found = []
    for count in counts:
        step(f"{count} workers")
        async with Hub(kafka, folder, free[0]) as hub:
            shared = await share(hub, free, file, expected, count)
        on = f"{count} {'worker' if count == 1 else 'workers'} on {min(count, len(free))} of {os.cpu_count()} cores"
        found += shared.figures(on, command)
    return found


async def share(hub: Hub, free: Sequence[int], file: Path, expected: Expected, count: int) -> Shared:
    """Has so many workers take the events of a file. Raises ValueError where an alert is missing, wrong or there
    twice."""
    bootstrap, prefix = hub.run.bootstrap, hub.run.prefix
    stamped = {"message.timestamp.type": "LogAppendTime", "min.compaction.lag.ms": str(DAY_MS)}
    await create_topics(bootstrap, {f"{prefix}alerts": (PARTITIONS, {"cleanup.policy": "compact"} | stamped)})
    async with AsyncExitStack() as stack:
        starting = [hub.worker(f"worker-{n}", free[n % len(free)]) for n in range(count)]
        workers = await asyncio.gather(*(stack.enter_async_context(each) for each in starting))
        await have_shares(workers)
        before_s = [each.cpu_s() for each in workers]
        began_s = time.time()
        await fill(bootstrap, prefix, file, expected.end)
        writing_s = time.time() - began_s
        await asyncio.gather(*(each.settle() for each in workers))
        cpu_s = [each.cpu_s() - before for each, before in zip(workers, before_s, strict=True)]
        events = [await each.metric("shipclock_events_total") for each in workers]
    records = await read_topic(bootstrap, f"{prefix}alerts")
    revisions = Counter(
        (alert["data"]["alert"], alert["data"]["revision"])
        for alert in (orjson.loads(record.value) for record in records if record.value is not None)
    )
    alerts = {alert for alert, _ in revisions}
    wrong = of_shipclock(records).differences(expected)
    if twice := [alert for (alert, _), times in revisions.items() if times > 1]:
        wrong.append(f"{len(twice)} alerts are there twice, such as {twice[0]}")
    if wrong:
        raise ValueError(f"{count} workers: {'; '.join(wrong)}")
    last_s = max((record.timestamp for record in records), default=0) / 1000
    alert_bytes = sum(len(record.key) + len(record.value or b"") for record in records)
    in_copies = sum(hub.disk_bytes("alerts", f"worker-{n}") for n in range(count))
    return Shared(last_s - began_s, writing_s, len(records), alert_bytes, in_copies / len(alerts), events, cpu_s)


async def have_shares(workers: Sequence[Running]) -> None:
    """Returns when the workers have as many partitions each as can be, and all together. Raises TimeoutError."""
    async with asyncio.timeout(SHARED_S):
        while True:
            shares = [await each.metric("shipclock_partitions") for each in workers]
            if sum(shares) == PARTITIONS and max(shares) - min(shares) <= 1:
                return
            await asyncio.sleep(LOOK_S)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.workers", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS, help="orders of the workload (%(default)s)")
    parser.add_argument("--workers", type=sizes, default=COUNTS, help="how many workers, comma-separated")
    options = parser.parse_args()
    measure_alone(lambda kafka, _, others: figures(kafka, Path(".bench/runs"), others, options.orders, options.workers))


if __name__ == "__main__":
    main()
