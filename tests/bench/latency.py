"""`python -m tests.bench.latency`: how long an idle worker takes from an event, or a deadline, to the alert.

Events are orders that are late already, sent one at a time with random pauses between them; measured from just before
the send to the moment the broker appended the alert. Deadlines fall due one at a time, with nothing else going on.
"""

import argparse
import asyncio
import random
from dataclasses import dataclass
from statistics import median, quantiles

from tests.bench.live import FIRST_DEADLINE_MS, Live, live, now_ms
from tests.support.kafka import Kafka

PAUSE_S = 0.1, 0.5
"""Shortest and longest pause between two events. Clocks advance twice a second, so every phase of that is met."""

DEADLINES_BEGIN_MS = 3_000
WAIT_S = 2.0
"""How long after the last event or deadline the alerts are counted."""


@dataclass(frozen=True)
class Latency:
    """Of `count` alerts, in ms."""

    count: int
    median_ms: float
    p99_ms: float
    longest_ms: float


def latency(sent_ms: dict[str, int], alerts_ms: dict[str, int]) -> Latency:
    """By order: from when it was sent, or due, to its alert. Raises KeyError if an order has none."""
    took = [alerts_ms[order] - at_ms for order, at_ms in sent_ms.items()]
    return Latency(len(took), median(took), quantiles(took, n=100, method="inclusive")[98], max(took))


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


def show(name: str, found: Latency) -> None:
    print(
        f"idle {name} → alert, {found.count}: median {found.median_ms:.0f} ms, "
        f"99th percentile {found.p99_ms:.0f} ms, longest {found.longest_ms:.0f} ms",
        flush=True,
    )


async def measure(kafka: Kafka, count: int) -> dict[str, Latency]:
    async with live(kafka) as to:
        await to.place("warm-up", now_ms() - 2 * FIRST_DEADLINE_MS)
        await asyncio.sleep(WAIT_S)
        return {"event": await of_events(to, count), "deadline": await of_deadlines(to, count)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.latency", description=__doc__)
    parser.add_argument("--events", type=int, default=100, help="events, and deadlines (%(default)s)")
    count = parser.parse_args().events
    with Kafka() as kafka:
        for name, found in asyncio.run(measure(kafka, count)).items():
            show(name, found)


if __name__ == "__main__":
    main()
