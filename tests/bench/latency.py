"""`python -m tests.bench.latency`: how long an idle worker takes from an event, or a deadline, to the alert.

Events are orders that are late already, sent one at a time with random pauses between them; measured from just before
the send to the moment the broker appended the alert. Deadlines fall due one at a time, with nothing else going on.
"""

import argparse
import asyncio
import random
from dataclasses import dataclass
from statistics import median, quantiles

from tests.bench.figure import Figure
from tests.bench.live import FIRST_DEADLINE_MS, Live, live, now_ms
from tests.bench.parts import measure_alone
from tests.support.kafka import Kafka

COUNT = 100
COMMAND = "python -m tests.bench.latency --count {count}"

PAUSE_S = 0.1, 0.5
"""Shortest and longest pause between two events. Clocks advance twice a second, so every phase of that is met."""

DEADLINES_BEGIN_MS = 3_000
WAIT_S = 2.0
"""How long after the last event or deadline the alerts are counted."""


@dataclass(frozen=True)
class Latency:
    """From event or deadline to alert."""

    median_ms: float
    p99_ms: float
    longest_ms: float


def latency(sent_ms: dict[str, int], alerts_ms: dict[str, int]) -> Latency:
    """By order: from when it was sent, or due, to its alert. Raises KeyError if an order has none."""
    took = [alerts_ms[order] - at_ms for order, at_ms in sent_ms.items()]
    return Latency(median(took), quantiles(took, n=100, method="inclusive")[98], max(took))


async def of_events(to: Live, count: int) -> Latency:
    pause, sent_ms = random.Random(1), dict[str, int]()
    for n in range(count):
        await asyncio.sleep(pause.uniform(*PAUSE_S))
        sent_ms[f"event-{n}"] = at_ms = now_ms()
        await to.place(f"event-{n}", at_ms - 2 * FIRST_DEADLINE_MS, shop=f"s{n % 20}")
    await asyncio.sleep(WAIT_S)
    return latency(sent_ms, dict(await to.first_alerts_ms()))


async def of_deadlines(to: Live, count: int) -> Latency:
    apart, due_ms, at_ms = random.Random(1), dict[str, int](), now_ms() + DEADLINES_BEGIN_MS
    for n in range(count):
        at_ms += round(apart.uniform(*PAUSE_S) * 1000)
        due_ms[f"due-{n}"] = at_ms
        await to.place(f"due-{n}", at_ms - FIRST_DEADLINE_MS, shop=f"s{n % 20}")
    await asyncio.sleep((at_ms - now_ms()) / 1000 + WAIT_S)
    return latency(due_ms, dict(await to.first_alerts_ms()))


async def figures(kafka: Kafka, core: int, count: int = COUNT) -> list[Figure]:
    async with live(kafka, core) as to:
        await to.place("warm-up", now_ms() - 2 * FIRST_DEADLINE_MS)
        await asyncio.sleep(WAIT_S)
        found = {"event": await of_events(to, count), "deadline": await of_deadlines(to, count)}
    command = COMMAND.format(count=count)
    return [
        Figure(f"idle, {name} → alert, {what} of {count}", value, "ms", command)
        for name, each in found.items()
        for what, value in (("median", each.median_ms), ("99th percentile", each.p99_ms), ("longest", each.longest_ms))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.latency", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="events, and deadlines (%(default)s)")
    count = parser.parse_args().count
    measure_alone(lambda kafka, core, _: figures(kafka, core, count))


if __name__ == "__main__":
    main()
