"""The worker whose DATADIR is full, cannot be made, or is deleted under it: it is only a cache."""

import logging
import shutil
from pathlib import Path
from typing import cast

import pytest
from aiokafka import AIOKafkaProducer

from streams.app import App
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.keys import order_key
from streams.runtime.snapshot import Snapshot
from streams.runtime.store import Store
from tests.runtime import disks
from tests.runtime.embedded_worker import running
from tests.runtime.outcome import Reader
from tests.runtime.support import LATE_MS, PARTITIONS, START_MS, event, sent, ticks, until
from tests.support.kafka import produce

OTHER_ORDERS = 500
"""Enough of them for a snapshot that a full disk doesn't take."""


pytestmark = pytest.mark.usefixtures("written_at_once")


async def make_late(broker: EmbeddedBroker, day: int, name: str) -> None:
    """Some orders, and one of them with the clock past its deadline."""
    at_ms = START_MS + day * LATE_MS
    others = [event("order.placed", at_ms + 1, f"{name}-{n}", note="x" * 500) for n in range(OTHER_ORDERS)]
    await produce(broker.bootstrap, sent("", event("order.placed", at_ms, name), *others))
    await produce(broker.bootstrap, ticks("", at_ms + LATE_MS))


def alerted_orders(read: Reader) -> set[str]:
    return {alert["order"] for alert in read.alerts() if "-" not in alert["order"]}


def held(datadir: Path) -> dict[str, tuple[dict[bytes, bytes], int | None]]:
    """Contents and offset of every snapshot of a worker that has stopped."""
    found = {}
    for folder in sorted((datadir / "shipclock").iterdir()):
        opened = Snapshot(folder)
        found[folder.name] = dict(opened.items()), opened.offset
        opened.close()
    return found


def are_all_there(datadir: Path) -> bool:
    """Whether every snapshot of a running worker lies in its folder."""
    names = [f"{table}-{number}" for table in ("facts", "alerts") for number in range(PARTITIONS)]
    return all((datadir / "shipclock" / name / "CURRENT").exists() for name in names)


async def in_kafka(broker: EmbeddedBroker) -> dict[str, tuple[dict[bytes, bytes], int | None]]:
    """What the snapshots should be: the newest value of each key, and the last offset."""
    found: dict[str, tuple[dict[bytes, bytes], int | None]] = {
        f"{table}-{number}": ({}, None) for table in ("facts", "alerts") for number in range(PARTITIONS)
    }
    for table, topic in (("facts", "shipclock-facts-changelog"), ("alerts", "alerts")):
        async with Reader(broker.bootstrap, "", topic) as read:
            await read.to_end()
            for record in read.records:
                values, _ = found[name := f"{table}-{record.partition}"]
                found[name] = values | {record.key: record.value}, record.offset
    return found


async def test_alerts_go_out_while_the_disk_is_full_and_the_snapshots_are_whole_once_there_is_room(
    broker: EmbeddedBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with Reader(broker.bootstrap, "", "alerts") as read, running(broker.bootstrap, tmp_path / "data") as app:
        await make_late(broker, 0, "before")
        await read.until(lambda: "before" in alerted_orders(read))
        with disks.full():
            await make_late(broker, 2, "during")
            await read.until(lambda: "during" in alerted_orders(read))
            await until(lambda: app.snapshot_faults.problem)
        await until(lambda: app.snapshot_faults.problem is None)
        await make_late(broker, 4, "after")
        await read.until(lambda: "after" in alerted_orders(read))
    assert held(tmp_path / "data") == await in_kafka(broker)
    logged = [each.getMessage() for each in caplog.records if "DATADIR" in each.getMessage()]
    assert ["takes no snapshots" in each for each in logged] == [True, False]


async def test_a_worker_that_stops_while_the_disk_is_full_has_said_so_in_one_line(
    broker: EmbeddedBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with disks.full():
        async with Reader(broker.bootstrap, "", "alerts") as read, running(broker.bootstrap, tmp_path / "data") as app:
            await make_late(broker, 0, "one")
            await read.until(lambda: "one" in alerted_orders(read))
            await until(lambda: app.snapshot_faults.problem)
    logged = [each for each in caplog.records if "DATADIR" in each.getMessage()]
    assert [each.exc_info for each in logged] == [None]
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())


async def test_a_worker_starts_and_alerts_where_its_folder_cannot_be_made(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    folder = disks.missing(tmp_path)
    async with Reader(broker.bootstrap, "", "alerts") as read, running(broker.bootstrap, folder) as app:
        await make_late(broker, 0, "one")
        await read.until(lambda: "one" in alerted_orders(read))
        assert app.snapshot_faults.problem
        folder.parent.unlink()
        await until(lambda: app.snapshot_faults.problem is None)
    assert held(folder) == await in_kafka(broker)


async def test_a_folder_that_is_deleted_under_the_worker_is_made_anew(broker: EmbeddedBroker, tmp_path: Path) -> None:
    async with Reader(broker.bootstrap, "", "alerts") as read, running(broker.bootstrap, tmp_path / "data") as app:
        await make_late(broker, 0, "one")
        await read.until(lambda: "one" in alerted_orders(read))
        shutil.rmtree(tmp_path / "data")
        # Each table notices by itself, so the first problem may be over before the second comes up.
        await until(lambda: app.snapshot_faults.problem is None and are_all_there(tmp_path / "data"))
    assert held(tmp_path / "data") == await in_kafka(broker)


# -- records that another worker wrote between ours ------------------------------------------------------------

HOME = 2
"""The partition of shop `s17`."""

ANOTHERS = order_key("joom", "s17", "another's")


async def write_as_another_worker(broker: EmbeddedBroker) -> None:
    """Writes an order's facts, as one that doesn't know yet that its partition is ours."""
    async with Reader(broker.bootstrap, "", "shipclock-facts-changelog") as read:
        await read.until(lambda: any(record.partition == HOME for record in read.records))
        facts = next(record.value for record in read.records if record.key == order_key("joom", "s17", "before-1"))
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        await producer.send_and_wait("shipclock-facts-changelog", facts, key=ANOTHERS, partition=HOME)


def are_in_use(app: App) -> bool:
    stores = [cast(Store, app.tables[table].data) for table in ("facts", "alerts")]
    return not any(copy.is_suspended for store in stores for copy in store._copies.values())


def as_after_a_kill(datadir: Path, at: Path) -> Path:
    """What a worker that is killed now leaves on the disk."""
    return Path(shutil.copytree(datadir, at))


async def test_what_another_worker_wrote_between_is_not_missed_by_a_start_after_a_kill(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    async with Reader(broker.bootstrap, "", "alerts") as read, running(broker.bootstrap, tmp_path / "data") as app:
        await make_late(broker, 0, "before")
        await read.until(lambda: "before" in alerted_orders(read))
        await write_as_another_worker(broker)
        await make_late(broker, 2, "after")
        await read.until(lambda: "after" in alerted_orders(read))
        killed_at_once = as_after_a_kill(tmp_path / "data", tmp_path / "at once")
        await until(lambda: are_in_use(app) and copy_has(app, ANOTHERS))
        killed_later = as_after_a_kill(tmp_path / "data", tmp_path / "later")
    assert held(tmp_path / "data") == await in_kafka(broker)
    for left in (killed_at_once, killed_later):
        async with running(broker.bootstrap, left) as app:
            assert "another's" in app.worker.partitions[HOME].engine.shops["joom", "s17"].orders
        assert held(left) == await in_kafka(broker)


def copy_has(app: App, key: bytes) -> bool:
    return cast(Store, app.tables["facts"].data)._copies[HOME].get(key) is not None
