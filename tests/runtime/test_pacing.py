"""When a commit cycle begins: at once for an idle worker, later the more of its time the cycles take."""

import asyncio
from itertools import count

import pytest

from streams.runtime import pacing
from streams.runtime.pacing import ALERTS_PER_EVENT, BACKLOG_EVENTS, BURST_ALERTS, BUSY_EVENTS, Pacing
from tests.runtime.support import LONG_S

LONG_REST_S = 3_600.0


@pytest.fixture(autouse=True)
def _intervals_longer_than_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", LONG_REST_S)
    monkeypatch.setattr(pacing, "BACKLOG_INTERVAL_S", LONG_REST_S)


def after_a_cycle(monkeypatch: pytest.MonkeyPatch, *, events: int, took_s: float) -> Pacing:
    """After a cycle that handled so many events and took so much of the processor's time."""
    monkeypatch.setattr(pacing, "thread_time", count(0, took_s).__next__)
    paced = Pacing()
    paced.arrived(events)
    with paced.cycle():
        paced.begin()
    return paced


async def begins(waiting: "asyncio.Future[None]") -> bool:
    """Whether a cycle begins though no time passes."""
    for _ in range(20):
        await asyncio.sleep(0)
    return waiting.done()


async def wait_for_a_cycle(paced: Pacing) -> "asyncio.Future[None]":
    waiting = asyncio.ensure_future(paced.until_due())
    assert not await begins(waiting)
    return waiting


async def test_records_that_arrive_at_an_idle_worker_begin_a_cycle_at_once() -> None:
    paced = Pacing()
    waiting = await wait_for_a_cycle(paced)
    paced.arrived(1)
    await asyncio.wait_for(waiting, LONG_S)


async def test_records_that_arrived_during_the_cycle_begin_the_next_one() -> None:
    paced = Pacing()
    with paced.cycle():
        paced.begin()
        paced.arrived(1)
    await asyncio.wait_for(paced.until_due(), LONG_S)


async def test_after_a_cycle_with_events_more_are_gathered_before_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    paced = after_a_cycle(monkeypatch, events=1, took_s=LONG_REST_S)
    waiting = await wait_for_a_cycle(paced)
    paced.arrived(BACKLOG_EVENTS)
    assert not await begins(waiting)
    paced.stop()
    await asyncio.wait_for(waiting, LONG_S)


async def test_a_cycle_that_only_advanced_clocks_makes_no_event_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    paced = after_a_cycle(monkeypatch, events=0, took_s=LONG_REST_S)
    paced.arrived(1)
    await asyncio.wait_for(paced.until_due(), LONG_S)


async def test_the_rest_is_in_proportion_to_what_the_cycle_took(monkeypatch: pytest.MonkeyPatch) -> None:
    assert after_a_cycle(monkeypatch, events=1, took_s=2.0)._rest_s == pytest.approx(18.0)


async def test_clocks_advance_where_nothing_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 0.0)
    await asyncio.wait_for(Pacing().until_due(), LONG_S)


async def test_no_rest_is_longer_than_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 0.0)
    paced = after_a_cycle(monkeypatch, events=1, took_s=LONG_REST_S)
    await asyncio.wait_for(paced.until_due(), LONG_S)


async def test_of_a_backlog_more_is_gathered_until_it_is_enough() -> None:
    paced = Pacing()
    paced.arrived(BACKLOG_EVENTS + 1)
    waiting = await wait_for_a_cycle(paced)
    paced.arrived(BUSY_EVENTS)
    await asyncio.wait_for(waiting, LONG_S)


async def test_a_backlog_ends_when_a_cycle_finds_few_events() -> None:
    paced = Pacing()
    paced.arrived(BACKLOG_EVENTS + 1)
    assert paced.is_backlog
    paced.begin()
    paced.arrived(1)
    assert not paced.is_backlog


async def test_amid_a_burst_of_deadlines_the_next_cycle_begins_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    paced = after_a_cycle(monkeypatch, events=1, took_s=LONG_REST_S)
    paced.found(BURST_ALERTS + ALERTS_PER_EVENT + 1)
    await asyncio.wait_for(paced.until_due(), LONG_S)
    paced.found(BURST_ALERTS)
    waiting = await wait_for_a_cycle(paced)
    paced.stop()
    await asyncio.wait_for(waiting, LONG_S)


async def test_alerts_that_many_events_have_caused_are_no_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    paced = after_a_cycle(monkeypatch, events=BURST_ALERTS, took_s=LONG_REST_S)
    paced.found(BURST_ALERTS * ALERTS_PER_EVENT)
    assert not paced.is_burst


async def test_where_more_waits_than_a_cycle_takes_so_much_is_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 0.0)
    monkeypatch.setattr(pacing, "BACKLOG_INTERVAL_S", 0.0)
    monkeypatch.setattr(pacing, "GATHER_S", LONG_REST_S)
    paced = Pacing()
    paced.begin(behind=BUSY_EVENTS + 1)
    paced.arrived(BUSY_EVENTS)
    waiting = await wait_for_a_cycle(paced)
    paced.arrived(1)
    await asyncio.wait_for(waiting, LONG_S)


async def test_amid_a_burst_of_deadlines_nothing_is_gathered_however_much_waits() -> None:
    paced = Pacing()
    paced.begin(behind=BUSY_EVENTS + 1)
    paced.found(BURST_ALERTS + 1)
    await asyncio.wait_for(paced.until_due(), LONG_S)
