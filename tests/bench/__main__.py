"""``python -m tests.bench``: the job of JOB.md on real Kafka, shipclock beside the limit and stock Faust.

Broker and harness are on the last core, the system under test on the first. Exits 1 if any was not correct or failed.
Beside the job it measures what `deploy/docs/benchmarks.md` lists (`--beside`). With `--only` alone nothing is measured
beside it; with `--only=` nothing but that.
"""

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import orjson

from tests.bench import beside, held, rules_cost
from tests.bench.expected import Expected, expect
from tests.bench.load import load
from tests.bench.measure import Figures, measure
from tests.bench.parts import end_cleanly, sizes
from tests.bench.report import show, write
from tests.bench.rules_cost import rule_costs
from tests.bench.systems import SYSTEMS, Run
from tests.bench.workload import Workload
from tests.support.kafka import Kafka

FOLDER = Path(".bench")
RUNS = FOLDER.absolute() / "runs"

BESIDE = (*beside.PARTS, "rules")

BY_TURNS = ("limit", "shipclock", "shipclock_all")
"""Run one after the other, and again: on a machine that others use, too, a single pair says little."""


def main() -> int:
    options = read_options()
    end_cleanly()
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
        found, failed = asyncio.run(_bench([(name, workloads[name]) for name in once + by_turns], kafka, cores[0]))
        if found:
            show(found)
        machine = beside.Machine(kafka, RUNS, cores[0], {cores[-1]})
        parts = [name for name in options.beside if name in beside.PARTS]
        measured = beside.Found(failed=failed)
        costs, file = dict[str, float](), FOLDER / "bench.json"
        keep = partial(write, found, costs, measured, file)
        keep()
        asyncio.run(beside.measure(parts, machine, options, measured, keep))
    if "rules" in options.beside:
        costs |= rule_costs(Workload(options.stock_orders, stock_shops), FOLDER)
        rules_cost.show(costs)
        keep()
    for name, why in measured.failed.items():
        print(f"{name} has no figures: {why}", file=sys.stderr)
    return 1 if measured.failed or any(figures.wrong for figures in found) else 0


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--orders", type=int, default=300_000, help="orders of the workload (%(default)s)")
    parser.add_argument("--shops", type=int, default=400)
    parser.add_argument("--stock-orders", type=int, default=20_000, help="orders of stock Faust's slice")
    parser.add_argument("--rounds", type=int, default=5, help="of the limit and of shipclock, by turns (%(default)s)")
    parser.add_argument("--only", type=_some_of(SYSTEMS), help="systems, comma-separated (all)")
    parser.add_argument(
        "--beside",
        type=_some_of(BESIDE),
        help=f"what to measure beside the job, comma-separated, of {', '.join(BESIDE)} (all; none with --only)",
    )
    parser.add_argument("--open", type=sizes, default=held.OPEN, help="open orders held, comma-separated")
    parser.add_argument("--finished", type=sizes, default=held.FINISHED, help="finished orders held, comma-separated")
    options = parser.parse_args(arguments)
    if options.beside is None:
        options.beside = list(BESIDE) if options.only is None else []
    if options.only is None:
        options.only = list(SYSTEMS)
    return options


def _some_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Reads names after commas; nothing is none of them."""

    def read(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(known)}")
        return names

    return read


async def _bench(systems: list[tuple[str, Workload]], kafka: Kafka, core: int) -> tuple[list[Figures], dict[str, str]]:
    """Returns also why a run has no figures, by its number and system."""
    prefixes: dict[Workload, tuple[str, Expected]] = {}
    found, failed = list[Figures](), dict[str, str]()
    shutil.rmtree(RUNS, ignore_errors=True)
    for number, (name, workload) in enumerate(systems):
        if workload not in prefixes:
            prefix = f"bench{os.getpid()}-{workload.orders}-"
            prefixes[workload] = prefix, await _loaded(workload, kafka, prefix)
        prefix, expected = prefixes[workload]
        run = Run(kafka.bootstrap, prefix, f"{prefix}{number}-{name}", RUNS / f"{number}-{name}")
        print(f"{name}: {expected.events:,} events …", file=sys.stderr, flush=True)
        try:
            found.append(await measure(SYSTEMS[name], run, expected, core))
        except Exception as error:  # the other systems' figures are kept
            failed[f"{number}-{name}"] = f"{type(error).__name__}: {error}"
    return found, failed


async def _loaded(workload: Workload, kafka: Kafka, prefix: str) -> Expected:
    """Puts the workload into Kafka; gives what is to be found in it."""
    print(f"making and loading {workload} …", file=sys.stderr, flush=True)
    file = workload.file(FOLDER)
    with file.open("rb") as lines:
        expected = expect(map(orjson.loads, lines))
    await load(kafka.bootstrap, prefix, file, expected.end)
    return expected


if __name__ == "__main__":
    sys.exit(main())
