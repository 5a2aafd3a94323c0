"""A large shop or a burst of deadlines leaves time for everything else."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from itertools import chain, count, pairwise, repeat
from typing import Any
from unittest.mock import Mock, PropertyMock

import orjson
import pytest
from aiokafka.errors import KafkaTimeoutError
from faust.types import TP

from rules.engine import quiet_orders
from rules.engine.engine import Engine
from rules.state.decoded_orders import DecodedOrders
from rules.state.encoded_order import EncodedOrder
from streams.clock import wall_ms
from streams.runtime import pacing, standings_turns, worker
from streams.runtime.partition import Batch, Partition
from streams.runtime.standings_publisher import IDLE_S
from streams.runtime.worker import Worker
from tests.runtime.fakes import FakeBroker
from tests.runtime.one_worker import CLOCKED, alert_types, apply, made
from tests.runtime.support import LATE_MS, START_MS, event, record, shop_in, tick, until


@pytest.fixture
def ten_orders_a_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit cycle evaluates one slice, of ten orders."""
    monkeypatch.setattr(worker, "SLICE", 10)
    monkeypatch.setattr(worker, "EVALUATE_S", 0.0)


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


@pytest.mark.usefixtures("ten_orders_a_cycle")
async def test_what_is_found_is_written_and_committed_while_a_large_shop_is_still_being_evaluated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "MOST_UNWRITTEN", 0)  # it evaluates none while Kafka takes what was found
    watching, broker = made("wall")
    for topic in CLOCKED:
        broker.read_to[TP(topic, 2)] = 0
    long_ago = wall_ms() - 2 * LATE_MS
    small = shop_in(2)
    others = record("orders", event("order.placed", long_ago, shop=small), offset=50, key=f"joom/{small}".encode())
    apply(watching, *(event("order.placed", long_ago, str(n)) for n in range(50)))
    watching.apply(Batch("orders", 2, [others]))
    broker.handed[TP("orders", 2)] = broker.read_to[TP("orders", 2)] = 51
    written = []
    for _ in range(7):
        await watching.commit_cycle()
        written.append(Counter(orjson.loads(each.value)["shop"] for each in broker.producer.logs["alerts", 2]))
    assert [each["s17"] for each in written] == [10, 19, 29, 39, 49, 50, 50]
    assert [each[small] for each in written] == [0, 1, 1, 1, 1, 1, 1]
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


async def test_while_kafka_is_slow_no_more_is_evaluated_than_memory_has_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "MOST_UNWRITTEN", 20)
    watching, broker = with_more_due_than_a_cycle_evaluates(monkeypatch)
    send, partition, found = broker.producer.send_batch, watching.partitions[2], []

    async def once_no_more_is_found(*args: Any, **options: Any) -> Any:
        await until(lambda: partition.unwritten_alerts >= 20)
        for _ in range(10):
            await asyncio.sleep(0)
        found.append(partition.unwritten_alerts)
        return await send(*args, **options)

    broker.producer.send_batch = once_no_more_is_found  # type: ignore[method-assign]
    await watching.commit_cycle()
    assert {*found} == {20}


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


async def test_foreign_alerts_are_not_looked_for_while_some_of_its_own_are_unwritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watching, broker = with_more_due_than_a_cycle_evaluates(monkeypatch)
    send, work = broker.producer.send_batch, watching.partitions[2].engine.work
    checked: list[list[int]] = []

    async def once_all_is_evaluated(*args: Any, **options: Any) -> Any:
        await until(lambda: not work.has_orders())
        return await send(*args, **options)

    async def check(partitions: Mapping[int, Partition], _: Mapping[int, int]) -> None:
        checked.append(list(partitions))

    broker.producer.send_batch = once_all_is_evaluated  # type: ignore[method-assign]
    monkeypatch.setattr(watching._foreign, "check", check)
    for _ in range(3):
        await watching.commit_cycle()
    assert checked == [[2], [], [2]]


def with_more_due_than_a_cycle_evaluates(monkeypatch: pytest.MonkeyPatch) -> tuple[Worker, FakeBroker]:
    """A worker to which 50 orders came that are late, of which it evaluates ten before it writes."""
    monkeypatch.setattr(worker, "SLICE", 10)
    monkeypatch.setattr(worker, "SLICE_BESIDE", 10)
    monkeypatch.setattr(worker, "monotonic", chain([0.0], repeat(1.0)).__next__)
    return with_late_orders(50)


def with_late_orders(count: int) -> tuple[Worker, FakeBroker]:
    """A worker in wall time to which so many orders came that are late."""
    watching, broker = made("wall")
    broker.read_to |= {TP(topic, 2): 0 for topic in CLOCKED}
    apply(watching, *(event("order.placed", wall_ms() - 2 * LATE_MS, str(n)) for n in range(count)))
    return watching, broker


@pytest.mark.usefixtures("ten_orders_a_cycle")
async def test_a_partition_need_not_wait_until_another_is_evaluated() -> None:
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


@pytest.mark.usefixtures("ten_orders_a_cycle")
async def test_what_is_left_to_be_evaluated_does_not_wait_for_the_next_cycles_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 3_600.0)
    watching, broker = with_late_orders(50)
    await watching.commit_cycle()
    running = asyncio.ensure_future(watching._run_commit_cycles(watching))
    await until(lambda: len(alert_types(broker)) == 50)
    running.cancel()


@pytest.mark.usefixtures("ten_orders_a_cycle")
async def test_what_can_wait_gets_less_time_until_all_that_is_due_is_evaluated() -> None:
    watching, broker = with_late_orders(30)
    busy = []
    for _ in range(5):
        await watching.commit_cycle()
        busy.append(watching.busy)
    assert len(alert_types(broker)) == 30
    assert busy[:2] == [True, True], "orders are left, though few events came"
    assert not busy[-1]


async def test_amid_a_burst_of_deadlines_clocks_advance_at_once_and_what_can_wait_gets_less_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "BURST_ALERTS", 10)
    monkeypatch.setattr(pacing, "ALERTS_PER_EVENT", 0)
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 3_600.0)
    watching, broker = with_late_orders(30)
    await watching.commit_cycle()
    assert (len(alert_types(broker)), watching.busy) == (30, True), "nothing is left, and more may be falling due"
    running = asyncio.ensure_future(watching._run_commit_cycles(watching))
    await until(lambda: not watching._pacing.is_burst)
    running.cancel()


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


async def test_orders_of_many_partitions_leave_memory_in_turns_and_after_alerts_were_handed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watching, _ = made()
    apply(watching, event("order.placed", START_MS), tick(START_MS + LATE_MS))
    for topic in ("pickups", "tracking"):
        apply(watching, tick(START_MS + LATE_MS), topic=topic)
    happened: list[str] = []
    watching.on_alerts.append(lambda alerts: happened.append(f"{len(alerts)} alerts"))
    for number in range(16):
        engine = watching.partition(number).engine
        monkeypatch.setattr(engine, "evict", lambda limit, number=number: happened.append(f"evicts {number}"))

    async def others() -> None:
        while True:
            happened.append("others")
            await asyncio.sleep(0)

    running = asyncio.ensure_future(others())
    await watching.commit_cycle()
    running.cancel()
    first = happened.index("1 alerts")
    evicts = [n for n, each in enumerate(happened) if each.startswith("evicts")]
    assert len(evicts) == 16 and first < evicts[0]
    assert all("others" in happened[one:other] for one, other in pairwise(evicts))


async def test_reading_waits_for_a_commit_cycle_where_too_many_orders_are_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "MOST_DECODED", 10)
    monkeypatch.setattr(worker, "MOST_DECODED_BETWEEN", 30)
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 3_600.0)
    monkeypatch.setattr(pacing, "BACKLOG_INTERVAL_S", 3_600.0)
    monkeypatch.setattr(pacing, "BACKLOG_EVENTS", 0)
    watching, _ = made()
    apply(watching, *(event("order.placed", START_MS, str(n)) for n in range(30)), tick(START_MS + 1))
    assert watching.has_room()
    apply(watching, event("order.placed", START_MS, "31"), first=31)
    cycles = asyncio.ensure_future(watching._run_commit_cycles(watching))
    await until(watching.has_room)  # it has the cycle begin, which would come in an hour
    cycles.cancel()
    engine = watching.partitions[2].engine
    assert (engine.decoded_orders, engine.has_unfinished_orders) == (10, False)


async def test_a_backlog_that_is_read_faster_than_it_is_evaluated_does_not_keep_clocks_from_advancing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "SLICE", 1)
    monkeypatch.setattr(worker, "EVALUATE_S", 0.0)
    watching, broker = made()

    async def read() -> None:
        first = 0
        while True:
            await asyncio.sleep(0)
            if watching.has_room():
                at_ms = START_MS + first * LATE_MS // 100
                apply(watching, *(event("order.placed", at_ms, str(first + n)) for n in range(20)), first=first)
                for topic in ("pickups", "tracking"):
                    apply(watching, tick(at_ms), topic=topic, first=first)
                first += 20

    reading = asyncio.ensure_future(read())
    cycles = asyncio.ensure_future(watching._run_commit_cycles(watching))
    await until(lambda: alert_types(broker))
    reading.cancel()
    cycles.cancel()


async def test_in_event_time_reading_waits_while_a_commit_cycle_evaluates(monkeypatch: pytest.MonkeyPatch) -> None:
    watching, _ = made()
    apply(watching, event("order.placed", START_MS), tick(START_MS + 1))
    evaluate, rooms = watching._evaluate_slices, list[bool]()

    async def noted(targets: dict[Partition, int | None], limit: int) -> None:
        rooms.append(watching.has_room())
        await evaluate(targets, limit)

    monkeypatch.setattr(watching, "_evaluate_slices", noted)
    await watching.commit_cycle()
    assert {*rooms} == {False}
    assert watching.has_room()


async def test_reading_goes_on_while_a_shop_waits_for_its_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    watching, _ = made()
    apply(watching, event("order.placed", START_MS), tick(START_MS + 1))
    loading = PropertyMock(return_value=True)
    monkeypatch.setattr(Engine, "is_loading", loading)
    monkeypatch.setattr(Engine, "load_more", lambda self: None)
    monkeypatch.setattr(worker, "EVALUATE_S", 0.0)
    await watching.commit_cycle()
    assert watching._unfinished and watching.has_room()
    monkeypatch.setattr(worker, "MOST_DECODED_BETWEEN", 0)
    async with watching._one_at_a_time:
        assert not watching.has_room(), "a commit cycle makes room first"
    monkeypatch.setattr(worker, "MOST_DECODED_BETWEEN", 1)
    loading.return_value = False
    assert not watching.has_room()


@pytest.mark.parametrize(("waiting", "gathers"), [(pacing.BUSY_EVENTS, False), (pacing.BUSY_EVENTS + 1, True)])
async def test_a_worker_that_is_far_behind_gathers_events_until_they_are_enough(
    monkeypatch: pytest.MonkeyPatch, waiting: int, gathers: bool
) -> None:
    monkeypatch.setattr(pacing, "COMMIT_INTERVAL_S", 0.0)
    monkeypatch.setattr(pacing, "GATHER_S", 3_600.0)
    watching, broker = made()
    apply(watching, event("order.placed", START_MS))
    broker.log_ends[TP("orders", 2)] += waiting
    await watching.commit_cycle()
    next_cycle = asyncio.ensure_future(watching._pacing.until_due())
    if gathers:
        for _ in range(20):
            await asyncio.sleep(0)
        assert not next_cycle.done()
        watching._pacing.hurry()
    await next_cycle


@pytest.mark.parametrize(("busy", "called"), [(True, [0, 0, 1, 1]), (False, [1, 2, 2, 3])])
async def test_free_memory_is_given_back_after_many_events_and_after_fewer_or_a_start_once_a_backlog_is_over(
    monkeypatch: pytest.MonkeyPatch, busy: bool, called: list[int]
) -> None:
    trimmed, looks = Mock(), 0
    monkeypatch.setattr(worker, "TRIM_EVENTS", 30)
    monkeypatch.setattr(worker, "TRIM_EVENTS_IDLE", 5)
    monkeypatch.setattr(worker.allocator, "trim", trimmed)
    watching, _ = made()

    async def sleep(_: float) -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)

    async def calls_after(events: int, first: int) -> int:
        if events:
            apply(watching, *(event("order.placed", START_MS, str(n)) for n in range(events)), first=first)
        seen = looks
        await until(lambda: looks > seen + 2)
        return trimmed.call_count

    await watching.commit_cycle()  # state is restored
    monkeypatch.setattr(watching, "sleep", sleep)
    watching.busy = busy
    running = asyncio.ensure_future(watching._watch(watching))
    counts = [await calls_after(0, 0), await calls_after(24, 0), await calls_after(1, 24), await calls_after(4, 25)]
    assert counts == called
    running.cancel()


async def test_reading_goes_on_where_no_commit_cycle_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MOST_DECODED", 10)
    monkeypatch.setattr(worker, "MOST_DECODED_BETWEEN", 30)
    watching, _ = made()
    apply(watching, *(event("order.placed", START_MS, str(n)) for n in range(50)), tick(START_MS + 1))
    engine = watching.partitions[2].engine
    monkeypatch.setattr(engine, "encode_quiet", lambda **_: None)  # as of periods that are still to come
    assert not watching.has_room()
    await watching.commit_cycle()
    assert engine.decoded_orders == 50
    assert watching.has_room()


async def test_orders_that_stay_decoded_as_they_are_due_soon_leave_room_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "MOST_DECODED_BETWEEN", 10 * worker.MOST_DECODED_BETWEEN // worker.MOST_DECODED)
    monkeypatch.setattr(worker, "MOST_DECODED", 10)
    watching, _ = made()
    apply(watching, *(event("order.placed", START_MS, str(n)) for n in range(50)))
    for topic in CLOCKED:
        apply(watching, tick(START_MS + LATE_MS - 1), topic=topic, first=50)
    await watching.commit_cycle()
    engine = watching.partitions[2].engine
    assert 10 < engine.decoded_orders < worker.MOST_DECODED_BETWEEN
    apply(watching, event("order.placed", START_MS + LATE_MS - 1, "new"), first=51)
    assert watching.has_room()


@pytest.mark.parametrize("busy", [True, False])
async def test_a_backlog_leaves_no_more_orders_decoded_than_there_may_be(
    monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    monkeypatch.setattr(worker, "MOST_DECODED", 10)
    monkeypatch.setattr(worker, "ENCODE", 7)
    if busy:
        monkeypatch.setattr(pacing, "BACKLOG_EVENTS", 0)
    watching, _ = made()
    apply(watching, *(event("order.placed", START_MS, str(n)) for n in range(50)), tick(START_MS + 1))
    await watching.commit_cycle()
    [shop] = watching.partitions[2].engine.shops.values()
    assert watching.busy is busy
    assert sum(isinstance(order, EncodedOrder) for order in shop.orders.values()) == 40


async def test_a_backlog_looks_at_no_order_whether_it_can_be_encoded_where_enough_have_left_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "MOST_DECODED", 10)
    monkeypatch.setattr(pacing, "BACKLOG_EVENTS", 0)
    watching, _ = made()
    apply(watching, *(event("order.placed", START_MS, str(n)) for n in range(50)), tick(START_MS + 1))
    engine = watching.partitions[2].engine
    monkeypatch.setattr(engine, "evict", lambda limit: setattr(engine.ledger, "decoded", DecodedOrders()))
    looked_at: list[int] = []
    monkeypatch.setattr(engine, "encode_quiet", lambda limit, most: looked_at.append(limit))
    await watching.commit_cycle()
    assert watching.busy and looked_at == []


@pytest.mark.parametrize(("rounds", "encoded"), [(10, [35, 45]), (9, [0, 45])], ids=["few wait", "many wait"])
async def test_orders_behind_those_that_cannot_be_encoded_have_their_turn(
    monkeypatch: pytest.MonkeyPatch, rounds: int, encoded: list[int]
) -> None:
    monkeypatch.setattr(worker, "MOST_DECODED", 10)
    monkeypatch.setattr(worker, "ENCODE", 7)
    monkeypatch.setattr(worker, "GIVE_UP_AFTER", rounds)
    monkeypatch.setattr(quiet_orders, "_is_settled", lambda order: not order.id.startswith("waits"))
    watching, _ = made()
    orders = [f"waits-{n}" for n in range(65)] + [str(n) for n in range(45)]
    apply(watching, *(event("order.placed", START_MS, each) for each in orders), tick(START_MS + 1))
    [shop] = watching.partitions[2].engine.shops.values()
    found = []
    for _ in encoded:
        await watching.commit_cycle()
        found.append(sum(isinstance(order, EncodedOrder) for order in shop.orders.values()))
    assert found == encoded
