"""`python -m tests.bench.restart`: how long a worker that holds open orders takes from its start until it is ready.

With its local store, and without it, from the changelog. `--finished` orders are held besides.
"""

import argparse
import shutil
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.hub import Hub
from tests.bench.made_orders import finished_orders, open_orders
from tests.bench.parts import measure_alone
from tests.support.kafka import Kafka

OPEN = 100_000
COMMAND = "python -m tests.bench.restart --open {open} --finished {finished}"


async def figures(kafka: Kafka, folder: Path, core: int, opened: int = OPEN, finished: int = 0) -> list[Figure]:
    hub = Hub(kafka, folder, core)
    await hub.make_topics()
    done = finished_orders(finished)
    async with hub.worker() as worker:
        if finished:
            await worker.take(done)
        await worker.take(open_orders(opened, finished, done.end_ms))
    async with hub.worker() as worker:
        from_store_s = worker.ready_s
        await worker.settle()
    shutil.rmtree(hub.run.folder / "data")
    async with hub.worker() as worker:
        from_changelog_s = worker.ready_s
    command = COMMAND.format(open=opened, finished=finished)
    held = f"with {opened:,} open orders" + (f" and {finished:,} finished ones" if finished else "")
    return [
        Figure(f"ready {held}, from the store", from_store_s, "s", command),
        Figure(f"ready {held}, from the changelog", from_changelog_s, "s", command),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.restart", description=__doc__)
    parser.add_argument("--open", type=int, default=OPEN, help="open orders (%(default)s)")
    parser.add_argument("--finished", type=int, default=0, help="finished orders besides (%(default)s)")
    options = parser.parse_args()
    measure_alone(lambda kafka, core, _: figures(kafka, Path(".bench/runs"), core, options.open, options.finished))


if __name__ == "__main__":
    main()
