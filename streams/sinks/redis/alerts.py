"""Alerts in Redis: per warehouse one stream, which services read with consumer groups.

How far each partition has been written is kept in Redis itself, changed in the same transaction as the streams. So a
Redis restored from an older copy goes on from there, and an empty one, or one that has lost a stream, is filled from
the beginning. A revision of an alert is written once, however often it is read.
"""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from itertools import islice
from types import TracebackType
from typing import NamedTuple

from msgspec import UNSET

from rules.messages.alerts import Alert
from streams.clock import wall_ms
from streams.sinks.base import Offsets, Record, Sink, StartOver
from streams.sinks.delivery import Delivery, Unavailable
from streams.sinks.redis.alert_scripts import REVISIONS, STREAM, WRITE, forget_lost_streams
from streams.sinks.redis.client import READ, Eviction, answer, connect
from streams.sinks.redis.ship_next import member
from streams.sinks.redis.ship_next_set import HOMES, due_field
from streams.warehouses import Warehouses

KEPT = 100_000
"""About how many entries a stream keeps; more than the alerts open at once."""

SETTLED_MS = 2_000
"""An alert may be on its topic this long before the facts it comes from are on theirs, if both are new."""

CHECK_MS = 5_000
"""How often to check whether Redis still has what it was given."""


class Entry(NamedTuple):
    """What goes into a stream; `event` is the record as it is."""

    warehouse: str
    alert: str
    revision: int
    event: bytes
    is_open: bool


class _Place(NamedTuple):
    """What Redis has of a partition, and the offset up to which it must be read until everything is there again.

    While it is filled from the beginning, open alerts wait in `waiting` and are written last: a stream of limited
    length must not lose them.
    """

    stands: str
    end: int
    waiting: dict[str, Entry] | None = None


class RedisAlerts(Sink):
    def __init__(self, delivery: Delivery, url: str, warehouses: Warehouses, kept: int = KEPT) -> None:
        super().__init__(delivery)
        self._warehouses, self._kept = warehouses, kept
        self._places: dict[int, _Place] = {}
        self._checked_ms = 0
        self._redis = connect(url)
        self._write = self._redis.register_script(WRITE)
        self._eviction = Eviction(self.name)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._redis.aclose()

    # -- partitions -------------------------------------------------------------------------------------------

    async def assigned(self, partition: int, offsets: Offsets) -> int:
        start = offsets.beginning

        async def find() -> None:
            nonlocal start
            stands = await answer(self._redis.hget(READ, _field(partition))) or ""
            if stands.isdecimal() and int(stands) <= offsets.end:
                self._places[partition] = _Place(stands, offsets.end)
                start = max(int(stands), offsets.beginning)
            else:
                filling = f"filling {secrets.token_hex(8)}"
                await answer(self._redis.hset(READ, _field(partition), filling))
                self._places[partition] = _Place(filling, offsets.end, {})

        await self.delivery.send_forever(find)
        return start

    async def caught_up(self, partition: int) -> None:
        place = self._places[partition]
        if place.waiting is None:
            return
        await self._put(partition, list(place.waiting.values()), place.stands)
        await self._put(partition, [], str(place.end))
        self._places[partition] = self._places[partition]._replace(waiting=None)

    def revoked(self, partition: int) -> None:
        self._places.pop(partition, None)

    async def tick(self, now_ms: int) -> None:
        if now_ms - self._checked_ms < CHECK_MS or not self._places:
            return
        self._checked_ms = now_ms
        partitions = list(self._places)
        there: list[str | None] = []

        async def check() -> None:
            await self._eviction.check(self._redis)
            await forget_lost_streams(self._redis)
            there[:] = await answer(self._redis.hmget(READ, [_field(each) for each in partitions]))

        await self.delivery.send_forever(check)
        lost = [each for each, stands in zip(partitions, there, strict=True) if stands != self._places[each].stands]
        if lost:
            raise StartOver(*lost)

    # -- records ----------------------------------------------------------------------------------------------

    async def deliver(self, partition: int, records: Sequence[Record]) -> None:
        place, after = self._places[partition], records[-1].offset + 1
        received = [(record, self.read(record)) for record in records]
        gone = [record.key.decode() for record, _ in received if record.value is None]
        entries = await self._entries(partition, [(record, alert) for record, alert in received if alert is not None])
        if place.waiting is None:
            await self._put(partition, entries, str(after))
        else:
            await self._put(partition, _ended(place.waiting, entries), place.stands)
            self._places[partition] = self._places[partition]._replace(end=max(place.end, after))
            for alert in gone:
                place.waiting.pop(alert, None)
        if gone:
            await self.delivery.send(lambda: self._forget(gone), alerts=0)

    async def _forget(self, alerts: Sequence[str]) -> None:
        for warehouse in self._warehouses.names():
            await answer(self._redis.hdel(REVISIONS + warehouse, *alerts))

    async def _put(self, partition: int, entries: Sequence[Entry], then: str) -> None:
        """Writes entries; `then` is the partition's position in Redis afterwards. Raises StartOver."""
        rest = iter(entries)
        stood = self._places[partition].stands
        while True:
            some = list(islice(rest, self.batch))
            last = len(some) < self.batch
            await self._put_at_once(partition, some, stood, then if last else stood)
            if last:
                break
        self._places[partition] = self._places[partition]._replace(stands=then)

    async def _put_at_once(self, partition: int, entries: Sequence[Entry], stood: str, then: str) -> None:
        keys: list[str] = [READ]
        args: list[str | int | bytes] = [_field(partition), stood, then, self._kept]
        for entry in entries:
            keys += (STREAM + entry.warehouse, REVISIONS + entry.warehouse)
            args += (entry.alert, entry.revision, entry.event)

        async def write() -> None:
            if await answer(self._write(keys, args)) < 0:
                raise StartOver(partition)

        await self.delivery.send(write, alerts=len(entries))

    # -- warehouses -------------------------------------------------------------------------------------------

    async def _entries(self, partition: int, received: Sequence[tuple[Record, Alert]]) -> list[Entry]:
        homes = await self._homes(partition, received) if self._warehouses.go_by_articles() else {}
        entries = []
        for record, alert in received:
            home = homes.get(_member(alert)) or self._warehouses.of_shop(alert.platform, alert.shop)
            assert record.value is not None
            data = alert.data
            entries.append(Entry(home, data.alert, data.revision, record.value, data.state == "open"))
        return entries

    async def _homes(self, partition: int, received: Sequence[tuple[Record, Alert]]) -> dict[str, str]:
        """Warehouses of the orders whose articles decide, as the ship-next sink has found them."""
        members = sorted({_member(alert) for _, alert in received} - {""})
        if not members:
            return {}
        await asyncio.sleep((received[-1][0].timestamp + SETTLED_MS - wall_ms()) / 1000)
        found: list[str | None] = []

        async def check() -> None:
            if await answer(self._redis.hget(READ, due_field(partition))) is None:
                raise Unavailable("the orders are not in Redis yet")
            found[:] = await answer(self._redis.hmget(HOMES + str(partition), members))

        await self.delivery.send_forever(check)
        return {each: home for each, home in zip(members, found, strict=True) if home is not None}


def _ended(waiting: dict[str, Entry], entries: Iterable[Entry]) -> list[Entry]:
    """The newest entries of alerts that have ended; those of open alerts go to `waiting`."""
    ended: dict[str, Entry] = {}
    for entry in entries:
        (ended if entry.is_open else waiting).pop(entry.alert, None)
        (waiting if entry.is_open else ended)[entry.alert] = entry
    return list(ended.values())


def _field(partition: int) -> str:
    return f"alerts-{partition}"


def _member(alert: Alert) -> str:
    """Empty for alerts of the whole shop."""
    return "" if alert.order is UNSET else member(alert.platform, alert.shop, alert.order)
