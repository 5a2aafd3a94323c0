"""The commit cycle: clocks, then writes, then the commit; and what happens where one of them fails."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from itertools import chain, count, repeat
from typing import Any, Literal, cast
from weakref import ref

import orjson
import pytest
from aiokafka.errors import KafkaTimeoutError
from faust.types import TP
from prometheus_client import REGISTRY

from rules.calendar.instants import HOUR_MS, MIN_MS
from streams.clock import wall_ms
from streams.kafka.outbox import RefusedError
from streams.runtime import clock_targets, committer, log_ends, pacing, standings_turns, worker
from streams.runtime.changelog import Progress
from streams.runtime.committer import LostMembershipError
from streams.runtime.partition import Batch
from streams.runtime.standings_publisher import IDLE_S
from streams.runtime.wall_clock import since_boot_s
from streams.runtime.worker import Worker
from tests.runtime.fakes import FakeBroker, worker_on
from tests.runtime.support import LATE_MS, START_MS, event, record, shop_in, tick, until

CLOCKED = ("orders", "pickups", "tracking")


def made(clock: Literal["wall", "event"] = "event", **options: Any) -> tuple[Worker, FakeBroker]:
    broker = FakeBroker(**options)
    return worker_on(broker, clock), broker


def apply(to: Worker, *values: bytes, topic: str = "orders", first: int = 0) -> None:
    """As the transport and the agents do: partition 2 of a topic, read to its end."""
    records = [record(topic, value, offset=first + n) for n, value in enumerate(values)]
    to.apply(Batch(topic, 2, records))
    broker, tp = cast(FakeBroker, to.broker), TP(topic, 2)
    broker.handed[tp] = broker.read_to[tp] = broker.log_ends[tp] = first + len(values)


def apply_late_order(to: Worker) -> None:
    """An order placed at the start, and the clock at its deadline."""
    apply(to, event("order.placed", START_MS), tick(START_MS + LATE_MS))
    for topic in ("pickups", "tracking"):
        apply(to, tick(START_MS + LATE_MS), topic=topic)


def alert_types(broker: FakeBroker) -> list[str]:
    return [orjson.loads(each.value)["type"] for each in broker.producer.logs.get(("alerts", 2), [])]


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
    assert (len(standing["due"]), standing["due_total"]) == (50, 50)
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


# -- rebalances ----------------------------------------------------------------------------------------------


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
    never = asyncio.get_running_loop().create_future()

    async def ends(tps: Iterable[TP]) -> Any:
        return await never

    broker.ends = ends  # type: ignore[method-assign]
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


async def test_memory_of_dropped_partitions_is_let_go_of_when_the_next_state_is_restored() -> None:
    watching, _ = made()
    apply_late_order(watching)
    await watching.commit_cycle()
    engine = ref(watching.partitions[2].engine)
    await watching.flush_before_revoke()
    watching.forget(2)
    await watching.commit_cycle()
    assert engine() is None


# -- clocks --------------------------------------------------------------------------------------------------


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
    never = asyncio.get_running_loop().create_future()

    async def ends(tps: Iterable[TP]) -> Any:
        return await never

    broker.ends = ends  # type: ignore[method-assign]
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


async def test_a_burst_of_deadlines_lets_others_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SLICE", 10)
    watching, broker = made()
    apply(watching, *(event("order.placed", START_MS, str(n)) for n in range(100)), tick(START_MS + LATE_MS))
    for topic in ("pickups", "tracking"):
        apply(watching, tick(START_MS + LATE_MS), topic=topic)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    busy = asyncio.ensure_future(others())
    await watching.commit_cycle()
    busy.cancel()
    assert len(alert_types(broker)) == 100
    assert turns >= 10


async def test_what_is_found_is_written_and_committed_while_a_large_shop_is_still_being_evaluated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "SLICE", 10)
    monkeypatch.setattr(worker, "EVALUATE_S", 0.0)  # one slice a commit cycle
    watching, broker = made("wall")
    for topic in CLOCKED:
        broker.read_to[TP(topic, 2)] = 0
    long_ago = wall_ms() - 2 * LATE_MS
    small = shop_in(2)
    others = record("orders", event("order.placed", long_ago, shop=small), offset=50, key=f"joom/{small}".encode())
    apply(watching, *(event("order.placed", long_ago, str(n)) for n in range(50)))
    watching.apply(Batch("orders", 2, [others]))
    broker.handed[TP("orders", 2)] = broker.read_to[TP("orders", 2)] = 51
    told = []
    for _ in range(7):
        await watching.commit_cycle()
        told.append(Counter(orjson.loads(each.value)["shop"] for each in broker.producer.logs["alerts", 2]))
    assert [each["s17"] for each in told] == [10, 19, 29, 39, 49, 50, 50]
    assert [each[small] for each in told] == [0, 1, 1, 1, 1, 1, 1]
    assert broker.committed == [{TP("orders", 2): 51}], "facts are durable, whatever is left to be evaluated"


async def test_while_kafka_takes_what_was_found_the_rest_is_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    watching, broker = with_more_due_than_a_cycle_evaluates(monkeypatch)
    send, work = broker.producer.send_batch, watching.partitions[2].engine.work

    async def once_all_is_evaluated(*args: Any, **options: Any) -> Any:
        await until(lambda: not work.has_orders())
        return await send(*args, **options)

    broker.producer.send_batch = once_all_is_evaluated  # type: ignore[method-assign]
    await watching.commit_cycle()
    assert len(alert_types(broker)) == 10, "what was found when it was written"
    await watching.commit_cycle()
    assert len(alert_types(broker)) == 50


async def test_what_was_found_while_a_write_failed_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    watching, broker = with_more_due_than_a_cycle_evaluates(monkeypatch)
    work = watching.partitions[2].engine.work

    async def fail_once_all_is_evaluated(*args: Any, **options: Any) -> Any:
        await until(lambda: not work.has_orders())
        raise KafkaTimeoutError

    broker.producer.send_batch = fail_once_all_is_evaluated  # type: ignore[method-assign]
    with pytest.raises(KafkaTimeoutError):
        await watching.commit_cycle()
    await watching.commit_cycle()
    await watching.flush_before_revoke()
    assert (broker.producer.batches, broker.committed) == (0, [])


def with_more_due_than_a_cycle_evaluates(monkeypatch: pytest.MonkeyPatch) -> tuple[Worker, FakeBroker]:
    """A worker to which 50 orders came that are late, of which it evaluates ten before it writes."""
    monkeypatch.setattr(worker, "SLICE", 10)
    monkeypatch.setattr(worker, "SLICE_BESIDE", 10)
    monkeypatch.setattr(worker, "monotonic", chain([0.0], repeat(1.0)).__next__)
    watching, broker = made("wall")
    broker.read_to |= {TP(topic, 2): 0 for topic in CLOCKED}
    apply(watching, *(event("order.placed", wall_ms() - 2 * LATE_MS, str(n)) for n in range(50)))
    return watching, broker


async def test_a_partition_need_not_wait_until_another_is_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SLICE", 10)
    monkeypatch.setattr(worker, "EVALUATE_S", 0.0)
    watching, broker = made("wall")
    broker.read_to |= {TP(topic, number): 0 for topic in CLOCKED for number in (2, 3)}
    long_ago = wall_ms() - 2 * LATE_MS
    small = shop_in(3)
    value = event("order.placed", long_ago, shop=small)
    apply(watching, *(event("order.placed", long_ago, str(n)) for n in range(50)))
    watching.apply(Batch("orders", 3, [record("orders", value, partition=3, key=f"joom/{small}".encode())]))
    broker.handed[TP("orders", 3)] = broker.read_to[TP("orders", 3)] = 1
    await watching.commit_cycle()
    assert (len(alert_types(broker)), len(broker.producer.logs["alerts", 3])) == (10, 1)


async def test_what_is_left_to_be_evaluated_does_not_wait_for_the_next_cycles_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "SLICE", 10)
    monkeypatch.setattr(worker, "EVALUATE_S", 0.0)
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 3_600.0)
    watching, broker = made("wall")
    broker.read_to |= {TP(topic, 2): 0 for topic in CLOCKED}
    apply(watching, *(event("order.placed", wall_ms() - 2 * LATE_MS, str(n)) for n in range(50)))
    await watching.commit_cycle()
    running = asyncio.ensure_future(watching._run_commit_cycles(watching))
    await until(lambda: len(alert_types(broker)) == 50)
    running.cancel()


async def test_what_can_wait_gets_less_time_until_all_that_is_due_is_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SLICE", 10)
    monkeypatch.setattr(worker, "EVALUATE_S", 0.0)
    watching, broker = made("wall")
    broker.read_to |= {TP(topic, 2): 0 for topic in CLOCKED}
    apply(watching, *(event("order.placed", wall_ms() - 2 * LATE_MS, str(n)) for n in range(30)))
    busy = []
    for _ in range(5):
        await watching.commit_cycle()
        busy.append(watching.busy)
    assert len(alert_types(broker)) == 30
    assert busy[:2] == [True, True], "orders are left, though few events came"
    assert not busy[-1]


async def test_standings_are_worked_out_beside_the_cycle_with_a_rest_after_each_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watching, broker = made()
    apply(watching, event("order.placed", START_MS))
    for topic in CLOCKED:
        apply(watching, tick(START_MS), topic=topic, first=1)
    rests = []

    async def sleep(seconds: float) -> None:
        rests.append(round(seconds, 3))
        await asyncio.sleep(0)

    monkeypatch.setattr(watching, "sleep", sleep)
    monkeypatch.setattr(standings_turns, "thread_time", count(0, 0.01).__next__)
    publishing = asyncio.ensure_future(watching._publish_standings(watching))
    await watching.commit_cycle()
    await until(lambda: rests.count(IDLE_S) > 1)
    publishing.cancel()
    await watching.commit_cycle()
    assert len(broker.producer.logs["app-standings", 2]) == 1
    assert [each for each in rests if each != IDLE_S] == [0.04], "a fifth of the time"
