"""How many shops and orders a partition may know, and what happens to events of further ones."""

from types import SimpleNamespace

import pytest
from prometheus_client import Metric

from rules.calendar.instants import DAY_MS
from rules.engine.ceilings import Ceilings
from streams.kafka.keys import partition_of
from streams.metrics.partitions import families
from streams.runtime.partition import Partition
from streams.runtime.wall_clock import WallClock
from tests.runtime.one_partition import apply, orders, reasons
from tests.runtime.support import PARTITIONS, START_MS, book, event

SHOPS = [f"s{n}" for n in range(200) if partition_of("joom", f"s{n}", PARTITIONS) == 2]


def partition(**most: int) -> Partition:
    return Partition(2, PARTITIONS, book(), "event", WallClock(), Ceilings(**most))


def placed(order: str, shop: str = "s17") -> bytes:
    return event("order.placed", START_MS, order, shop=shop)


def test_events_of_orders_beyond_the_ceiling_are_set_aside_and_those_of_known_ones_go_on() -> None:
    full = partition(orders=2)
    apply(full, placed("1"), placed("2"), placed("3"), event("order.shipped", START_MS, "1"))
    assert orders(full) == {"1", "2"}
    assert reasons(full) == ["it would begin a new one, and 2 orders are known, as many as may be (MAX_ORDERS)"]
    assert full.engine.shop("joom", "s17").orders["1"].facts.shipped is not None


def test_events_of_shops_beyond_the_ceiling_are_set_aside_too() -> None:
    full = partition(shops=2)
    for shop in SHOPS[:3]:
        apply(full, placed("1", shop), key=f"joom/{shop}".encode())
    assert [name for _, name in full.engine.shops] == SHOPS[:2]
    assert reasons(full) == ["it would begin a new one, and 2 shops are known, as many as may be (MAX_SHOPS)"]
    apply(full, placed("2", SHOPS[0]), key=f"joom/{SHOPS[0]}".encode())
    assert orders(full) == {"1", "2"}


def test_there_is_room_again_once_orders_have_expired() -> None:
    full = partition(orders=1)
    apply(full, placed("1"), event("order.shipped", START_MS, "1"), placed("2"))
    full.engine.advance(START_MS + 300 * DAY_MS)
    assert orders(full) == set()
    apply(full, event("order.placed", START_MS + 300 * DAY_MS, "3"))
    assert orders(full) == {"3"}
    assert full.engine.order_count == 1


def test_a_ceiling_is_told_of_once_before_it_is_reached(caplog: pytest.LogCaptureFixture) -> None:
    filling = partition(orders=10)
    apply(filling, *(placed(str(n)) for n in range(7)))
    assert caplog.messages == []
    apply(filling, placed("7"))
    apply(filling, placed("8"))
    assert caplog.messages == [
        "partition 2 knows 8 orders; of more than 10 the events become dead letters (SHIPCLOCK_MAX_ORDERS)"
    ]


def test_how_near_the_ceilings_are_is_told_to_prometheus() -> None:
    filling = partition(orders=10, shops=4)
    apply(filling, placed("1"), placed("2"))
    there = SimpleNamespace(is_away=False)
    worker = SimpleNamespace(partitions={2: filling}, behind=dict, wall_clock=WallClock(), kafka=there)
    used = next(each for each in families(worker) if each.name == "shipclock_ceiling_used")
    assert samples(used) == {"2 shops": 0.25, "2 orders": 0.2}
    orders = next(each for each in families(worker) if each.name == "shipclock_orders")
    assert samples(orders) == {"2 memory": 2, "2 disk": 0}


def samples(family: Metric) -> dict[str, float]:
    return {" ".join(each.labels.values()): each.value for each in family.samples}
