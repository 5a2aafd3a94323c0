"""`python -m tests.bench.held`: memory of an open and of a finished order, and what an event costs beside so many.

Memory is the worker's resident memory beyond that of the empty worker, by the number of orders. Finished orders have
been through all their events, the last of them ten days ago. The cost of an event is user and system time of the
worker's process while it takes new orders through all their events, with all that follows from them.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.hub import Hub
from tests.bench.made_orders import finished_orders, open_orders, passing_orders
from tests.bench.parts import measure_alone, sizes
from tests.support.kafka import Kafka

SIZES = (10_000, 100_000)
PASSING_ORDERS = 20_000
"""New orders by which the cost of an event is measured."""

FIRST_ORDERS = 400
"""One of each shop, before the worker counts as empty: what a shop takes isn't an order's."""

COMMAND = "python -m tests.bench.held --open {open} --finished {finished}"


async def measure(kafka: Kafka, folder: Path, core: int, kind: str, count: int) -> tuple[float, float]:
    """Bytes an order, and microseconds an event beside so many."""
    make = {"open": open_orders, "finished": finished_orders}[kind]
    hub = Hub(kafka, folder, core)
    await hub.make_topics()
    async with hub.worker() as worker:
        first = make(FIRST_ORDERS)
        await worker.take(first)
        empty = worker.resident_bytes()
        held = make(count, FIRST_ORDERS, first.end_ms)
        await worker.take(held)
        bytes_each = (worker.resident_bytes() - empty) / count
        passing = passing_orders(PASSING_ORDERS, FIRST_ORDERS + count, held.end_ms)
        before_s = worker.cpu_s()
        await worker.take(passing)
        return bytes_each, (worker.cpu_s() - before_s) / passing.events * 1e6


async def figures(
    kafka: Kafka, folder: Path, core: int, opened: Sequence[int] = SIZES, finished: Sequence[int] = SIZES
) -> list[Figure]:
    command = COMMAND.format(open=",".join(map(str, opened)), finished=",".join(map(str, finished)))
    found = []
    for kind, counts in (("open", opened), ("finished", finished)):
        for count in counts:
            bytes_each, event_us = await measure(kafka, folder, core, kind, count)
            found.append(Figure(f"memory of each of {count:,} {kind} orders", bytes_each, "B", command))
            found.append(Figure(f"an event beside {count:,} {kind} orders", event_us, "CPU µs", command))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.held", description=__doc__)
    parser.add_argument("--open", type=sizes, default=SIZES, help="how many open orders, comma-separated")
    parser.add_argument("--finished", type=sizes, default=SIZES, help="how many finished orders")
    options = parser.parse_args()
    measure_alone(lambda kafka, core, _: figures(kafka, Path(".bench/runs"), core, options.open, options.finished))


if __name__ == "__main__":
    main()
