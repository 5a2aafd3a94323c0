"""A partition's changelog as a snapshot on disk, as long as the disk takes it.

While the disk doesn't, nothing is gathered; once it does again, `catch_up` reads the missing records from the
changelog, from the last batch that was written whole. So a snapshot's contents are always those of its offset.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import monotonic

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka import access
from streams.runtime.snapshot import Snapshot, SnapshotInUseError, SnapshotUnusableError
from streams.runtime.snapshot_faults import SnapshotFaults
from streams.settings import Settings, bootstrap_servers

LET_GO_S = 5.0
"""How long another worker may still hold a partition's snapshot after a rebalance."""

READ_AT_ONCE = 5_000
"""Records of the changelog taken before the event loop's other tasks run…"""

CATCH_UP_SHARE = 0.1
"""…and the share of the worker's time that catching up may take."""

TOMBSTONES_KEPT_S = 12 * 3_600.0
"""Kafka keeps a changelog's tombstones for a day. A snapshot that was away for longer than this is made anew, as it may
miss keys that were dropped."""


class LocalCopy:
    """One partition's snapshot; none while the disk doesn't take it."""

    def __init__(self, folder: Path, faults: SnapshotFaults) -> None:
        self.folder = folder
        self._faults = faults
        self._snapshot: Snapshot | None = None
        self._failed_s = monotonic()

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

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        if self._snapshot is not None:
            yield from self._snapshot.items()

    def discard(self) -> None:
        """Deletes its contents."""
        if self._snapshot is not None:
            self._try(self._snapshot.discard)

    def note_all(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
        """Adds records of the changelog, the last of them at `offset`."""
        snapshot = self._snapshot
        if snapshot is not None:
            snapshot.note_all(changes)
            self._try(lambda: snapshot.advance(offset))

    def close(self) -> None:
        """Writes what is pending, if the disk takes it."""
        if self._snapshot is not None:
            self._try(self._snapshot.close)
            self._snapshot = None
        self._faults.forget(self.folder)

    # -- when the disk doesn't take it ---------------------------------------------------------------------------

    @property
    def is_away(self) -> bool:
        return self._snapshot is None

    def look(self) -> None:
        """Notices that somebody has deleted it."""
        if self._snapshot is not None and not self._snapshot.is_there():
            self._fail(SnapshotUnusableError(f"{self.folder} was deleted"))

    async def catch_up(self, settings: Settings, changelog: TopicPartition, written: Callable[[], int | None]) -> None:
        """Tries to open it again, reads the changelog's records that it missed, and goes on from there. `written` gives
        the offset up to which the worker has written. Raises KafkaError if the changelog can't be read."""
        try:
            fresh = Snapshot(self.folder)
        except SnapshotUnusableError as error:
            self._fail(error)
            return
        try:
            if monotonic() - self._failed_s > TOMBSTONES_KEPT_S:
                fresh.discard()
            to = written()
            if fresh.offset is not None and (to is None or fresh.offset > to):
                fresh.discard()  # the changelog was deleted and made anew meanwhile
            if fresh.offset == to:
                self._take_part(fresh)
            else:
                await self._read(fresh, settings, TopicPartition(*changelog), written)
        except SnapshotUnusableError as error:
            self._fail(error)
        finally:
            if self._snapshot is not fresh:
                fresh.abandon()

    async def _read(
        self, fresh: Snapshot, settings: Settings, changelog: TopicPartition, written: Callable[[], int | None]
    ) -> None:
        consumer = AIOKafkaConsumer(
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
                    fresh.note_all((record.key, record.value) for record in records)
                    fresh.advance(records[-1].offset)
                    await asyncio.sleep((monotonic() - began_s) / CATCH_UP_SHARE)
            # No await since `written`: records written from here on are noted as usual.
            self._take_part(fresh)
        finally:
            await consumer.stop()

    def _take_part(self, fresh: Snapshot) -> None:
        fresh.write()
        self._snapshot = fresh
        self._faults.works(self.folder)

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except SnapshotUnusableError as error:
            self._fail(error)

    def _fail(self, error: SnapshotUnusableError) -> None:
        if self._snapshot is not None:
            self._snapshot.abandon()
            self._snapshot, self._failed_s = None, monotonic()
        self._faults.failed(self.folder, error)


async def _open_free(folder: Path) -> Snapshot:
    give_up = monotonic() + LET_GO_S
    while True:
        try:
            return Snapshot(folder)
        except SnapshotInUseError:
            if monotonic() > give_up:
                raise
        await asyncio.sleep(0.1)
