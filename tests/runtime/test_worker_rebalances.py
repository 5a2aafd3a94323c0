"""What the worker writes and commits when partitions come and go, or Kafka has been silent."""

import asyncio
import weakref
from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from faust.types import TP

from rules.calendar.instants import MIN_MS
from streams.runtime import committer
from streams.runtime.changelog import Progress
from streams.runtime.committer import LostMembershipError
from streams.runtime.standings_turns import standings_turns
from streams.runtime.wall_clock import since_boot_s
from tests.runtime.one_worker import CLOCKED, alert_types, apply, apply_late_order, made
from tests.runtime.support import START_MS, event


async def test_partitions_are_handed_over_written_and_committed_with_their_clocks_where_they_are() -> None:
    watching, broker = made()
    apply_late_order(watching)
    await watching.flush_before_revoke()
    assert alert_types(broker) == []
    assert broker.committed == [{TP("orders", 2): 2, TP("pickups", 2): 1, TP("tracking", 2): 1}]


async def test_state_that_is_not_recovered_yet_is_not_written_over() -> None:
    watching, broker = made()
    kept = Progress(START_MS, dict.fromkeys(CLOCKED, START_MS))
    watching.partition(2).restore_fact(b'"clock"', orjson.dumps({"clock_ms": START_MS, "through_ms": kept.through_ms}))
    watching.partition(3)
    await watching.flush_before_revoke()
    await watching.finish()
    assert (broker.producer.batches, broker.committed) == (0, [])


@pytest.mark.parametrize("state", ["rebalancing", "recovering"])
async def test_there_is_no_cycle_in_a_rebalance_or_before_recovery_is_over(state: str) -> None:
    watching, broker = made()
    apply_late_order(watching)
    broker.is_rebalancing, broker.recovered = state == "rebalancing", state != "recovering"
    await watching.commit_cycle()
    assert (broker.producer.batches, watching.partitions[2].engine.clock_ms) == (0, MIN_MS)


async def test_a_worker_that_has_lost_its_place_in_the_group_writes_nothing() -> None:
    watching, broker = made()
    apply_late_order(watching)
    broker.member = False
    with pytest.raises(LostMembershipError):
        await watching.commit_cycle()
    await watching.flush_before_revoke()
    await watching.finish()
    assert broker.producer.batches == 0


async def test_what_was_held_of_lost_partitions_is_dropped_before_they_come_back() -> None:
    watching, broker = made()
    apply_late_order(watching)
    await watching.commit_cycle()
    broker.member = False
    await watching.flush_before_revoke()
    assert (watching.partitions, watching.times_lost) == ({}, 1)
    broker.member = True
    apply_late_order(watching)  # as it is read again from where the group had come
    await watching.commit_cycle()
    assert alert_types(broker) == ["alert.opened"] * 2, "nothing was read back here, so it begins anew"
    await watching.flush_before_revoke()
    assert watching.times_lost == 1, "partitions that are handed over are not lost"


async def test_lost_partitions_are_freed_before_they_are_read_again() -> None:
    watching, broker = made()
    apply_late_order(watching)
    await watching.commit_cycle()
    turns = standings_turns(lambda: watching.partitions, lambda: False)
    next(turns)
    held = weakref.ref(watching.partitions[2].engine)
    broker.member = False
    await watching.flush_before_revoke()
    assert held() is None


async def test_a_commit_that_kafka_refuses_loses_the_partitions_too() -> None:
    watching, broker = made()
    apply_late_order(watching)
    broker.takes_commits = False
    await watching.flush_before_revoke()
    assert (watching.partitions, watching.times_lost) == ({}, 1)


@pytest.mark.parametrize("read_since", [True, False])
async def test_after_a_long_sleep_kafka_is_asked_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, read_since: bool
) -> None:
    """Also where nothing has been committed since the last rebalance."""
    watching, broker = made()
    apply_late_order(watching)
    if read_since:
        await watching.commit_cycle()
        apply(watching, event("order.placed", START_MS, "2"), first=2)
    else:
        await watching.flush_before_revoke()
        broker.read_to |= dict(broker.log_ends)
    monkeypatch.setattr(committer, "ASLEEP_S", -1)
    broker.keeps_membership = False
    batches = broker.producer.batches
    with pytest.raises(LostMembershipError):
        await watching.commit_cycle()
    assert broker.producer.batches == batches


async def test_a_network_cut_in_the_middle_of_a_cycle_is_a_long_sleep_too(monkeypatch: pytest.MonkeyPatch) -> None:
    watching, broker = made()
    apply(watching, event("order.placed", START_MS))
    await watching.commit_cycle()
    apply(watching, event("order.placed", START_MS, "2"), first=1)
    answer, now_s = broker.ends, since_boot_s()

    async def cut(tps: Iterable[TP]) -> Any:
        monkeypatch.setattr(committer, "since_boot_s", lambda: now_s + 60)
        return await answer(tps)

    broker.ends = cut  # type: ignore[method-assign]
    broker.keeps_membership = False
    batches = broker.producer.batches
    with pytest.raises(LostMembershipError):
        await watching.commit_cycle()
    assert broker.producer.batches == batches


async def test_nothing_is_committed_after_a_write_that_was_broken_off() -> None:
    """Stopped while a partition has no leader, and the group rebalances: both wait for the commit cycle."""
    watching, broker = made()
    apply(watching, event("order.placed", START_MS))
    never, sending = asyncio.get_running_loop().create_future(), asyncio.Event()

    async def send(*args: Any, **options: Any) -> Any:
        sending.set()
        return never

    broker.producer.send_batch = send  # type: ignore[method-assign]
    commit_cycle = asyncio.ensure_future(watching.commit_cycle())
    await sending.wait()
    revoked = asyncio.ensure_future(watching.flush_before_revoke())
    await asyncio.sleep(0)  # it begins to wait
    commit_cycle.cancel()
    await revoked
    assert broker.committed == []


async def test_a_forgotten_partition_is_written_no_more() -> None:
    watching, broker = made()
    apply_late_order(watching)
    watching.forget(2)
    await watching.commit_cycle()
    assert (broker.producer.batches, broker.committed) == (0, [])
