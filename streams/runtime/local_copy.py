"""A partition's changelog as a snapshot on disk, as long as the disk takes it.

While the disk doesn't, the copy is suspended: nothing is gathered. Once the disk does again, `catch_up` reads the
missing records from the changelog, from the last batch that was written whole. The same where another worker has
written between our records. So a snapshot's contents are always those of its offset.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic

from aiokafka import TopicPartition

from streams.kafka import access
from streams.kafka.consumer import Consumer
from streams.runtime.snapshot import (
    CHECKPOINT,
    OTHERS,
    OrdersLostError,
    Snapshot,
    SnapshotInUseError,
    SnapshotUnusableError,
    can_be_written,
)
from streams.runtime.snapshot_faults import SnapshotFaults
from streams.settings import Settings, bootstrap_servers

RELEASE_S = 5.0
"""How long another worker may still hold a partition's snapshot after a rebalance."""

READ_AT_ONCE = 5_000
"""Records of the changelog taken before the event loop's other tasks run…"""

CATCH_UP_SHARE = 0.1
"""…and the share of the worker's time that catching up may take."""

TOMBSTONES_KEPT_S = 12 * 3_600.0
"""Kafka keeps a changelog's tombstones for a day. A copy that was suspended for longer than this is made anew, as
it may miss keys that were dropped."""

NOTHING = -1
"""Before every offset."""


class LocalCopy:
    """One partition's snapshot; none while it is suspended, but what was there can still be read."""

    def __init__(self, folder: Path, faults: SnapshotFaults) -> None:
        self.folder = folder
        self._faults = faults
        self._snapshot: Snapshot | None = None
        #: What is read while it is suspended: the snapshot from before, or the one that catches up, with what the
        #: former hadn't written.
        self._read_only: Snapshot | None = None
        self._unwritten: dict[bytes, bytes | None] = {}
        #: The offset on the disk when that was closed; what is opened next is read only if it has come as far: one that
        #: was damaged begins anew, and would have no orders.
        self._left_at = NOTHING
        self._suspended_at_s = monotonic()

    async def open(self) -> None:
        """Waits until its folder is free: where workers share a DATADIR, the partition's last worker closes it in the
        same rebalance. Raises SnapshotInUseError if it doesn't."""
        try:
            self._snapshot = await _open_free(self.folder)
        except SnapshotUnusableError as error:
            self._fail(error)

    @property
    def offset(self) -> int | None:
        """The changelog offset of its contents; None if it has none."""
        return None if self._snapshot is None else self._snapshot.offset

    def items(self, start: bytes = b"", end: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """What is on the disk, of keys from `start` on and before `end`. Raises SnapshotDamagedError at the end."""
        if self._snapshot is not None:
            yield from self._snapshot.items(start, end)

    def get(self, key: bytes) -> bytes | None:
        """The newest value of a key that hasn't changed since the disk took it. Raises OrdersLostError."""
        return self._unwritten[key] if key in self._unwritten else self._readable().get(key)

    def items_of(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The same of all keys that begin so, while they are gone through. Nothing is held open meanwhile: the disk may
        fail and come back, and then a key may come twice."""
        self.write()  # or each page would look through all that is about to be written
        later: set[bytes] = set()  # the disk may take them meanwhile: then they lie before the next page
        start: bytes | None = prefix
        while start is not None:
            later.update(self._unwritten_of(prefix))
            page, start = self._readable().page_of(prefix, start)
            for key, value in page:
                if key in self._unwritten:
                    later.add(key)
                else:
                    yield key, value
        later.update(self._unwritten_of(prefix))
        for key in later:
            if (newest := self.get(key)) is not None:
                yield key, newest

    def page_of(self, prefix: bytes, start: bytes, most: int) -> tuple[list[bytes], bytes | None]:
        """At most so many of the keys that begin so, from `start` on, and where those after them start; None where
        there are none. While the disk takes nothing, none of those are among them that were about to be written."""
        page, following = self._readable().page_of(prefix, start, most)
        return [key for key, _ in page if self._unwritten.get(key, b"") is not None], following

    def all_of(self, prefixes: tuple[bytes, ...]) -> dict[bytes, bytes]:
        """The newest values of all keys that begin in one of these ways, but for those that were about to be written
        when the disk took nothing any more. Raises OrdersLostError."""
        return self._readable().all_of(prefixes)

    def write(self) -> None:
        """Writes what is gathered, if the disk takes it."""
        if self._snapshot is not None:
            self._try(self._snapshot.write)

    def change(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Changes what no record of the changelog says, and what a start may miss: in one batch, as long as the disk
        takes it."""
        if self._snapshot is not None:
            self._snapshot.change(changes)
            self._try(self._snapshot.write_if_many)

    def _unwritten_of(self, prefix: bytes) -> Iterator[bytes]:
        return (key for key in self._unwritten if key.startswith(prefix))

    def _readable(self) -> Snapshot:
        snapshot = self._snapshot or self._read_only
        if snapshot is None:
            raise OrdersLostError(
                f"{self.folder} is gone, and finished orders were there alone; the next start reads "
                "the changelog instead"
            )
        return snapshot

    def discard(self) -> None:
        """Deletes its contents."""
        if self._snapshot is not None:
            self._try(self._snapshot.discard)

    def note_all(self, changes: Sequence[tuple[bytes, bytes | None]], offset: int) -> None:
        """Adds records of the changelog, the last of them at `offset`."""
        snapshot = self._snapshot
        if snapshot is not None:
            snapshot.note_all(changes)
            self._try(lambda: snapshot.advance(offset))

    def suspend(self) -> None:
        """Notes nothing more until `catch_up` has read from the changelog what is missing here."""
        if self._snapshot is not None:
            self._snapshot, self._read_only, self._suspended_at_s = None, self._snapshot, monotonic()

    def close(self) -> None:
        """Writes what is pending, if the disk takes it."""
        if self._snapshot is not None:
            self._try(self._snapshot.close)
            self._snapshot = None
        self._close_read_only()
        self._faults.forget(self.folder)

    # -- when the disk doesn't take it, or records are missing --------------------------------------------------

    @property
    def is_suspended(self) -> bool:
        return self._snapshot is None

    def check(self) -> None:
        """Notices that somebody has deleted it."""
        if self._snapshot is not None and not self._snapshot.is_there():
            self._fail(SnapshotUnusableError(f"{self.folder} was deleted"))

    async def catch_up(
        self,
        settings: Settings,
        changelog: TopicPartition,
        written: Callable[[], int | None],
        rescue: Callable[[], Awaitable[None]],
    ) -> None:
        """Tries to open it again, reads the changelog's records that it missed, and goes on from there. `written` gives
        the offset up to which the worker has written. `rescue` is awaited before what is there alone is lost. Raises
        KafkaError if the changelog can't be read."""
        if self._read_only is not None:
            if not can_be_written(self.folder.parent):
                return
            if not self._goes_on_from(self._read_only, written()):
                await rescue()
            self._close_read_only()
        try:
            fresh = Snapshot(self.folder)
        except SnapshotUnusableError as error:
            self._fail(error)
            return
        try:
            to = written()
            if not self._goes_on_from(fresh, to):
                fresh.discard()
            # What has come back while it was suspended isn't noted there, so checkpoints count too much.
            fresh.change(dict.fromkeys([key for key, _ in fresh.items(CHECKPOINT, OTHERS)]))
            if _written_to(fresh) >= self._left_at:
                self._read_only = fresh
            if fresh.offset == to:
                self._put_in_use(fresh)
            else:
                await self._read(fresh, settings, TopicPartition(*changelog), written)
        except SnapshotUnusableError as error:
            self._fail(error)
        finally:
            if self._snapshot is not fresh and self._read_only is not fresh:
                fresh.abandon()

    def _goes_on_from(self, snapshot: Snapshot, to: int | None) -> bool:
        """Whether what is on the disk can be brought up to an offset."""
        if not snapshot.is_there() or monotonic() - self._suspended_at_s > TOMBSTONES_KEPT_S:
            return False
        return snapshot.written_to is None or (to is not None and snapshot.written_to <= to)

    def _close_read_only(self) -> None:
        """Closes what is only read, and keeps what that hadn't written."""
        if self._read_only is not None:
            self._left_at = _written_to(self._read_only)
            self._unwritten |= self._read_only.abandon()
            self._read_only = None

    async def _read(
        self, fresh: Snapshot, settings: Settings, changelog: TopicPartition, written: Callable[[], int | None]
    ) -> None:
        consumer = Consumer(
            bootstrap_servers=bootstrap_servers(settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **access.for_aiokafka(settings),
        )
        await consumer.start()
        try:
            consumer.assign([changelog])
            if fresh.offset is not None:
                consumer.seek(changelog, fresh.offset + 1)
            while await consumer.position(changelog) <= (written() or 0):  # further than the last record: compaction
                fetched = await consumer.getmany(changelog, timeout_ms=500, max_records=READ_AT_ONCE)
                for records in fetched.values():
                    began_s = monotonic()
                    fresh.note_all([(record.key, record.value) for record in records])
                    fresh.advance(records[-1].offset)
                    await asyncio.sleep((monotonic() - began_s) / CATCH_UP_SHARE)
            # No await since `written`: records written from here on are noted as usual.
            self._put_in_use(fresh)
        finally:
            await consumer.stop()

    def _put_in_use(self, fresh: Snapshot) -> None:
        fresh.write()
        self._snapshot, self._read_only, self._unwritten = fresh, None, {}
        self._faults.works(self.folder)

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except SnapshotUnusableError as error:
            self._fail(error)

    def _fail(self, error: SnapshotUnusableError) -> None:
        self.suspend()
        self._faults.failed(self.folder, error)


def _written_to(snapshot: Snapshot) -> int:
    return NOTHING if snapshot.written_to is None else snapshot.written_to


async def _open_free(folder: Path) -> Snapshot:
    give_up = monotonic() + RELEASE_S
    while True:
        try:
            return Snapshot(folder)
        except SnapshotInUseError:
            if monotonic() > give_up:
                raise
        await asyncio.sleep(0.1)
