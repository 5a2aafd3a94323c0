"""A snapshot on a disk that may not take it."""

import asyncio
import logging
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from streams.runtime import snapshot, store
from streams.runtime.local_copy import LocalCopy
from streams.runtime.snapshot import Snapshot, SnapshotUnusableError
from streams.runtime.snapshot_faults import SnapshotFaults
from streams.runtime.store import Store
from streams.settings import Settings
from tests.runtime import disks
from tests.runtime.test_snapshot import contents

CHANGES = [(b"%03d" % n, os.urandom(1_000)) for n in range(100)]
"""More than a full disk takes."""


@pytest.fixture(autouse=True)
def written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "WRITE_AFTER_KEYS", 1)


async def opened(folder: Path, faults: SnapshotFaults) -> LocalCopy:
    copy = LocalCopy(folder, faults)
    await copy.open()
    return copy


async def test_a_full_disk_ends_nothing_and_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    faults = SnapshotFaults(tmp_path)
    copies = [await opened(tmp_path / f"facts-{n}", faults) for n in range(3)]
    assert faults.problem is None
    with disks.full(), caplog.at_level(logging.WARNING):
        for copy in copies:
            copy.note_all(CHANGES, 100)
            copy.note_all(CHANGES, 200)
    assert all(copy.is_suspended for copy in copies)
    assert faults.problem is not None and "alerting goes on" in faults.problem
    assert len(caplog.records) == 1
    for copy in copies:
        copy.close()
    assert faults.problem is None


async def test_what_was_written_before_the_disk_was_full_is_whole_and_knows_its_offset(tmp_path: Path) -> None:
    copy = await opened(tmp_path / "facts-0", SnapshotFaults(tmp_path))
    copy.note_all([(b"a", b"1")], 7)
    with disks.full():
        copy.note_all([(b"a", b"2"), *CHANGES], 107)
        copy.note_all([(b"a", b"3")], 108)
    copy.close()
    assert contents(tmp_path / "facts-0") == ({b"a": b"1"}, 7)


async def test_a_full_disk_does_not_cost_the_snapshot_that_is_on_it(tmp_path: Path) -> None:
    copy = await opened(tmp_path / "facts-0", SnapshotFaults(tmp_path))
    copy.note_all(CHANGES, 99)
    copy.close()
    with disks.full(room=0), pytest.raises(SnapshotUnusableError):
        Snapshot(tmp_path / "facts-0")
    assert contents(tmp_path / "facts-0") == (dict(CHANGES), 99)


async def test_a_disk_that_is_full_when_the_worker_stops_ends_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = await opened(tmp_path / "facts-0", SnapshotFaults(tmp_path))
    monkeypatch.setattr(snapshot, "WRITE_AFTER_KEYS", 1_000)
    copy.note_all(CHANGES, 99)
    with disks.full():
        copy.close()
    assert contents(tmp_path / "facts-0") == ({}, None)


async def test_a_folder_that_cannot_be_made_is_gone_without(tmp_path: Path) -> None:
    faults = SnapshotFaults(tmp_path)
    copy = await opened(disks.missing(tmp_path) / "facts-0", faults)
    copy.note_all(CHANGES, 99)
    assert (copy.offset, dict(copy.items())) == (None, {})
    assert faults.problem is not None
    copy.discard()
    copy.close()


@pytest.mark.parametrize("change", [(b"s0", b"new"), (b"s0", None), (b"s00", b"new"), (b"s5", b"new"), (b"s5", None)])
async def test_a_walk_misses_no_key_where_the_disk_comes_back_between_two_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[bytes, bytes | None]
) -> None:
    monkeypatch.setattr(snapshot, "PAGE", 2)
    copy = await opened(tmp_path / "facts-0", SnapshotFaults(tmp_path))
    before = {b"s%d" % n: b"old" for n in range(6)}
    copy.note_all(before.items(), 5)
    with disks.full():
        copy.note_all([*CHANGES, change], 106)
    assert copy.is_suspended
    walk, found = copy.items_of(b"s"), list[tuple[bytes, bytes]]()

    async def read(fresh: Snapshot, *_: object) -> None:
        found.append(next(walk))  # of the first page, of a disk without the change
        fresh.note_all([*CHANGES, change])
        fresh.advance(106)
        copy._put_in_use(fresh)

    async def rescue() -> None:
        raise AssertionError("nothing is lost")

    monkeypatch.setattr(copy, "_read", read)
    await copy.catch_up(Settings(broker="kafka://nowhere"), TopicPartition("facts", 0), lambda: 106, rescue)
    assert not copy.is_suspended
    found += walk
    after = {key: value for key, value in (before | dict([change])).items() if value is not None}
    assert dict(found) == after
    copy.close()


@pytest.mark.parametrize("found_by", ["a look", "the next write"])
async def test_a_snapshot_that_was_deleted_is_noticed(tmp_path: Path, found_by: str) -> None:
    faults = SnapshotFaults(tmp_path)
    copy = await opened(tmp_path / "facts-0", faults)
    copy.note_all(CHANGES, 99)
    copy.check()
    assert not copy.is_suspended
    shutil.rmtree(tmp_path / "facts-0")
    if found_by == "a look":
        copy.check()
    else:
        copy.note_all([(b"a", b"")], 100)
    assert copy.is_suspended
    assert faults.problem is not None and "was deleted" in faults.problem


async def test_a_snapshot_that_is_deleted_with_nothing_left_to_write_is_closed_all_the_same(tmp_path: Path) -> None:
    copy = await opened(tmp_path / "v1" / "facts-0", SnapshotFaults(tmp_path))
    copy.note_all([(b"a", b"1")], 1)
    shutil.rmtree(tmp_path / "v1")
    copy.close()


async def test_a_copy_whose_partition_went_and_came_back_meanwhile_does_not_take_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = {number: LocalCopy(tmp_path / f"facts-{number}", SnapshotFaults(tmp_path)) for number in range(2)}
    gone, tried, again = copies[1], list[LocalCopy](), asyncio.Event()

    async def catch_up(number: int, copy: LocalCopy) -> None:
        tried.append(copy)
        copies[1] = LocalCopy(gone.folder, SnapshotFaults(tmp_path))  # a rebalance
        if len(tried) > 2:
            again.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(store, "TRY_AGAIN_S", 0.0)
    app = SimpleNamespace(tables=SimpleNamespace(actives_ready=True))
    site: Any = SimpleNamespace(should_stop=False, sleep=asyncio.sleep, app=app, _copies=copies, _catch_up=catch_up)
    looking = asyncio.ensure_future(Store._maintain_snapshots.fun(site))
    await again.wait()
    looking.cancel()
    assert gone not in tried


async def test_all_snapshots_are_looked_at_before_the_first_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else DATADIR would be said to work again, and again not to, once for each of them."""
    faults = SnapshotFaults(tmp_path)
    copies = {number: await opened(tmp_path / "v1" / f"facts-{number}", faults) for number in range(2)}
    shutil.rmtree(tmp_path / "v1")
    suspended = asyncio.get_running_loop().create_future()

    async def catch_up(number: int, copy: LocalCopy) -> None:
        suspended.set_result([each.is_suspended for each in copies.values()])
        await asyncio.Event().wait()

    monkeypatch.setattr(store, "TRY_AGAIN_S", 0.0)
    app = SimpleNamespace(tables=SimpleNamespace(actives_ready=True))
    site: Any = SimpleNamespace(should_stop=False, sleep=asyncio.sleep, app=app, _copies=copies, _catch_up=catch_up)
    looking = asyncio.ensure_future(Store._maintain_snapshots.fun(site))
    assert await suspended == [True, True]
    looking.cancel()
