"""How many steps of Python's interpreter an event takes on its way through a partition, by module.

Steps are counted and not timed, so the figure is the same on a busy machine, and commits can be compared by it. What C
code does (msgspec, dicts) counts as one step a call, so a step is no unit of time.

    python -m tests.bench.steps [--orders 4000] [--all-packs]
"""

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import orjson
from aiokafka import ConsumerRecord

from streams import pack_files
from streams.runtime.changelog import fact_records
from streams.runtime.partition import Batch, Partition
from tests.bench.systems import PACK
from tests.bench.workload import Workload

ROOT = Path(__file__).parents[2]
CYCLE_EVENTS = 1_500
"""Events between two commit cycles, as under a moderate load."""

TOPICS = {"order": "orders", "pickup": "pickups", "tracking": "tracking"}


class Steps:
    """Counts the steps of all functions that begin while it is active."""

    def __init__(self) -> None:
        self.by_code: Counter[CodeType] = Counter()

    def __enter__(self) -> "Steps":
        sys.settrace(self._on_call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._on_step

    def _on_step(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            self.by_code[frame.f_code] += 1
        return self._on_step

    def by_module(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for code, steps in self.by_code.items():
            found[_module(Path(code.co_filename))] += steps
        return found


def _module(file: Path) -> str:
    if file.name == "<string>":
        return "compiled expressions"
    ours = any(file.is_relative_to(ROOT / package) for package in ("rules", "streams"))
    return str(file.relative_to(ROOT)) if ours else "libraries"


def cycles(workload: Workload) -> Iterator[list[tuple[str, ConsumerRecord[bytes, bytes]]]]:
    """The records of each commit cycle, with their topics."""
    cycle = []
    for n, event in enumerate(workload.events()):
        topic = TOPICS[event["type"].partition(".")[0]]
        key, value = f"{event['platform']}/{event['shop']}".encode(), orjson.dumps(event)
        cycle.append((topic, ConsumerRecord(topic, 0, n, 0, 0, key, value, None, len(key), len(value), ())))
        if len(cycle) == CYCLE_EVENTS:
            yield cycle
            cycle = []
    yield cycle


def count(workload: Workload, packs: list[str]) -> tuple[Counter[str], int]:
    """Steps by module, and how many events there were."""
    partition, events, steps = Partition(0, 1, pack_files.load(packs), "event"), 0, Steps()
    for cycle in cycles(workload):
        batches: dict[str, list[ConsumerRecord[bytes, bytes]]] = {}
        for topic, record in cycle:
            batches.setdefault(topic, []).append(record)
        with steps:
            for topic in sorted(batches):
                partition.apply(Batch(topic, 0, batches[topic]))
            while not partition.evaluate(partition.clock.now_ms(), limit=5_000):
                pass
            list(fact_records(partition.engine.drain()))
            partition.drain_alerts()
        events += len(cycle)
    return steps.by_module(), events


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=4_000)
    parser.add_argument("--all-packs", action="store_true", help="all packs, and not only that of the main job")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    packs = [str(PACK), *(pack_files.built_in() if options.all_packs else ())]
    by_module, events = count(Workload(orders=options.orders, shops=20), packs)
    print(f"{by_module.total() / events:8.1f} steps an event, of {events} events")
    for module, steps in by_module.most_common(40):
        print(f"{steps / events:8.1f} {module}")


if __name__ == "__main__":
    main()
