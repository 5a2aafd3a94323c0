"""Shops' checkpoints in a partition's local copy: what a restart reads, and what is there after a kill."""

import zoneinfo
from importlib.metadata import version
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from streams import pack_files
from streams.app import App
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.keys import keys_of_shop, order_key
from streams.metrics.partitions import families
from streams.runtime import snapshot
from streams.runtime.local_copy import LocalCopy
from streams.runtime.orders_on_disk import OrdersOnDisk
from streams.runtime.partition import Partition
from streams.runtime.snapshot import CAME_BACK, CHECKPOINT, COUNTED, OTHERS, OrdersLostError, Snapshot
from streams.settings import Settings
from tests.runtime import disks
from tests.runtime.embedded_worker import running
from tests.runtime.outcome import Reader
from tests.runtime.support import LATE_MS, START_MS, event, sent, ticks, until
from tests.runtime.test_orders_on_disk import CHANGES, finish, left, opened, states
from tests.support.kafka import produce

SHOP = ("joom", "s17")
ORDERS = [(order_key(*SHOP, f"{n}"), b"%d" % n) for n in range(5)]
KEYS = keys_of_shop(*SHOP)


async def with_orders(folder: Path) -> tuple[LocalCopy, OrdersOnDisk]:
    copy = await opened(folder)
    copy.note_all(ORDERS, 5)
    return copy, OrdersOnDisk(copy)


def on_disk(copy: LocalCopy, start: bytes, end: bytes) -> dict[bytes, bytes]:
    return {key[len(start) :]: value for key, value in copy.items(start, end)}


def is_known(orders: OrdersOnDisk) -> dict[str, bytes]:
    found = dict(orders.of_shop(*SHOP))
    assert found == {order: orders.get(*SHOP, order) for order in found}
    return found


@pytest.mark.parametrize("written", [True, False])
async def test_orders_are_found_wherever_checkpoints_have_moved_them(tmp_path: Path, written: bool) -> None:
    copy, orders = await with_orders(tmp_path / "facts-0")
    all_of_them = is_known(orders)
    for in_memory in ({"1"}, {"1", "2"}, set(), {"0", "1", "2", "3", "4"}):
        for order in in_memory:
            orders.came_back(*SHOP, order)
        orders.checkpoint(*SHOP, b"counted", in_memory)
        if written:
            copy.note_all([], 6)
            copy._snapshot.write()  # type: ignore[union-attr]
            assert len(list(copy.items(COUNTED, CHECKPOINT))) == 5 - len(in_memory)
            assert len(list(copy.items(OTHERS))) == len(in_memory)
        assert is_known(orders) == all_of_them
        assert set(orders.counted_of(*SHOP, b"", 10)[0]) == all_of_them.keys() - in_memory
    copy.close()


async def test_the_first_checkpoint_gives_orders_in_memory_their_own_keys_and_the_others_their_newest_facts(
    tmp_path: Path,
) -> None:
    """They had ended when they were read from the changelog, and were put at once where that checkpoint counts them."""
    copy = await opened(tmp_path / "facts-0")
    copy.note_all([(COUNTED + key, b"ended") for key, _ in ORDERS], 5)
    copy.note_all([(ORDERS[1][0], b"newer"), (ORDERS[2][0], b"newer")], 7)
    orders = OrdersOnDisk(copy)
    newest = {"0": b"ended", "1": b"newer", "2": b"newer", "3": b"ended", "4": b"ended"}
    assert is_known(orders) == newest
    orders.checkpoint(*SHOP, b"counted", {"2", "3"})
    assert is_known(orders) == newest
    copy.note_all([], 8)
    copy._snapshot.write()  # type: ignore[union-attr]
    assert set(orders.counted_of(*SHOP, b"", 10)[0]) == {"0", "1", "4"}
    assert {key for key, _ in copy.items(OTHERS)} == {ORDERS[2][0], ORDERS[3][0]}
    copy.close()


async def test_a_kill_leaves_all_of_a_checkpoint_or_nothing(tmp_path: Path) -> None:
    copy, orders = await with_orders(tmp_path / "facts-0")
    orders.checkpoint(*SHOP, b"first", {"1"})
    copy._snapshot.write()  # type: ignore[union-attr]
    orders.came_back(*SHOP, "2")
    copy.note_all([(ORDERS[2][0], b"changed"), (ORDERS[1][0], None)], 7)
    orders.checkpoint(*SHOP, b"second", {"2"})
    killed = copy._snapshot
    assert killed is not None
    killed.abandon()
    copy = await opened(tmp_path / "facts-0")
    assert on_disk(copy, CHECKPOINT, CAME_BACK) == {KEYS: b"first"}
    assert on_disk(copy, COUNTED, CHECKPOINT) == dict([ORDERS[0], *ORDERS[3:]])
    assert on_disk(copy, CAME_BACK, OTHERS) == {ORDERS[2][0]: b"2"}
    assert dict(copy.items(OTHERS)) == {ORDERS[2][0]: b"changed"}
    copy.close()


async def test_an_order_that_came_back_is_noted_with_what_the_checkpoint_counts_until_the_next(tmp_path: Path) -> None:
    copy, orders = await with_orders(tmp_path / "facts-0")
    orders.checkpoint(*SHOP, b"first", set())
    assert orders.came_back(*SHOP, "2") is not None
    copy.note_all([(ORDERS[2][0], b"changed")], 6)
    assert orders.came_back(*SHOP, "2") is None, "it left memory again, and no checkpoint counts it as it is"
    copy._snapshot.write()  # type: ignore[union-attr]
    assert on_disk(copy, CAME_BACK, OTHERS) == {ORDERS[2][0]: b"2"}
    orders.checkpoint(*SHOP, b"second", set())
    copy.note_all([], 7)
    copy._snapshot.write()  # type: ignore[union-attr]
    assert on_disk(copy, CAME_BACK, OTHERS) == {}
    assert orders.get(*SHOP, "2") == b"changed"
    copy.close()


async def test_an_order_that_is_dropped_is_gone_from_wherever_it_is(tmp_path: Path) -> None:
    copy, orders = await with_orders(tmp_path / "facts-0")
    orders.checkpoint(*SHOP, b"first", {"4"})
    copy.note_all([(ORDERS[3][0], None), (ORDERS[4][0], None)], 7)
    assert is_known(orders).keys() == {"0", "1", "2"}
    copy.close()


async def test_no_checkpoint_holds_any_more_once_the_disk_works_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came back to memory meanwhile isn't noted."""
    monkeypatch.setattr(snapshot, "WRITE_AFTER_KEYS", 3)
    copy, orders = await with_orders(tmp_path / "facts-0")
    orders.checkpoint(*SHOP, b"first", set())
    copy.note_all([], 6)
    with disks.full():
        copy.note_all(CHANGES, 200)
    assert copy.is_suspended
    found: list[tuple[bytes | None, ...]] = []

    async def read(fresh: Snapshot, *_: object) -> None:
        found.append((fresh.get(CHECKPOINT + KEYS), fresh.get(COUNTED + ORDERS[1][0])))

    monkeypatch.setattr(copy, "_read", read)
    await copy.catch_up(Settings(broker="kafka://nowhere"), TopicPartition("facts", 0), lambda: 200, rescue)
    assert found == [(None, b"1")]
    copy.close()


async def rescue() -> None:
    """Nothing is to be rescued."""


async def test_what_cannot_be_read_when_it_is_asked_for_is_read_from_the_changelog_at_the_next_start(
    tmp_path: Path,
) -> None:
    copy, orders = await with_orders(tmp_path / "facts-0")
    orders.checkpoint(*SHOP, b"first", set())
    copy.close()
    for file in (tmp_path / "facts-0").glob("*.sst"):
        whole = file.read_bytes()
        file.write_bytes(b"\xff" * len(whole[:-200]) + whole[-200:])
    copy = await opened(tmp_path / "facts-0")
    if copy.offset is not None:
        with pytest.raises(OrdersLostError):
            OrdersOnDisk(copy).get(*SHOP, "1")
        copy.close()
        copy = await opened(tmp_path / "facts-0")
    assert copy.offset is None
    copy.close()


@pytest.mark.usefixtures("written_at_once")
@pytest.mark.parametrize("finished", [3, 30])
async def test_a_restart_restores_what_is_open_and_knows_the_finished_ones_all_the_same(
    broker: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: int
) -> None:
    async with Reader(broker.bootstrap, "", "alerts") as read:
        async with running(broker.bootstrap, tmp_path / "data") as app:
            await finish(broker, finished)
            await until(lambda: left(app) == finished)
            assert not_checkpointed(app) == finished
        restored: list[bytes] = []
        restore = Partition.restore_fact

        def noted(partition: Partition, key: bytes, value: bytes | None) -> None:
            restored.append(key)
            restore(partition, key, value)

        monkeypatch.setattr(Partition, "restore_fact", noted)
        async with running(broker.bootstrap, tmp_path / "data") as app:
            assert [key for key in restored if key.startswith(KEYS)] == []
            assert not_checkpointed(app) == 0
            assert left(app) == finished == sum(each.engine.order_count for each in app.worker.partitions.values())
            reopened = event("order.reopened", START_MS + 2 * LATE_MS + 1, "1")
            await produce(broker.bootstrap, [*sent("", reopened), *ticks("", START_MS + 3 * LATE_MS)])
            await read.until(lambda: ("1", "open", 1) in states(read))
            assert left(app) == finished - 1


def not_checkpointed(app: App) -> float:
    found = next(each for each in families(app.worker) if each.name == "shipclock_orders_not_checkpointed")
    return sum(sample.value for sample in found.samples)


def counted_by() -> str:
    return pack_files.load(["joom"], with_digest=True).plan("joom").derived_by


@pytest.mark.parametrize("library", ["chinesecalendar", "holidays", "tzdata"])
def test_no_checkpoint_holds_that_was_counted_by_other_holidays_or_time_zones(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counted_by()
    monkeypatch.setattr(pack_files, "version", lambda name: "newer" if name == library else version(name))
    assert counted_by() != before


def test_no_checkpoint_holds_that_was_counted_by_other_time_zones_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path),))
    before = counted_by()
    assert counted_by() == before
    (tmp_path / "tzdata.zi").write_text("# version 2026z")
    assert counted_by() != before
