"""`python -m tests.bench.workers`: events per second of 1, 2 and 4 workers that share the partitions.

From when each of them has been given records, until all are committed. Workers get the machine's cores but the last
one, in turn; the figure says on how many they were.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.hub import Hub
from tests.bench.made_orders import Orders, finished_orders, send
from tests.bench.measure import Progress
from tests.bench.parts import measure_alone, others_than, sizes
from tests.support.kafka import Kafka

ORDERS = 100_000
COUNTS = (1, 2, 4)
LOOK_S = 0.1
COMMAND = "python -m tests.bench.workers --orders {orders} --workers {workers}"


async def figures(
    kafka: Kafka, folder: Path, others: set[int], orders: int = ORDERS, counts: Sequence[int] = COUNTS
) -> list[Figure]:
    command = COMMAND.format(orders=orders, workers=",".join(map(str, counts)))
    free = others_than(others)
    found = []
    for count in counts:
        rate = await events_a_second(Hub(kafka, folder, free[0]), free, finished_orders(orders), count)
        found.append(Figure(f"{count} workers on {min(count, len(free))} cores", rate, "events/s", command))
    return found


async def events_a_second(hub: Hub, free: Sequence[int], orders: Orders, count: int) -> float:
    await hub.make_topics()
    await send(hub.run.bootstrap, hub.run.prefix, orders)
    async with AsyncExitStack() as stack:
        starting = [hub.worker(f"worker-{n}", free[n % len(free)]) for n in range(count)]
        workers = await asyncio.gather(*(stack.enter_async_context(each) for each in starting))
        await asyncio.gather(*(each.has_read() for each in workers))
        async with Progress.of(hub.run, f"{hub.run.prefix}alerts") as progress:
            began_s, first = time.monotonic(), await progress.left()
            if not first:
                raise ValueError("all was read before every worker had its share: more orders are needed")
            while await progress.left():  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(LOOK_S)
            return first / (time.monotonic() - began_s)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.workers", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS, help="orders, of four events each (%(default)s)")
    parser.add_argument("--workers", type=sizes, default=COUNTS, help="how many workers, comma-separated")
    options = parser.parse_args()
    measure_alone(lambda kafka, _, others: figures(kafka, Path(".bench/runs"), others, options.orders, options.workers))


if __name__ == "__main__":
    main()
