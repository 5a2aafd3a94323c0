"""The store behind Faust's tables: their partitions live in the engines, with snapshots on disk.

Faust drives recovery (which changelog partitions, from which offset to which); this store restores the records in their
partition, and drops a partition that was revoked.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import ConsumerRecord
from faust.stores.base import Store as BaseStore
from faust.types import TP
from mode import Service

from rules.engine.intake import LOADED_AT_ONCE
from streams.runtime.local_copy import NOTHING, LocalCopy
from streams.runtime.orders_on_disk import OrdersOnDisk
from streams.runtime.partition import MovedError, Partition, Restore
from streams.runtime.reading_back import ReadingBack
from streams.runtime.restoring_facts import restore_facts, restore_record
from streams.runtime.snapshot import SnapshotDamagedError

RESTORE: dict[str, Restore] = {
    "facts": restore_record,
    "alerts": Partition.restore_alert,
}
"""How each table's records are restored."""


TRY_AGAIN_S = 15.0
"""How often to have suspended copies catch up."""


class Store(BaseStore[bytes, bytes]):
    """One table's partitions on this worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._take = RESTORE[self.table.name]
        self._reading_back = ReadingBack(self._take, self.app.settings.skip_unreadable)
        self.data: dict[bytes, bytes] = {}  # Faust wants a mapping; state lives in the engines
        self._copies: dict[int, LocalCopy] = {}
        self._catching_up: asyncio.Task[None] | None = None
        self._offsets: dict[int, int] = {}
        self._times_lost = 0

    # -- recovery, as Faust asks for it ----------------------------------------------------------------------

    def persisted_offset(self, tp: TP) -> int | None:
        """The offset up to which this partition's state is here, so that recovery reads on from there."""
        return self._offsets.get(tp.partition)

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Does nothing: offsets move with records written (`wrote`) or restored (`restore`)."""

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        """Does nothing: the transport has brought these records already, in order (`restore`). Faust sees only the last
        record of each fetch, to know how far recovery has come."""

    def restore(self, records: Sequence[ConsumerRecord]) -> None:
        """Restores records of one changelog partition. A bad one ends the worker, unless it is told to skip it; the
        snapshot then keeps what it had under that key."""
        try:
            number = records[-1].partition
            partition = self.app.worker.partition(number)
            taken: list[tuple[bytes, bytes | None]] = []
            for record in records:
                key = self._reading_back.take(partition, record)
                if key is not None:
                    taken.append((key, record.value))
            self._note(number, taken, records[-1].offset)
        except Exception as error:  # Faust's recovery only logs what is raised here
            self.app.worker.crash(error)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        changelog = self.table.changelog_topic.get_topic_name()
        mine = {tp.partition for tp in assigned if tp.topic in self.app.names.inputs}
        gone = set(self._copies) - mine
        for number in gone:
            self.app.worker.forget(number)
        if self._times_lost != self.app.worker.times_lost:
            self._times_lost = self.app.worker.times_lost
            gone = set(self._copies)  # the worker has dropped all partitions
        if gone:
            await self._stop_catching_up()
        for number in gone:
            self._close(number)
            self._offsets.pop(number, None)
            self.app.tables.recovery.revoke(TP(changelog, number))  # or it would go on where it was
        newcomers = sorted(mine - set(self._copies))
        try:
            ends = await self.app.consumer.highwaters(*(TP(changelog, number) for number in newcomers))
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise
            return  # Faust's consumer thread waits for this rebalance to be over before it stops
        for number in newcomers:
            await self._open(number, ends.get(TP(changelog, number)) or 0)

    async def _open(self, number: int, end: int) -> None:
        """Loads a partition's snapshot, if it fits a changelog that ends at `end`."""
        data = self.app.settings.datadir / self.app.names.state
        copy = self._copies[number] = LocalCopy(data / f"{self.table.name}-{number}", self.app.snapshot_faults)
        await copy.open()
        if self.table.name == "facts":
            self.app.worker.partition(number).engine.ledger.store = OrdersOnDisk(copy)
        if copy.offset is None:
            return
        if copy.offset >= end:
            self.log.warning("%s is ahead of its changelog, which must have been made anew; discarded", copy.folder)
            copy.discard()
            return
        partition = self.app.worker.partition(number)
        try:
            if self.table.name == "facts":
                restore_facts(copy, partition)
            else:
                for key, value in copy.items():
                    self._take(partition, key, value)
        except MovedError:
            copy.discard()  # topics may have been made anew with more partitions, and the changelog be at home
            self.log.warning("%s was emptied; the next start reads the changelog instead", copy.folder)
            raise
        except SnapshotDamagedError:
            raise
        except Exception as error:  # whatever stands in a record
            copy.discard()
            raise SnapshotDamagedError(
                f"{copy.folder} held what can't be read and was emptied; the next start reads the changelog instead, "
                f"which names the record ({error})"
            ) from error
        self._offsets[number] = copy.offset

    # -- what the worker has written -------------------------------------------------------------------------

    def wrote(self, number: int, changes: Sequence[tuple[bytes, bytes | None]], offset: int) -> None:
        """Adds records to the snapshot that the changelog has acknowledged, the last of them at `offset`."""
        if offset != self._offsets.get(number, NOTHING) + len(changes):
            changelog = self.table.changelog_topic.get_topic_name()
            self.log.warning("%s-%d has records of another worker; the local copy reads them", changelog, number)
            self._copies[number].suspend()
        self._note(number, changes, offset)

    def forget(self, number: int, keys: Sequence[bytes]) -> None:
        """Deletes records from the snapshot that the next start needn't read. It may read them all the same: from the
        changelog, or where the disk takes nothing now."""
        if keys:
            self._copies[number].change(dict.fromkeys(keys))

    def _note(self, number: int, changes: Sequence[tuple[bytes, bytes | None]], offset: int) -> None:
        self._copies[number].note_all(changes, offset)
        self._offsets[number] = offset

    # -- the disk --------------------------------------------------------------------------------------------

    @Service.task
    async def _maintain_snapshots(self) -> None:
        while not self.should_stop:
            await self.sleep(TRY_AGAIN_S)
            copies = list(self._copies.items())
            for _, copy in copies:
                copy.check()  # at all of them first: DATADIR works again once the last is there again, not the first
            for number, copy in copies:
                if self._copies.get(number) is not copy:
                    continue  # its partition went, and may have come back with another
                if copy.is_suspended and self.app.tables.actives_ready:
                    await self._catch_up(number, copy)

    async def _catch_up(self, number: int, copy: LocalCopy) -> None:
        """Brings a suspended copy up to date, unless its partition is revoked."""
        changelog = TP(self.table.changelog_topic.get_topic_name(), number)
        self._catching_up = asyncio.create_task(
            copy.catch_up(
                self.app.settings, changelog, lambda: self._offsets.get(number), lambda: self._load_orders(number)
            )
        )
        await asyncio.wait({self._catching_up})
        error = None if self._catching_up.cancelled() else self._catching_up.exception()
        if not copy.is_suspended and self.table.name == "facts" and self._copies.get(number) is copy:
            self.app.worker.partition(number).engine.forget_checkpoints()
        if error is not None:  # Kafka is away, or another worker has the folder
            self.log.warning("%s could not be brought up to date: %s", copy.folder, error)

    async def _load_orders(self, number: int) -> None:
        """Has all orders come back to memory, some at a time; none leaves while the disk takes nothing."""
        engine = self.app.worker.partition(number).engine
        for shop in list(engine.shops.values()):
            for n, _ in enumerate(engine.ledger.load_each(shop, engine.clock_ms)):
                if n % LOADED_AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _stop_catching_up(self) -> None:
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.wait({self._catching_up})

    async def on_stop(self) -> None:
        await self._stop_catching_up()
        for number in list(self._copies):
            self._close(number)

    def _close(self, number: int) -> None:
        self._copies.pop(number).close()

    def reset_state(self) -> None:
        for copy in self._copies.values():
            copy.discard()

    async def backup_partition(self, tp: TP | int, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Nothing to do: the changelog is the backup."""

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:
        """Nothing to do: recovery reads the changelog."""
