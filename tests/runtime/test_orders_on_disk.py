"""Orders that have left memory and lie on the disk alone, while it is full, deleted, damaged, or works again."""

import asyncio
import logging
import shutil
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from rules.state import order_ledger
from streams.app import App, create
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.keys import entry_key, order_key, partition_of
from streams.runtime import snapshot, store
from streams.runtime.local_copy import LocalCopy
from streams.runtime.orders_on_disk import OrdersOnDisk
from streams.runtime.partition import MovedError
from streams.runtime.snapshot import OrdersLostError
from streams.runtime.snapshot_faults import SnapshotFaults
from streams.runtime.store import Store
from streams.settings import Settings
from tests.runtime import disks
from tests.runtime.embedded_worker import running, settings
from tests.runtime.outcome import Reader
from tests.runtime.support import LATE_MS, PARTITIONS, START_MS, book, event, sent, ticks, until
from tests.runtime.test_local_copy import CHANGES
from tests.support.kafka import produce

HOUR_MS = 3_600_000


class SomeShop:
    platform, name = "joom", "s17"


ORDERS = [(order_key("joom", "s17", f"{n}"), b"%d" % n) for n in range(5)]
OTHERS = [
    (order_key("joom", "s170", "1"), b"of another shop"),
    (order_key("joo", "m", "1"), b"of another platform"),
    (entry_key(SomeShop(), "stock.level", ("A",)), b"the shop's own"),
    (b'"clock"', b"the clock"),
]


async def opened(folder: Path) -> LocalCopy:
    copy = LocalCopy(folder, SnapshotFaults(folder.parent))
    await copy.open()
    return copy


@pytest.mark.parametrize("write_after", [1, 4, 1_000])
@pytest.mark.parametrize("page", [1, 2, 1_000])
async def test_orders_are_found_whether_written_or_about_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_after: int, page: int
) -> None:
    monkeypatch.setattr(snapshot, "WRITE_AFTER_KEYS", write_after)
    monkeypatch.setattr(snapshot, "PAGE", page)
    copy = await opened(tmp_path / "facts-0")
    for n, change in enumerate([*OTHERS, *ORDERS]):
        copy.note_all([change], n)
    copy.note_all([(ORDERS[1][0], b"changed"), (ORDERS[2][0], None)], 20)
    orders = OrdersOnDisk(copy)
    assert orders.takes_more
    assert [orders.get("joom", "s17", f"{n}") for n in range(6)] == [b"0", b"changed", None, b"3", b"4", None]
    assert dict(orders.of_shop("joom", "s17")) == {"0": b"0", "1": b"changed", "3": b"3", "4": b"4"}
    assert dict(orders.of_shop("joom", "s170")) == {"1": b"of another shop"}
    copy.close()


async def test_orders_that_are_gone_through_one_by_one_are_all_there_whatever_changes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "PAGE", 1)
    monkeypatch.setattr(snapshot, "WRITE_AFTER_KEYS", 3)
    copy = await opened(tmp_path / "facts-0")
    copy.note_all(ORDERS, 5)
    walk = OrdersOnDisk(copy).of_shop("joom", "s17")
    found = dict([next(walk), next(walk)])
    copy.note_all([(ORDERS[3][0], b"changed")], 6)  # about to be written
    found |= [next(walk)]
    copy.note_all([(ORDERS[0][0], b"changed"), (ORDERS[4][0], None), OTHERS[0]], 9)  # written
    found |= walk
    assert found == {"0": b"0", "1": b"1", "2": b"2", "3": b"changed"}
    copy.close()


async def test_what_is_about_to_be_written_is_written_before_a_walk_and_not_looked_through_for_each_shop(
    tmp_path: Path,
) -> None:
    copy = await opened(tmp_path / "facts-0")
    copy.note_all(ORDERS, 5)
    assert copy._snapshot is not None and copy._snapshot.written_to is None
    next(OrdersOnDisk(copy).of_shop("joom", "s17"))
    assert copy._snapshot.written_to == 5
    copy.close()


async def test_a_walk_goes_on_where_the_disk_fails_and_holds_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "PAGE", 1)
    monkeypatch.setattr(snapshot, "WRITE_AFTER_KEYS", 3)
    copy = await opened(tmp_path / "facts-0")
    copy.note_all(ORDERS, 5)
    walk, other = (OrdersOnDisk(copy).of_shop("joom", "s17") for _ in range(2))
    found = dict([next(walk)])
    next(other)
    with disks.full():
        copy.note_all(CHANGES, 200)
    assert copy.is_suspended
    assert found | dict(walk) == {f"{n}": b"%d" % n for n in range(5)}
    copy.close()
    snapshot.Snapshot(tmp_path / "facts-0").close()
    with pytest.raises(OrdersLostError):
        list(other)


async def test_orders_can_be_read_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "WRITE_AFTER_KEYS", 3)
    copy = await opened(tmp_path / "facts-0")
    copy.note_all(ORDERS[:3], 3)
    copy.note_all(ORDERS[3:], 5)
    with disks.full():
        copy.note_all(CHANGES, 200)
        orders = OrdersOnDisk(copy)
        assert copy.is_suspended and not orders.takes_more
        assert [orders.get("joom", "s17", f"{n}") for n in range(6)] == [b"0", b"1", b"2", b"3", b"4", None]
        assert dict(orders.of_shop("joom", "s17")) == {f"{n}": b"%d" % n for n in range(5)}
    copy.close()


async def test_orders_can_be_read_after_the_folder_was_deleted(tmp_path: Path) -> None:
    copy = await opened(tmp_path / "facts-0")
    copy.note_all(ORDERS, 5)
    shutil.rmtree(tmp_path / "facts-0")
    copy.check()
    assert copy.is_suspended
    assert dict(OrdersOnDisk(copy).of_shop("joom", "s17")) == {f"{n}": b"%d" % n for n in range(5)}
    copy.close()


async def test_orders_that_cannot_be_read_end_the_worker_with_the_reason(tmp_path: Path) -> None:
    copy = await opened(disks.missing(tmp_path) / "facts-0")
    with pytest.raises(OrdersLostError, match="the next start reads the changelog"):
        OrdersOnDisk(copy).get("joom", "s17", "1")


async def test_orders_that_turn_out_to_be_damaged_are_not_taken_for_unknown_while_they_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "WRITE_AFTER_KEYS", 1)
    copy = await opened(tmp_path / "facts-0")
    copy.note_all(ORDERS, 5)
    with disks.full():
        copy.note_all(CHANGES, 200)
    assert copy.is_suspended
    (tmp_path / "facts-0" / "CURRENT").write_text("nonsense")
    again: list[str] = []

    async def read(*_: object) -> None:
        again.append("read")
        with pytest.raises(OrdersLostError):
            copy.get(ORDERS[0][0])

    async def rescue() -> None:
        again.append("rescued")

    monkeypatch.setattr(copy, "_read", read)
    await copy.catch_up(Settings(broker="kafka://nowhere"), TopicPartition("facts", 0), lambda: 200, rescue)
    assert again == ["read"]
    copy.close()


# -- a worker -------------------------------------------------------------------------------------------------


@pytest.fixture
def looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_ledger, "RECHECK_MS", HOUR_MS)


def left(app: App) -> int:
    return sum(len(partition.engine.ledger) for partition in app.worker.partitions.values())


async def finish(broker: EmbeddedBroker, number: int, shop: str = "s17") -> None:
    """Some orders, cancelled in time, and the clock long past that."""
    for n in range(number):
        placed, gone = (event(f"order.{kind}", START_MS + n, f"{n}", shop) for kind in ("placed", "cancelled"))
        await produce(broker.bootstrap, sent("", placed, gone))
    await produce(broker.bootstrap, ticks("", START_MS + 2 * LATE_MS))


def states(read: Reader) -> list[tuple[str, str, int]]:
    return [(alert["order"], alert["data"]["state"], alert["data"]["revision"]) for alert in read.alerts()]


@pytest.mark.usefixtures("written_at_once")
async def test_orders_that_come_back_before_their_disk_is_given_up_hold_nothing_else_up(
    broker: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOADED_AT_ONCE", 2)
    async with running(broker.bootstrap, tmp_path / "data") as app:
        await finish(broker, 7)
        await until(lambda: left(app) == 7)
        facts = cast(Store, app.tables["facts"].data)
        number = next(number for number, each in app.worker.partitions.items() if len(each.engine.ledger))
        coming_back, seen = asyncio.create_task(facts._load_orders(number)), [7]
        while not coming_back.done():
            await asyncio.sleep(0)
            seen.append(left(app))
    assert {before - after for before, after in pairwise(seen)} <= {0, 1, 2}


@pytest.mark.usefixtures("written_at_once", "looks_again_soon")
@pytest.mark.parametrize("fault", ["none", "full", "deleted", "restart", "damaged"])
async def test_late_news_of_an_order_on_the_disk_alone_is_judged_by_all_that_is_known_of_it(
    broker: EmbeddedBroker, tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    datadir = tmp_path / "data"
    reopened = event("order.reopened", START_MS + 2 * LATE_MS + 1, "1")
    async with Reader(broker.bootstrap, "", "alerts") as read:
        async with running(broker.bootstrap, datadir) as app:
            await finish(broker, 3)
            await until(lambda: left(app) == 3)
            if fault == "full":
                with disks.full():
                    others = [event("order.placed", START_MS, f"x{n}", note="x" * 500) for n in range(100)]
                    await produce(broker.bootstrap, sent("", *others))
                    await until(lambda: app.snapshot_faults.problem)
                    await produce(broker.bootstrap, sent("", reopened))
                    await read.until(lambda: ("1", "open", 1) in states(read))
                await until(lambda: app.snapshot_faults.problem is None)
            elif fault == "deleted":
                shutil.rmtree(datadir / "shipclock")
                await until(lambda: app.snapshot_faults.problem)
                await until(lambda: app.snapshot_faults.problem is None)
            if fault not in ("restart", "damaged"):
                await produce(broker.bootstrap, sent("", reopened))
                await read.until(lambda: ("1", "open", 1) in states(read))
        if fault == "damaged":
            for folder in (datadir / "shipclock").iterdir():
                (folder / "CURRENT").write_text("nonsense")
        async with running(broker.bootstrap, datadir) as app:
            await produce(broker.bootstrap, ticks("", START_MS + 2 * LATE_MS + HOUR_MS))
            await until(lambda: left(app) == (3 if fault in ("restart", "damaged") else 2))
            await produce(broker.bootstrap, sent("", reopened))
            await read.until(lambda: ("1", "open", 1) in states(read))
            shipped = event("order.shipped", START_MS + 2 * LATE_MS + 2, "1")
            await produce(broker.bootstrap, [*sent("", shipped), *ticks("", START_MS + 3 * LATE_MS)])
            await read.until(lambda: ("1", "resolved", 2) in states(read))
            await asyncio.sleep(0)
    assert [each for each in states(read) if each[0] in ("0", "1", "2")] == [("1", "open", 1), ("1", "resolved", 2)]


@pytest.mark.usefixtures("written_at_once", "looks_again_soon")
async def test_orders_on_a_disk_that_is_newer_than_the_changelog_are_not_taken_for_known(
    broker: EmbeddedBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(broker.bootstrap, tmp_path / "data") as app:
        await finish(broker, 3)
        await until(lambda: left(app) == 3)
    with EmbeddedBroker() as other:  # all topics are gone
        async with Reader(other.bootstrap, "", "alerts") as read, running(other.bootstrap, tmp_path / "data") as app:
            reopened, placed = event("order.reopened", START_MS, "1"), event("order.placed", START_MS, "2")
            await produce(other.bootstrap, [*sent("", reopened, placed), *ticks("", START_MS + LATE_MS)])
            await read.until(lambda: ("2", "open", 1) in states(read))
            assert states(read) == [("2", "open", 1)], "of the other nobody knows when it was placed"
    assert "is ahead of its changelog" in caplog.text


@pytest.mark.usefixtures("written_at_once", "looks_again_soon")
async def test_orders_on_a_disk_from_before_partitions_were_added_are_refused_once(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    """After that the changelog is read, and refused as well unless it has been made anew."""
    shop = next(f"s{n}" for n in range(100) if partition_of("joom", f"s{n}", 2 * PARTITIONS) == PARTITIONS)
    async with running(broker.bootstrap, tmp_path / "data") as app:
        await finish(broker, 3, shop)
        await until(lambda: left(app) == 3)

    def facts() -> Store:
        more = create(settings(broker.bootstrap, tmp_path / "data"), book(), 2 * PARTITIONS)
        return cast(Store, more.tables["facts"].data)

    first, second = facts(), facts()
    with pytest.raises(MovedError, match=f"joom/{shop} lies in partition 0, and its events now come to 4 of 8"):
        await first._open(0, end=1_000)
    await first.on_stop()
    await second._open(0, end=1_000)
    assert second.persisted_offset(TP("", 0)) is None
    await second.on_stop()
