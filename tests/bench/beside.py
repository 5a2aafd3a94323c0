"""What `make bench` measures beside the job: each part with the time that it may take at most.

A part that fails, or takes longer, loses no other's figures, and none that it has found by then.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
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
    """`most_s`: far more than it takes on two idle cores."""

    most_s: float
    measure: Callable[[Machine, argparse.Namespace], AsyncIterator[Figure]]


@dataclass
class Found:
    """`failed`: why a part has no figures; `took_s`: how long each has taken."""

    figures: list[Figure] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)


async def _each(figures: Awaitable[list[Figure]]) -> AsyncIterator[Figure]:
    for figure in await figures:
        yield figure


async def _restarts(on: Machine, size: argparse.Namespace) -> AsyncIterator[Figure]:
    """With the most open orders by themselves, and with the most finished ones besides."""
    opened = max(size.open, default=restart.OPEN)
    for finished in sorted({0, max(size.finished, default=0)}):
        for figure in await restart.figures(on.kafka, on.runs, on.core, opened, finished):
            yield figure


async def _first_paint(on: Machine) -> list[Figure]:
    """On all cores: beside the site, which is under test, there is the browser."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {on.core, *on.others})
    try:
        return await first_paint.figures()
    finally:
        os.sched_setaffinity(0, mine)


PARTS: Mapping[str, Part] = {
    "held": Part(
        60 * MINUTE_S,
        lambda on, size: held.figures(on.kafka, on.runs, on.core, size.open, size.finished),
    ),
    "restart": Part(45 * MINUTE_S, _restarts),
    "latency": Part(5 * MINUTE_S, lambda on, _: _each(latency.figures(on.kafka, on.core))),
    "burst": Part(5 * MINUTE_S, lambda on, _: _each(burst.figures(on.kafka, on.core))),
    "workers": Part(10 * MINUTE_S, lambda on, _: _each(workers.figures(on.kafka, on.runs, on.others))),
    "receive": Part(5 * MINUTE_S, lambda on, _: _each(receive.figures(on.kafka, on.core))),
    "first_paint": Part(5 * MINUTE_S, lambda on, _: _each(_first_paint(on))),
    "olist": Part(5 * MINUTE_S, lambda on, _: _each(olist.figures(on.kafka, on.runs, on.core))),
    "memory": Part(20 * MINUTE_S, lambda *_: _each(memory.figures())),
}


async def measure(
    names: list[str], on: Machine, sizes: argparse.Namespace, found: Found, keep: Callable[[], None]
) -> None:
    """Measures these parts, and prints what each has found; after each, what was found so far is to be kept."""
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        began_s, figures = time.monotonic(), list[Figure]()
        try:
            async with asyncio.timeout(PARTS[name].most_s):
                async for figure in PARTS[name].measure(on, sizes):
                    figures.append(figure)
        except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:
            found.failed[name] = f"{type(error).__name__} after {time.monotonic() - began_s:.0f} s: {error}"
            print(f"{name}: {found.failed[name]}", file=sys.stderr, flush=True)
        show_figures(figures)
        found.figures += figures
        found.took_s[name] = round(time.monotonic() - began_s, 1)
        print(f"{name} took {found.took_s[name]:,.0f} s", file=sys.stderr, flush=True)
        keep()
