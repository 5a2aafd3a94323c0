"""A table partition's local snapshot, so that a restart reads only the changelog's tail.

The changelog stays the truth: a snapshot that is lost or doesn't fit is built anew from it.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryFile
from typing import cast
from weakref import WeakSet

from rocksdict import Rdict, WriteBatch

from streams.kafka.failures import PlainError
from streams.runtime import instruments
from streams.runtime.rocksdb_options import options

WRITE_AFTER_KEYS = 20_000
"""Changes gathered before they are written; a key that changes several times is written once."""

GATHERED_BYTES = 16 * 1024 * 1024
"""The most bytes of keys and values that all open snapshots gather together, each an equal part."""

PAGE = 2_000
"""Keys that are read at once where many are gone through: some 5 ms."""

_OFFSET_KEY = b"\x00offset"

_open: "WeakSet[Snapshot]" = WeakSet()
"""The snapshots of this process that are in use."""

COUNTED = b"\x01"
"""How a key begins whose value was moved away from that key, because a shop's checkpoint counts it
(`streams.runtime.orders_on_disk`). Where a key is deleted, that one is, too."""

CHECKPOINT, CAME_BACK, OTHERS = b"\x02", b"\x03", b"\x04"
"""How keys begin that no record of the changelog has: of shops' checkpoints, and of the orders that have come back to
memory since theirs; and from where on there are others."""

_value_of = itemgetter(1)


class SnapshotInUseError(OSError):
    """Another worker holds this data directory."""


class SnapshotDamagedError(OSError):
    """What is on the disk can't be read to its end."""


class OrdersLostError(PlainError):
    """Facts that are on the disk alone can't be read."""


class SnapshotUnusableError(OSError):
    """The disk takes no snapshot: it is full, read-only or gone. What was written before may still be good."""


_LOCKED = os.strerror(errno.EAGAIN), os.strerror(errno.ENOLCK)
"""How RocksDB's errors end where another process, or this one, has the folder open."""

_PROBE = bytes(64 * 1024)
"""Written to find out whether a folder takes anything at all."""


class Snapshot:
    """Keys and values up to and with a changelog `offset`, both written in one atomic batch.

    After SnapshotUnusableError it can only be read and abandoned: RocksDB takes no writes after a failed one until it
    is opened again. What it holds on the disk is as of the last batch that was written whole.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            self._db = Rdict(str(folder), options())
        except Exception as error:
            if any(each in str(error) for each in _LOCKED):
                raise SnapshotInUseError(f"{folder} is in use by another worker; give each its own DATADIR") from None
            if not can_be_written(folder.parent):
                raise SnapshotUnusableError(str(error)) from None
            self._db = _made_anew(folder)  # damaged: the changelog has it all
        try:
            if _damaged(folder).exists():
                raise SnapshotDamagedError
            kept = self._db.get(_OFFSET_KEY)
        except Exception:  # damaged, too
            self._db.close()
            self._db, kept = _made_anew(folder), None
        self.offset: int | None = None if kept is None else int(kept)
        self._written_to = self.offset
        self._pending: dict[bytes, bytes | None] = {}
        self._gathered_bytes = 0
        _open.add(self)

    def items(self, start: bytes = b"", end: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """All keys and values on the disk, from `start` on and before `end`. Raises SnapshotDamagedError, at the end,
        when some can't be read, and removes it."""
        found = self._db.iter()
        found.seek(start)
        while found.valid():
            key = cast(bytes, found.key())
            if end is not None and key >= end:
                break
            if key != _OFFSET_KEY:
                yield key, found.value()
            found.next()
        try:
            found.status()  # a block that can't be read ends the walk like the last one does
        except Exception as error:
            del found
            self.discard()
            raise SnapshotDamagedError(
                f"{self.folder} was damaged and has been removed; the next start reads the changelog instead ({error})"
            ) from None

    def get(self, key: bytes) -> bytes | None:
        """The newest value of a key, written yet or not. Raises OrdersLostError."""
        if key in self._pending:
            return self._pending[key]
        try:
            return cast(bytes | None, self._db.get(key))
        except Exception as error:
            raise self._lost(error) from None

    def page_of(
        self, prefix: bytes, start: bytes, most: int | None = None
    ) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
        """The newest values of the next keys from `start` on that begin so, at most `most` (`PAGE`) and those about to
        be written, and where the page after it starts; None where there is none. Raises OrdersLostError."""
        most = most or PAGE
        page: dict[bytes, bytes | None] = {}
        following: bytes | None = None
        for key, on_disk in self._on_disk(prefix, start):
            if len(page) == most:
                following = key
                break
            page[key] = on_disk
        for key, value in self._pending.items():
            if key.startswith(prefix) and start <= key and (following is None or key < following):
                page[key] = value
        return [(key, value) for key in sorted(page) if (value := page[key]) is not None], following

    def all_of(self, prefixes: tuple[bytes, ...]) -> dict[bytes, bytes]:
        """The newest values of all keys that begin in one of these ways. Raises OrdersLostError."""
        pending = {key: value for key, value in self._pending.items() if key.startswith(prefixes)}
        on_disk = {key: value for prefix in prefixes for key, value in self._on_disk(prefix, prefix)}
        return {key: value for key, value in (on_disk | pending).items() if value is not None}

    def _on_disk(self, prefix: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that begin so, from `start` on, with their values. Raises OrdersLostError."""
        found = self._db.iter()
        found.seek(start)
        try:
            while found.valid() and (key := cast(bytes, found.key())).startswith(prefix):
                yield key, found.value()
                found.next()
            found.status()
        except Exception as error:
            raise self._lost(error) from None

    def _lost(self, error: Exception) -> OrdersLostError:
        with suppress(OSError):
            _damaged(self.folder).touch()
        return OrdersLostError(
            f"{self.folder} can't be read, and finished orders are there alone; the next start reads the changelog "
            f"instead ({error})"
        )

    @property
    def written_to(self) -> int | None:
        """The offset of what is on the disk."""
        return self._written_to

    def note(self, key: bytes, value: bytes | None) -> None:
        """A change that is in the changelog; `advance` says up to where."""
        self.note_all([(key, value)])

    def note_all(self, changes: Sequence[tuple[bytes, bytes | None]]) -> None:
        if None in map(_value_of, changes):  # in their order: what was dropped may come again in the same batch
            each = [[(key, None), (COUNTED + key, None)] if value is None else [(key, value)] for key, value in changes]
            changes = [*chain.from_iterable(each)]
        self._gather(changes)

    def change(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Changes of its own, which follow from the changelog: they are written in one batch, with what was noted
        before."""
        self._gather(list(changes.items()))

    def _gather(self, changes: Sequence[tuple[bytes, bytes | None]]) -> None:
        self._pending.update(changes)
        self._gathered_bytes += sum([len(key) + len(value or b"") for key, value in changes])

    def advance(self, offset: int) -> None:
        self.offset = offset
        self.write_if_many()

    def write_if_many(self) -> None:
        if len(self._pending) >= WRITE_AFTER_KEYS or self._gathered_bytes >= GATHERED_BYTES // len(_open):
            self.write()

    def write(self) -> None:
        if self.offset is None or (self.offset == self._written_to and not self._pending):
            return
        batch = WriteBatch(raw_mode=True)
        for key, value in self._pending.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_OFFSET_KEY, str(self.offset).encode())
        try:
            with instruments.SNAPSHOT_WRITING.time():
                self._db.write(batch)
        except Exception as error:
            raise SnapshotUnusableError(str(error)) from None
        if not self.is_there():
            raise SnapshotUnusableError(f"{self.folder} was deleted")
        self._written_to = self.offset
        instruments.SNAPSHOT_KEYS.inc(len(self._pending))
        self._pending.clear()
        self._gathered_bytes = 0

    def is_there(self) -> bool:
        """False once somebody has deleted it: RocksDB goes on writing into deleted files."""
        return (self.folder / "CURRENT").exists()

    def close(self) -> None:
        self.write()
        _open.discard(self)
        try:
            self._db.close()  # writes what it has gathered
        except Exception as error:
            raise SnapshotUnusableError(str(error)) from None

    def abandon(self) -> dict[bytes, bytes | None]:
        """Closes it without writing what is pending, and returns that."""
        pending, self._pending = self._pending, {}
        self._gathered_bytes = 0
        _open.discard(self)
        with suppress(Exception):  # what a failed write left behind
            self._db.close()
        return pending

    def discard(self) -> None:
        """Forgets everything: the changelog is not the one this was made from."""
        self.abandon()
        self._db = _made_anew(self.folder)
        _open.add(self)
        self.offset = self._written_to = None


def _made_anew(folder: Path) -> Rdict:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        made = Rdict(str(folder), options())
        _damaged(folder).unlink(missing_ok=True)
    except Exception as error:
        raise SnapshotUnusableError(str(error)) from None
    return made


def _damaged(folder: Path) -> Path:
    """A file beside a folder that is to be made anew: what can't be read there is not read at a start."""
    return folder.with_name(f"{folder.name}.damaged")


def can_be_written(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            file.write(_PROBE)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True
