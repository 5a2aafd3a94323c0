"""The commit cycle: clocks, then writes, then the commit; and what happens where one of them fails."""

import asyncio
from collections.abc import Iterable
from typing import Any
from weakref import ref

import orjson
import pytest
from faust.types import TP
from prometheus_client import REGISTRY

from rules.calendar.instants import HOUR_MS
from rules.state.encoded_order import EncodedOrder
from streams.clock import wall_ms
from streams.kafka.outbox import RefusedError
from streams.runtime import log_ends, pacing
from tests.runtime.one_worker import alert_types, apply, apply_late_order, made
from tests.runtime.support import LATE_MS, START_MS, event, tick, until

# -- writing and committing ----------------------------------------------------------------------------------


async def test_a_cycle_writes_alerts_and_facts_keeps_them_for_the_snapshots_and_commits() -> None:
    watching, broker = made()
    apply_late_order(watching)
    await watching.commit_cycle()
    assert alert_types(broker) == ["alert.opened"]
    facts = broker.producer.logs["app-facts-changelog", 2]
    assert [each.key for each in facts] == [b'["joom","s17","1"]', b'"clock"']
    assert [(number, set(changes), offset) for number, changes, offset in broker.kept["app-facts-changelog"]] == [
        (2, {each.key for each in facts}, 1)
    ]
    assert [(number, offset) for number, _, offset in broker.kept["alerts"]] == [(2, 0)]
    assert broker.committed == [{TP("orders", 2): 2, TP("pickups", 2): 1, TP("tracking", 2): 1}]


@pytest.mark.parametrize("refuses", [None, "app-facts-changelog"])
async def test_an_alert_is_forgotten_once_all_is_written_and_before_it_comes_up_again(refuses: str | None) -> None:
    worker, broker = made(refuses=refuses)
    apply_late_order(worker)
    again, gone = "late.ship:joom/s17:1:2026-01-04T00:00:00Z", "late.ship:joom/s17:0:2026-01-03T00:00:00Z"
    worker.partition(2).engine._changes.forgotten += [again, gone]  # as where their orders expired in this cycle
    if refuses:
        with pytest.raises(RefusedError):
            await worker.commit_cycle()
        assert broker.kept == {}
    else:
        await worker.commit_cycle()
        changes = [(alert, value) for _, records, _ in broker.kept["alerts"] for alert, value in records.items()]
        assert {alert.decode(): value is not None for alert, value in changes} == {again: True, gone: False}


async def test_an_order_that_changed_often_is_written_once() -> None:
    watching, broker = made()
    apply(watching, *(event("tracking.updated", START_MS + n) for n in range(50)), topic="tracking")
    await watching.commit_cycle()
    assert [each.key for each in broker.producer.logs["app-facts-changelog", 2]] == [b'["joom","s17","1"]', b'"clock"']


async def test_a_cycle_with_nothing_new_writes_and_commits_nothing() -> None:
    watching, broker = made()
    apply_late_order(watching)
    await watching.commit_cycle()
    batches = broker.producer.batches
    await watching.commit_cycle()
    assert (broker.producer.batches, len(broker.committed)) == (batches, 1)


@pytest.mark.parametrize("topic", ["alerts", "app-facts-changelog", "dead-letters"])
@pytest.mark.parametrize("rebalancing", [False, True])
async def test_a_write_that_is_refused_is_no_commit_even_in_a_rebalance(topic: str, rebalancing: bool) -> None:
    watching, broker = made(refuses=topic)
    apply_late_order(watching)
    apply(watching, b"not json", first=2)
    commit_cycle = asyncio.ensure_future(watching.commit_cycle())
    await asyncio.sleep(0)
    broker.is_rebalancing = rebalancing
    with pytest.raises(RefusedError):
        await commit_cycle
    assert broker.committed == []
    assert broker.kept == {}


async def test_after_a_failure_nothing_is_taken_written_or_committed_any_more() -> None:
    watching, broker = made()
    apply(watching, event("order.placed", START_MS))
    watching.crash(ZeroDivisionError())
    apply(watching, event("order.placed", START_MS, "2"), first=1)
    await watching.commit_cycle()
    await watching.flush_before_revoke()
    await watching.finish()
    assert (broker.producer.batches, broker.committed, watching.events) == (0, [], 1)


async def test_what_is_applied_while_a_write_is_on_its_way_is_not_committed_with_it() -> None:
    watching, broker = made()
    apply(watching, event("order.placed", START_MS))
    send = broker.producer.send_batch

    async def meanwhile(*args: Any, **options: Any) -> Any:
        if watching.events == 1:
            apply(watching, event("order.placed", START_MS, "2"), first=1)
        return await send(*args, **options)

    broker.producer.send_batch = meanwhile  # type: ignore[method-assign]
    await watching.commit_cycle()
    assert broker.committed == [{TP("orders", 2): 1}]
    await watching.commit_cycle()
    assert broker.committed[1:] == [{TP("orders", 2): 2}]


async def test_orders_that_wait_are_encoded_after_a_commit_cycle_unless_a_backlog_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watching, _ = made()
    apply(watching, event("order.placed", START_MS))
    for topic in ("orders", "pickups", "tracking"):
        apply(watching, tick(START_MS + 2 * HOUR_MS), topic=topic, first=1)
    with monkeypatch.context() as reading:
        reading.setattr(pacing.Pacing, "is_backlog", True)
        await watching.commit_cycle()
    [shop] = watching.partitions[2].engine.shops.values()
    assert not isinstance(shop.orders["1"], EncodedOrder)
    await watching.commit_cycle()
    assert isinstance(shop.orders["1"], EncodedOrder)


# -- what would be too large ---------------------------------------------------------------------------------


async def test_a_standing_of_many_long_orders_is_cut_until_it_fits() -> None:
    watching, broker = made()
    items = [{"sku": f"{'店' * 50}{n}"} for n in range(150)]
    apply(watching, *(event("order.placed", START_MS, str(n), data={"items": items}) for n in range(50)))
    for topic in ("orders", "pickups", "tracking"):
        apply(watching, tick(START_MS), topic=topic, first=50)
    await watching.commit_cycle()
    partition = watching.partitions[2]
    while partition.standings.turn(partition.engine):
        pass
    await watching.commit_cycle()
    (record,) = broker.producer.logs["app-standings", 2]
    standing = orjson.loads(record.value)
    assert broker.producer.largest_batch < 1_000_000
    assert (len(standing["due"]), standing["due_total"], standing["due_saves"]) == (50, 50, None)
    assert {(len(due["skus"]), due["skus_left_out"]) for due in standing["due"]} == {(50, 100)}
    assert broker.committed


async def test_one_record_of_zeros_that_were_eighty_megabytes_is_a_small_letter() -> None:
    watching, broker = made()
    apply(watching, bytes(80_000_000))
    await watching.commit_cycle()
    (record,) = broker.producer.logs["dead-letters", 2]
    assert dict(record.headers)["original_length"] == b"80000000"
    assert broker.producer.largest_batch < 1_000_000
    assert broker.committed == [{TP("orders", 2): 1}]


async def test_facts_that_are_too_large_do_not_end_the_worker() -> None:
    watching, broker = made()
    left_out = REGISTRY.get_sample_value("shipclock_records_left_out_total") or 0.0
    apply(watching, event("order.placed", START_MS))
    order = watching.partitions[2].engine.shops["joom", "s17"].orders["1"]
    order.facts.placed = (START_MS, "x" * 1_000_000, "e-1")
    await watching.commit_cycle()
    assert REGISTRY.get_sample_value("shipclock_records_left_out_total") == left_out + 1
    assert broker.committed == [{TP("orders", 2): 1}]


# -- when a cycle begins ---------------------------------------------------------------------------------------


async def test_what_arrives_at_an_idle_worker_is_written_without_waiting_for_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 3_600.0)
    watching, broker = made()
    running = asyncio.ensure_future(watching._run_commit_cycles(watching))
    await asyncio.sleep(0)
    apply_late_order(watching)
    await until(lambda: alert_types(broker) == ["alert.opened"])
    running.cancel()


async def test_a_worker_that_is_not_ready_does_not_spin_on_what_it_has_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 3_600.0)
    watching, broker = made()
    apply_late_order(watching)
    broker.is_rebalancing = True
    await watching.commit_cycle()
    waiting = asyncio.ensure_future(watching._pacing.until_due())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_events_are_evaluated_and_committed_though_kafka_does_not_say_where_logs_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_ends, "WAIT_S", 0.0)
    watching, broker = made("wall")
    broker.says_log_ends = False
    apply(watching, event("order.placed", wall_ms() - 2 * LATE_MS))
    await watching.commit_cycle()
    assert broker.committed == [{TP("orders", 2): 1}]
    assert alert_types(broker) == [], "its clock stands still"
    await watching.on_stop()


async def test_own_alerts_are_not_taken_for_foreign_ones_however_late_kafka_says_where_logs_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request is sent before the alerts are written, and answered after."""
    monkeypatch.setattr(log_ends, "WAIT_S", 0.0)
    watching, broker = made()
    checked: list[Any] = []

    async def check(partitions: Any, ends: Any) -> None:
        checked.append(dict(ends))

    monkeypatch.setattr(watching._foreign, "check", check)
    answers = [asyncio.get_running_loop().create_future() for _ in range(3)]
    under_way = iter(answers)

    async def ends(tps: Iterable[TP]) -> Any:
        await next(under_way)
        return dict.fromkeys(tps, 1)

    broker.ends = ends  # type: ignore[method-assign]
    apply_late_order(watching)
    await watching.commit_cycle()
    assert alert_types(broker) == ["alert.opened"]
    answers[0].set_result(None)
    await asyncio.sleep(0)
    await watching.commit_cycle()
    assert checked == []
    answers[1].set_result(None)
    await asyncio.sleep(0)
    await watching.commit_cycle()
    assert checked == [{2: 1}], "what was asked since"
    await watching.on_stop()


async def test_memory_of_dropped_partitions_is_freed_when_the_next_state_is_restored() -> None:
    watching, _ = made()
    apply_late_order(watching)
    await watching.commit_cycle()
    engine = ref(watching.partitions[2].engine)
    await watching.flush_before_revoke()
    watching.forget(2)
    await watching.commit_cycle()
    assert engine() is None


async def test_a_cycle_that_is_cancelled_by_what_it_awaits_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would look healthy and emit nothing any more."""
    watching, broker = made("wall")

    async def check(*_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(watching._foreign, "check", check)
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 0.0)
    apply(watching, event("order.placed", wall_ms()))
    await watching._run_commit_cycles(watching)
    await until(lambda: broker.is_crashed)
    assert broker.committed == []


async def test_what_a_cycle_awaits_may_be_cancelled_while_the_worker_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    watching, broker = made("wall")

    async def check(*_: object) -> None:
        watching._stopped.set()
        raise asyncio.CancelledError

    monkeypatch.setattr(watching._foreign, "check", check)
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 0.0)
    apply(watching, event("order.placed", wall_ms()))
    with pytest.raises(asyncio.CancelledError):
        await watching._run_commit_cycles(watching)
    assert not broker.is_crashed


async def test_a_worker_that_stops_ends_its_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    watching, broker = made()
    running = asyncio.ensure_future(watching._run_commit_cycles(watching))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})
    assert (running.cancelled(), broker.is_crashed) == (True, False)
