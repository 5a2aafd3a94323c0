"""`python -m tests.bench.held`: what an open and a finished order take of memory and disk, and an event beside so many.

A worker reads so many orders back from Kafka until it is idle: then all finished ones have left memory, the open ones
are in it, and nothing is left to be done. It is stopped and started once more, from its local copy. A finished order
has been through all its events, the last of them ten days ago; an open one was placed up to six hours ago.

- Memory is the worker's resident memory (RSS) when idle after that start, less that of a worker that holds one order of
  each shop, by the number of orders. What the first start took at its peak is told besides.
- Disk is what the worker has on it after it was stopped, and what is in Kafka, one record an order.
- The cost of an event is user and system time of the worker's process while it takes new orders through all their
  events, with all that follows from them.
- With `--sent`, memory right after the events of so many orders have been through a worker, as in a backlog.
"""

import argparse
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.hub import Hub, Running
from tests.bench.made_orders import Orders, finished_orders, open_orders, passing_orders
from tests.bench.parts import check_memory, measure_alone, sizes, step
from tests.support.kafka import Kafka

OPEN = 10_000, 1_000_000
FINISHED = 10_000, 1_000_000, 10_000_000
SENT = (100_000,)

PASSING_ORDERS = 50_000
"""New orders by which the cost of an event is measured, four events each."""

FIRST_ORDERS = 400
"""One of each shop, which the worker holds that counts as empty: what a shop takes isn't an order's."""

COMMAND = "python -m tests.bench.held --open={open} --finished={finished} --sent={sent}"

MAKE: dict[str, Callable[[int], Orders]] = {"open": open_orders, "finished": finished_orders}


@dataclass(frozen=True)
class Holding:
    """What a worker takes that holds so many orders: bytes resident when idle, at the peak of its first start, on disk
    and in Kafka, and CPU microseconds an event."""

    idle: int
    peak: int
    disk: int
    kafka: int
    event_us: float


async def held(kafka: Kafka, folder: Path, core: int, kind: str, count: int, passing: int) -> Holding:
    """Measures a worker that holds so many orders and takes so many `passing` ones."""
    orders = MAKE[kind](count)
    opened, finished = (count, 0) if kind == "open" else (0, count)
    async with Hub(kafka, folder, core) as hub:
        step(f"writing the changelog of {count:,} {kind} orders")
        in_kafka = await hub.write_changelog(orders)
        step("a worker starts from it")
        async with hub.worker() as worker:
            await worker.until_idle(opened, finished)
            peak = worker.peak_bytes()
        on_disk = hub.disk_bytes("facts")
        step("it starts again, from its local copy")
        async with hub.worker() as worker:
            await worker.until_idle(opened, finished)
            idle = worker.resident_bytes()
            step(f"it takes {passing:,} orders more")
            event_us = await pass_by(worker, passing_orders(passing, count, orders.end_ms))
    return Holding(idle, peak, on_disk, in_kafka, event_us)


async def pass_by(worker: Running, orders: Orders) -> float:
    """CPU microseconds of the worker for each event of the orders."""
    before_s = worker.cpu_s()
    await worker.take(orders)
    return (worker.cpu_s() - before_s) / orders.events * 1e6


async def resident_after_events(kafka: Kafka, folder: Path, core: int, kind: str, count: int) -> float:
    """Bytes of memory for each of so many orders, right after all their events have been through the worker."""
    first = MAKE[kind](FIRST_ORDERS)
    more = replace(MAKE[kind](count), first=FIRST_ORDERS, begin_ms=first.end_ms)
    async with Hub(kafka, folder, core) as hub, hub.worker() as worker:
        await worker.take(first)
        empty = worker.resident_bytes()
        step(f"a worker takes the events of {count:,} {kind} orders")
        await worker.take(more)
        return (worker.resident_bytes() - empty) / count


def figures_of(kind: str, count: int, empty: Holding, full: Holding, command: str) -> list[Figure]:
    """What each order takes: a worker `full` of so many more than the `empty` one has."""
    each = f"each of {count:,} {kind} orders"
    return [
        Figure(f"memory of {each}, idle", (full.idle - empty.idle) / count, "B", command),
        Figure(f"memory of {each}, peak of a start from Kafka", (full.peak - empty.peak) / count, "B", command),
        Figure(f"disk of {each}, local copy", (full.disk - empty.disk) / count, "B", command),
        Figure(f"disk of {each}, facts changelog", (full.kafka - empty.kafka) / count, "B", command),
        Figure(f"an event beside {count:,} {kind} orders", full.event_us, "CPU µs", command),
    ]


async def figures(
    kafka: Kafka,
    folder: Path,
    core: int,
    opened: Sequence[int] = OPEN,
    finished: Sequence[int] = FINISHED,
    sent: Sequence[int] = SENT,
) -> AsyncIterator[Figure]:
    """The largest come last."""
    named = {"open": opened, "finished": finished, "sent": sent}
    command = COMMAND.format_map({name: ",".join(map(str, counts)) for name, counts in named.items()})
    for kind in MAKE:
        for count in sent:
            bytes_each = await resident_after_events(kafka, folder, core, kind, count)
            name = f"memory of each of {count:,} {kind} orders, right after their events"
            yield Figure(name, bytes_each, "B", command)
    for kind, counts in (("open", opened), ("finished", finished)):
        if not counts:
            continue
        empty = await held(kafka, folder, core, kind, FIRST_ORDERS, FIRST_ORDERS)
        yield Figure(f"memory of a worker with {FIRST_ORDERS} {kind} orders", empty.idle / 1e6, "MB", command)
        fewest_us = 0.0
        for count in counts:
            check_memory(count)
            full = await held(kafka, folder, core, kind, FIRST_ORDERS + count, PASSING_ORDERS)
            for figure in figures_of(kind, count, empty, full, command):
                yield figure
            fewest_us = fewest_us or full.event_us
            if count != counts[0]:
                name = f"an event beside {count:,} {kind} orders / beside {counts[0]:,}"
                yield Figure(name, full.event_us / fewest_us, "times", command)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.held", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--open", type=sizes, default=OPEN, help="how many open orders, comma-separated")
    parser.add_argument("--finished", type=sizes, default=FINISHED, help="how many finished orders")
    parser.add_argument("--sent", type=sizes, default=SENT, help="how many of each whose events are sent")
    given = parser.parse_args()

    async def measure(kafka: Kafka, core: int, _: set[int]) -> list[Figure]:
        found = figures(kafka, Path(".bench/runs"), core, given.open, given.finished, given.sent)
        return [figure async for figure in found]

    measure_alone(measure)


if __name__ == "__main__":
    main()
