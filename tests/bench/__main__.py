"""``python -m tests.bench``: the job of JOB.md on real Kafka, shipclock beside the limit and stock Faust.

Broker and harness are on the last core, the system under test on the first. Exits 1 if any was not correct.
"""

import argparse
import asyncio
import os
import shutil
import sys
from pathlib import Path

import orjson

from tests.bench import rules_cost
from tests.bench.expected import Expected, expect
from tests.bench.load import load
from tests.bench.measure import Figures, measure
from tests.bench.report import show, write
from tests.bench.rules_cost import rule_costs
from tests.bench.systems import SYSTEMS, Run
from tests.bench.workload import Workload
from tests.support.kafka import Kafka

FOLDER = Path(".bench")

BY_TURNS = ("shipclock", "shipclock_all")
"""Run one after the other, and again: on a machine that others use, too, a single pair says little."""


def main() -> int:
    options = _options()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    full = Workload(options.orders, options.shops)
    # Stock Faust is so much slower that it gets a slice: as many orders a shop, fewer shops.
    stock_shops = max(20, options.shops * options.stock_orders // options.orders)
    slice_ = Workload(options.stock_orders, stock_shops)
    workloads = {"limit": full, "shipclock": full, "shipclock_all": full, "faust_stock": slice_}
    once = [name for name in options.only if name not in BY_TURNS]
    by_turns = [name for name in options.only if name in BY_TURNS] * options.rounds
    with Kafka(cores={cores[-1]}) as kafka:
        found = asyncio.run(_bench([(name, workloads[name]) for name in once + by_turns], kafka, cores[0]))
    show(found)
    costs = rule_costs(Workload(options.stock_orders, stock_shops), FOLDER)
    rules_cost.show(costs)
    write(found, costs, FOLDER / "bench.json")
    return 1 if any(figures.wrong for figures in found) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--orders", type=int, default=300_000, help="orders of the workload (%(default)s)")
    parser.add_argument("--shops", type=int, default=400)
    parser.add_argument("--stock-orders", type=int, default=20_000, help="orders of stock Faust's slice")
    parser.add_argument("--rounds", type=int, default=5, help="of shipclock with the job's pack and with all packs")
    parser.add_argument("--only", type=_names, default=list(SYSTEMS), help="comma-separated systems")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(SYSTEMS):
        raise argparse.ArgumentTypeError(f"no such system: {', '.join(unknown)}")
    return names


async def _bench(systems: list[tuple[str, Workload]], kafka: Kafka, core: int) -> list[Figures]:
    prefixes: dict[Workload, tuple[str, Expected]] = {}
    found = []
    runs = FOLDER / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    for number, (name, workload) in enumerate(systems):
        if workload not in prefixes:
            prefix = f"bench{os.getpid()}-{workload.orders}-"
            prefixes[workload] = prefix, await _loaded(workload, kafka, prefix)
        prefix, expected = prefixes[workload]
        run = Run(kafka.bootstrap, prefix, f"{prefix}{number}-{name}", runs.absolute() / f"{number}-{name}")
        print(f"{name}: {expected.events:,} events …", file=sys.stderr, flush=True)
        found.append(await measure(SYSTEMS[name], run, expected, core))
    return found


async def _loaded(workload: Workload, kafka: Kafka, prefix: str) -> Expected:
    """Puts the workload into Kafka; gives what is to be found in it."""
    print(f"making and loading {workload} …", file=sys.stderr, flush=True)
    file = workload.file(FOLDER)
    with file.open("rb") as lines:
        expected = expect(map(orjson.loads, lines))
    await load(kafka.bootstrap, prefix, file, expected.end)
    return expected


sys.exit(main())
