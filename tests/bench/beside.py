"""What `make bench` measures beside the job: each part with the time that it may take at most.

A part that fails, or takes longer, loses no other's figures.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bench import burst, first_paint, held, latency, memory, olist, receive, restart, workers
from tests.bench.figure import Figure
from tests.bench.figure import show as show_figures
from tests.support.kafka import Kafka

MINUTE_S = 60.0


@dataclass(frozen=True)
class Machine:
    """Where is measured: the system under test has `core`, broker and harness have the `others`."""

    kafka: Kafka
    runs: Path
    core: int
    others: set[int]


@dataclass(frozen=True)
class Part:
    """`most_s`: some three times what it takes on two idle cores."""

    most_s: float
    measure: Callable[[Machine, argparse.Namespace], Awaitable[list[Figure]]]


@dataclass
class Found:
    """`failed`: why a part has no figures; `took_s`: how long each has taken."""

    figures: list[Figure] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)


async def _restarts(on: Machine, size: argparse.Namespace) -> list[Figure]:
    """With the most open orders by themselves, and with the most finished ones besides."""
    opened, finished = max(size.open, default=restart.OPEN), max(size.finished, default=0)
    found = await restart.figures(on.kafka, on.runs, on.core, opened)
    return found + (await restart.figures(on.kafka, on.runs, on.core, opened, finished) if finished else [])


PARTS: Mapping[str, Part] = {
    "held": Part(
        60 * MINUTE_S,
        lambda on, size: held.figures(on.kafka, on.runs, on.core, size.open, size.finished),
    ),
    "restart": Part(45 * MINUTE_S, _restarts),
    "latency": Part(5 * MINUTE_S, lambda on, _: latency.figures(on.kafka, on.core)),
    "burst": Part(5 * MINUTE_S, lambda on, _: burst.figures(on.kafka, on.core)),
    "workers": Part(10 * MINUTE_S, lambda on, _: workers.figures(on.kafka, on.runs, on.others)),
    "receive": Part(5 * MINUTE_S, lambda on, _: receive.figures(on.kafka, on.core)),
    "first_paint": Part(5 * MINUTE_S, lambda *_: first_paint.figures()),
    "olist": Part(5 * MINUTE_S, lambda on, _: olist.figures(on.kafka, on.runs, on.core)),
    "memory": Part(20 * MINUTE_S, lambda *_: memory.figures()),
}


async def measure(
    names: list[str], on: Machine, sizes: argparse.Namespace, found: Found, keep: Callable[[], None]
) -> None:
    """Measures these parts, and prints what each has found; after each, what was found so far is to be kept."""
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(PARTS[name].most_s):
                figures = await PARTS[name].measure(on, sizes)
        except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:
            found.failed[name] = f"{type(error).__name__} after {time.monotonic() - began_s:.0f} s: {error}"
            print(f"{name}: {found.failed[name]}", file=sys.stderr, flush=True)
        else:
            show_figures(figures)
            found.figures += figures
        found.took_s[name] = round(time.monotonic() - began_s, 1)
        keep()
