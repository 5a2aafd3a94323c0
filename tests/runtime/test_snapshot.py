"""A table partition's snapshot on disk."""

import os
from pathlib import Path
from unittest.mock import patch

import pytest

from streams.runtime import snapshot
from streams.runtime.snapshot import COUNTED, Snapshot, SnapshotDamagedError, SnapshotInUseError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One with "lock" in its name, as the default DATADIR has: RocksDB says so of a folder in use as well."""
    return tmp_path / "shipclock-data" / "shipclock" / "facts-0"


def contents(of: Path) -> tuple[dict[bytes, bytes], int | None]:
    """What another start would find there."""
    opened = Snapshot(of)
    try:
        return dict(opened.items()), opened.offset
    finally:
        opened.close()


def filled(folder: Path, count: int = 20_000) -> None:
    made = Snapshot(folder)
    for n in range(count):
        made.note(b"%06d" % n, os.urandom(64))
    made.advance(count)
    made.close()


def test_a_new_one_is_empty_and_knows_no_offset(folder: Path) -> None:
    assert contents(folder) == ({}, None)


def test_what_was_noted_is_there_after_a_restart_with_its_offset(folder: Path) -> None:
    written = Snapshot(folder)
    written.note(b"a", b"1")
    written.note(b"b", b"2")
    written.note(b"b", None)
    written.note(b"\x00\xff", b"")
    written.advance(3)
    written.close()
    assert contents(folder) == ({b"a": b"1", b"\x00\xff": b""}, 3)


def test_what_is_dropped_later_is_gone_after_a_restart(folder: Path) -> None:
    for value, offset in ((b"1", 0), (None, 1)):
        written = Snapshot(folder)
        written.note(b"a", value)
        written.advance(offset)
        written.close()
    assert contents(folder) == ({}, 1)


def test_what_is_dropped_and_comes_again_at_once_is_there_wherever_it_is_put(folder: Path) -> None:
    """An order that expired and was placed anew, both read from the changelog in one batch, may have ended."""
    written = Snapshot(folder)
    written.note_all([(b"a", None), (COUNTED + b"a", b"ended"), (COUNTED + b"b", b"ended"), (b"b", None)])
    written.advance(3)
    written.close()
    assert contents(folder) == ({COUNTED + b"a": b"ended"}, 3)


def test_a_key_that_changes_again_before_the_write_is_written_once(folder: Path) -> None:
    written = Snapshot(folder)
    with (
        patch.object(snapshot, "WRITE_AFTER_KEYS", 3),
        patch.object(snapshot, "WriteBatch", wraps=snapshot.WriteBatch) as batch,
    ):
        for offset in range(100):
            written.note(b"same", b"%d" % offset)
            written.advance(offset)
        assert not batch.called
        written.note(b"two", b"")
        written.note(b"three", b"")
        written.advance(100)
        assert batch.call_count == 1
    written.close()
    assert contents(folder) == ({b"same": b"99", b"three": b"", b"two": b""}, 100)


def test_a_crash_loses_keys_and_offset_together(folder: Path) -> None:
    child = os.fork()
    if not child:  # a worker that is killed with changes noted and not written
        with patch.object(snapshot, "WRITE_AFTER_KEYS", 2):
            written = Snapshot(folder)
            for n in range(5):
                written.note(b"%d" % n, b"")
                written.advance(n)
            os._exit(0)
    os.waitpid(child, 0)
    assert contents(folder) == ({b"0": b"", b"1": b"", b"2": b"", b"3": b""}, 3)


def test_a_discarded_one_starts_anew(folder: Path) -> None:
    filled(folder, 10)
    opened = Snapshot(folder)
    opened.note(b"more", b"")
    opened.discard()
    assert (dict(opened.items()), opened.offset) == ({}, None)
    opened.close()
    assert contents(folder) == ({}, None)


def test_one_that_another_worker_has_open_is_refused_and_left_alone(folder: Path) -> None:
    filled(folder, 10)
    first = Snapshot(folder)
    with pytest.raises(SnapshotInUseError, match="give each its own DATADIR"):
        Snapshot(folder)
    first.close()
    assert len(contents(folder)[0]) == 10


@pytest.mark.parametrize("name", ["*.sst", "MANIFEST-*", "CURRENT"])
def test_one_that_is_damaged_is_made_anew_from_the_changelog(folder: Path, name: str) -> None:
    filled(folder)
    for file in folder.glob(name):
        file.write_bytes(b"")
    assert contents(folder) == ({}, None)


def test_damage_in_the_middle_is_noticed_and_not_taken_for_the_end(folder: Path) -> None:
    filled(folder)
    (file,) = folder.glob("*.sst")
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(whole[:middle] + b"\xff" * 64 + whole[middle + 64 :])
    opened = Snapshot(folder)
    with pytest.raises(SnapshotDamagedError, match="has been removed; the next start reads the changelog"):
        dict(opened.items())
    opened.close()
    assert contents(folder) == ({}, None)


def test_damage_where_the_offset_lies_has_it_made_anew(folder: Path) -> None:
    filled(folder)
    (file,) = folder.glob("*.sst")
    whole = file.read_bytes()
    file.write_bytes(b"\xff" * 64 + whole[64:])  # it is the first key
    assert contents(folder) == ({}, None)
