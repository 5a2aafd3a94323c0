"""How far the commit cycle moves the clocks, in wall time and in event time."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from faust.types import TP

from rules.calendar.instants import HOUR_MS, MIN_MS
from streams.clock import wall_ms
from streams.runtime import clock_targets, log_ends
from tests.runtime.one_worker import CLOCKED, alert_types, apply, made
from tests.runtime.support import LATE_MS, START_MS, event, tick


async def test_in_wall_time_nothing_fires_before_what_was_appended_by_then_is_applied() -> None:
    watching, broker = made("wall")
    long_ago = wall_ms() - 2 * LATE_MS
    apply(watching, event("order.placed", long_ago))
    broker.log_ends[TP("orders", 2)] = 2  # one more is on its way
    for topic in ("pickups", "tracking"):
        broker.read_to[TP(topic, 2)] = 0
    await watching.commit_cycle()
    assert alert_types(broker) == []
    broker.log_ends[TP("orders", 2)] = 1_000  # what comes later need not be waited for
    apply(watching, event("order.shipped", long_ago + HOUR_MS), first=1)
    await watching.commit_cycle()
    assert alert_types(broker) == []
    assert watching.partitions[2].engine.clock_ms > wall_ms() - HOUR_MS, "the clock stands still"


async def test_in_wall_time_the_clock_goes_on_though_there_are_always_records_on_their_way() -> None:
    watching, broker = made("wall")
    for topic in ("pickups", "tracking"):
        broker.read_to[TP(topic, 2)] = 0
    clocks = []
    for n in range(4):
        apply(watching, event("order.placed", wall_ms() - LATE_MS // 2, str(n)), first=n)
        broker.log_ends[TP("orders", 2)] = n + 2  # the next one is appended already
        await watching.commit_cycle()
        clocks.append(watching.partitions[2].engine.clock_ms)
        await asyncio.sleep(0.002)  # the clock of wall time is the machine's
    assert clocks[0] == MIN_MS
    assert MIN_MS < clocks[1] < clocks[3]


async def test_in_wall_time_an_answer_from_before_a_partition_came_does_not_move_its_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watching, broker = made("wall")
    watching.partition(3)
    await watching.commit_cycle()
    monkeypatch.setattr(log_ends, "WAIT_S", 0.0)
    broker.says_log_ends = False
    apply(watching, event("order.placed", wall_ms() - 2 * LATE_MS))
    await watching.commit_cycle()
    assert watching.partitions[2].engine.clock_ms == MIN_MS
    await watching.on_stop()


async def test_in_wall_time_what_is_never_handed_out_is_not_waited_for() -> None:
    """A transaction marker, or a record that compaction removed, has an offset and no record."""
    watching, broker = made("wall")
    apply(watching, event("order.placed", wall_ms() - 2 * LATE_MS))
    for topic in CLOCKED:
        broker.log_ends[TP(topic, 2)] = broker.read_to[TP(topic, 2)] = 5
    await watching.commit_cycle()
    assert alert_types(broker) == ["alert.opened"]


async def test_in_wall_time_an_input_not_looked_at_yet_is_waited_for() -> None:
    watching, broker = made("wall")
    apply(watching, event("order.placed", wall_ms() - 2 * LATE_MS))
    await watching.commit_cycle()
    assert alert_types(broker) == []


async def test_in_wall_time_what_was_said_of_the_shop_by_then_is_waited_for_too() -> None:
    """A task ticked off in time must not come too late because its topic is read last."""
    watching, broker = made("wall")
    apply(watching, event("order.placed", wall_ms() - 2 * LATE_MS))
    for topic in ("pickups", "tracking"):
        broker.read_to[TP(topic, 2)] = 0
    broker.log_ends[TP("shops", 2)] = 1
    await watching.commit_cycle()
    assert alert_types(broker) == []
    broker.read_to[TP("shops", 2)] = 1
    await watching.commit_cycle()
    assert alert_types(broker) == ["alert.opened"]


async def test_in_event_time_the_clock_rests_on_a_tick_only_when_all_is_read_and_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watching, broker = made()
    apply(watching, event("order.placed", START_MS))
    apply(watching, tick(START_MS + LATE_MS), topic="pickups")
    broker.read_to[TP("tracking", 2)] = 0
    await watching.commit_cycle()
    assert alert_types(broker) == [], "others may still be sending"
    monkeypatch.setattr(clock_targets, "QUIET_S", 0.0)
    broker.log_ends[TP("tracking", 2)] = 1
    await watching.commit_cycle()
    assert alert_types(broker) == [], "there is more to read"
    broker.read_to[TP("tracking", 2)] = 1
    await watching.commit_cycle()
    assert alert_types(broker) == ["alert.opened"]


async def test_in_event_time_the_clock_rests_on_a_tick_though_every_answer_of_kafkas_comes_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each answer comes after the cycle that asked, so that cycles go by what was asked one earlier."""
    monkeypatch.setattr(log_ends, "WAIT_S", 0.0)
    monkeypatch.setattr(clock_targets, "QUIET_S", 0.0)
    watching, broker = made()
    gates: list[asyncio.Future[None]] = []

    async def ends(tps: Iterable[TP]) -> Any:
        gates.append(asyncio.get_running_loop().create_future())
        await gates[-1]
        return {tp: broker.log_ends.get(tp, 0) for tp in tps}

    async def cycle_and_late_answer() -> None:
        await watching.commit_cycle()
        gates[-1].set_result(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    broker.ends = ends  # type: ignore[method-assign]
    watching.partition(2)
    broker.read_to[TP("tracking", 2)] = 0
    await cycle_and_late_answer()
    apply(watching, event("order.placed", START_MS))
    apply(watching, tick(START_MS + LATE_MS), topic="pickups")
    await cycle_and_late_answer()
    assert alert_types(broker) == [], "what it goes by was asked before these came"
    await cycle_and_late_answer()
    assert alert_types(broker) == ["alert.opened"]
    await watching.on_stop()
