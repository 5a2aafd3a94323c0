"""Where Faust's tables keep their partitions: in the engines that decide by them, with a snapshot on disk.

Faust drives recovery (which changelog partitions, from which offset, until when); this store takes the records to
the partition they belong to, and lets go of a partition that was revoked.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from aiokafka import ConsumerRecord
from faust.stores.base import Store as BaseStore
from faust.types import TP

from streams.partition import Partition
from streams.snapshot import Snapshot, SnapshotInUseError

Restore = Callable[[Partition, bytes, bytes | None], None]

RESTORE: dict[str, Restore] = {
    "facts": Partition.restore_fact,
    "alerts": Partition.restore_alert,
}
"""What a record of each table's changelog means to its partition."""


LET_GO_S = 5.0
"""How long another worker may hold a partition's snapshot after a rebalance."""


class Store(BaseStore[bytes, bytes]):
    """One table's partitions on this worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._take = RESTORE[self.table.name]
        self.data: dict[bytes, bytes] = {}  # Faust wants a mapping; state lives in the engines
        self._snapshots: dict[int, Snapshot] = {}
        self._offsets: dict[int, int] = {}

    # -- recovery, as Faust asks for it ----------------------------------------------------------------------

    def persisted_offset(self, tp: TP) -> int | None:
        """Up to where this partition's state is already here, so that recovery reads on from there."""
        return self._offsets.get(tp.partition)

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Offsets move with what is written (`wrote`) or read (`restore`); Faust need not say."""

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        """Nothing: the transport has brought these already, in order (`restore`). Faust sees the last of each fetch
        only to know how far recovery has come."""

    def restore(self, records: Sequence[ConsumerRecord]) -> None:
        """Changelog records, read back. A record that can't be read ends the worker: state would be missing."""
        try:
            for record in records:
                number = record.partition
                self._take(self.app.worker.partition(number), record.key, record.value)
                self._snapshots[number].note(record.key, record.value)
                self._snapshots[number].advance(record.offset)
                self._offsets[number] = record.offset
        except Exception as error:  # Faust's recovery only logs what is raised here
            self.app.worker.fail(error)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        changelog = self.table.changelog_topic.get_topic_name()
        mine = {tp.partition for tp in assigned if tp.topic in self.app.names.inputs}
        for number in set(self._snapshots) - mine:
            self._snapshots.pop(number).close()
            self._offsets.pop(number, None)
            self.app.worker.forget(number)
        newcomers = sorted(mine - set(self._snapshots))
        try:
            ends = await self.app.consumer.highwaters(*(TP(changelog, number) for number in newcomers))
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise
            return  # Faust's consumer thread waits for this rebalance to be over before it stops
        for number in newcomers:
            await self._open(number, ends.get(TP(changelog, number)) or 0)

    async def _open(self, number: int, end: int) -> None:
        """Loads a partition's snapshot, if it fits a changelog that ends there."""
        data = self.app.settings.datadir / (self.app.names.prefix + self.app.names.app_id)
        snapshot = self._snapshots[number] = await _open_free(data / f"{self.table.name}-{number}")
        if snapshot.offset is None:
            return
        if snapshot.offset >= end:
            self.log.warning("%s is ahead of its changelog, which must have been made anew; discarded", snapshot.folder)
            snapshot.discard()
            return
        partition = self.app.worker.partition(number)
        for key, value in snapshot.items():
            self._take(partition, key, value)
        self._offsets[number] = snapshot.offset

    # -- what the worker has written -------------------------------------------------------------------------

    def wrote(self, number: int, changes: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
        """Records the changelog has taken, the last of them at `offset`."""
        snapshot = self._snapshots[number]
        snapshot.note_all(changes)
        snapshot.advance(offset)
        self._offsets[number] = offset

    async def on_stop(self) -> None:
        for snapshot in self._snapshots.values():
            snapshot.close()
        self._snapshots.clear()

    def reset_state(self) -> None:
        for snapshot in self._snapshots.values():
            snapshot.discard()

    async def backup_partition(self, tp: TP | int, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Nothing to do: the changelog is the backup."""

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:
        """Nothing to do: recovery reads the changelog."""


async def _open_free(folder: Path) -> Snapshot:
    """A snapshot once its folder is free: where workers share a DATADIR, the one that had the partition lets go of it
    in the same rebalance. Raises SnapshotInUseError when it doesn't."""
    give_up = monotonic() + LET_GO_S
    while True:
        try:
            return Snapshot(folder)
        except SnapshotInUseError:
            if monotonic() > give_up:
                raise
        await asyncio.sleep(0.1)
