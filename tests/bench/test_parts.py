"""The parts of `make bench`: none loses another's figures, and what they found is worked out right."""

import asyncio
from argparse import Namespace
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench import beside, held, memory, parts, workers
from tests.bench.beside import Found, Machine, Part
from tests.bench.figure import Figure
from tests.bench.held import Holding
from tests.bench.receive import Received, Senders

NO_KAFKA: Any = None
MACHINE = Machine(NO_KAFKA, Path("runs"), 0, {1})


FOUND = Figure("ready", 8.0, "s", "python -m x")


async def fails(*_: object) -> AsyncIterator[Figure]:
    yield FOUND
    raise ValueError("the disk is full")


async def never_ends(*_: object) -> AsyncIterator[Figure]:
    await asyncio.Event().wait()
    yield FOUND


async def skips(*_: object) -> AsyncIterator[Figure]:
    pytest.skip("no browser")
    yield FOUND


async def works(*_: object) -> AsyncIterator[Figure]:
    yield FOUND


async def test_a_part_that_fails_or_takes_too_long_loses_no_others_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"a": Part(60, fails), "b": Part(0, never_ends), "c": Part(60, skips), "d": Part(60, works)}
    monkeypatch.setattr(beside, "PARTS", given)
    found, kept = Found(), list[int]()
    await beside.measure(list(given), MACHINE, Namespace(), found, lambda: kept.append(len(found.figures)))
    assert found.figures == [FOUND, FOUND], "of the first, what it had found by then"
    assert list(found.failed) == ["a", "b", "c"]
    assert "the disk is full" in found.failed["a"]
    assert "TimeoutError" in found.failed["b"]
    assert kept == [1, 1, 1, 2], "what there is is kept after each"
    assert set(found.took_s) == set(given)


def test_what_an_order_takes_is_what_more_orders_take_more() -> None:
    empty, full = Holding(1_000, 2_000, 300, 400, 0), Holding(401_000, 1_002_000, 200_300, 300_400, 17.5)
    found = held.figures_of("open", 1_000, empty, full, "x")
    assert [figure.value for figure in found] == [400, 1_000, 200, 300, 17.5]


def test_more_orders_than_fit_the_memory_are_refused_before_anything_is_written() -> None:
    with pytest.raises(MemoryError):
        parts.check_memory(10**12)


def test_what_workers_did_is_told_by_worker_and_in_all() -> None:
    shared = workers.Shared(
        seconds=10,
        writing_s=2,
        alerts=7,
        alert_bytes=7_700,
        copied_bytes=300,
        events=[100_000, 300_000],
        cpu_s=[2.0, 4.5],
    )
    figures = {figure.name.removeprefix("2 workers"): figure.value for figure in shared.figures("2 workers", "x")}
    assert figures == {
        "": 40_000,
        ", the events were written at": 200_000,
        ", an event": 16.25,
        ", an event of the worker that takes least": 15,
        ", an event of the worker that takes most": 20,
        ", the busiest worker's share of the events": 0.75,
        ", alert records, none missing and none twice": 7,
        ", disk of an alert record in Kafka": 1_100,
        ", disk of an alert in local copies": 300,
    }


@pytest.mark.parametrize(
    ("statuses", "stored", "slowest_ms", "wrong"),
    [
        ({204: 100}, 100, 20, []),
        ({204: 99, 503: 1}, 99, 20, ["of 100 pushes 99 were answered as stored and 99 were: {204: 99, 503: 1}"]),
        ({204: 100}, 99, 20, ["of 100 pushes 100 were answered as stored and 99 were: {204: 100}"]),
        ({204: 100}, 100, 200, ["the 99th percentile is 100 ms or more"]),
    ],
)
def test_pushes_must_all_be_stored_and_answered_in_time(
    statuses: dict[int, int], stored: int, slowest_ms: float, wrong: list[str]
) -> None:
    senders = Senders("", 0, Counter(statuses), [10.0] * 98 + [slowest_ms] * 2)
    assert Received(senders, stored, 0.1).wrong() == wrong


async def test_what_order_memory_and_shop_memory_print_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    async def output_of(module: str, *arguments: str) -> str:
        if module == "tests.bench.order_memory":
            return "401.5 377.2 1000 0\n"
        return "5,000 shops of joom, bytes each: engine 4,200, view 1,300, together 5,500 (a standing is 900)\n"

    monkeypatch.setattr(memory, "output_of", output_of)
    assert [figure.value for figure in await memory.figures()] == [*[401.5, 377.2] * 3, 4_200, 1_300, 5_500]
