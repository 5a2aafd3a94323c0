"""`python -m tests.bench.restart`: how long a worker that holds orders takes from its start until it is ready.

First from the facts changelog alone, with an empty DATADIR; then, once it has come to rest and was stopped, from its
local copy. The changelog is written as a worker would have left it. `--finished` orders are held besides.
"""

import argparse
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.hub import Hub
from tests.bench.made_orders import finished_orders, open_orders
from tests.bench.parts import check_memory, measure_alone, step
from tests.support.kafka import Kafka

OPEN = 1_000_000
COMMAND = "python -m tests.bench.restart --open {open} --finished {finished}"


async def figures(kafka: Kafka, folder: Path, core: int, opened: int = OPEN, finished: int = 0) -> list[Figure]:
    check_memory(opened + finished)
    done = finished_orders(finished)
    async with Hub(kafka, folder, core) as hub:
        step(f"writing the changelog of {opened:,} open orders and {finished:,} finished ones")
        await hub.write_changelog(done, open_orders(opened, finished, done.end_ms))
        step("a worker starts from it")
        async with hub.worker() as worker:
            from_changelog_s = worker.ready_s
            await worker.until_idle(opened, finished)
            peak = worker.peak_bytes()
        step("it starts again, from its local copy")
        async with hub.worker() as worker:
            from_store_s = worker.ready_s
            await worker.until_idle(opened, finished)
            resident = worker.resident_bytes()
    command = COMMAND.format(open=opened, finished=finished)
    held = f"with {opened:,} open orders" + (f" and {finished:,} finished ones" if finished else "")
    return [
        Figure(f"ready {held}, from the store", from_store_s, "s", command),
        Figure(f"ready {held}, from the changelog", from_changelog_s, "s", command),
        Figure(f"resident memory {held}, idle after a start from the store", resident / 1e6, "MB", command),
        Figure(f"resident memory {held}, peak of a start from the changelog", peak / 1e6, "MB", command),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.restart", description=__doc__)
    parser.add_argument("--open", type=int, default=OPEN, help="open orders (%(default)s)")
    parser.add_argument("--finished", type=int, default=0, help="finished orders besides (%(default)s)")
    options = parser.parse_args()
    measure_alone(lambda kafka, core, _: figures(kafka, Path(".bench/runs"), core, options.open, options.finished))


if __name__ == "__main__":
    main()
