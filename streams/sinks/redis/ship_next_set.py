"""The ship-next list in Redis: per warehouse a sorted set of the orders that wait to be shipped, by deadline, with what
shipping each one saves; and a sorted set of those that wait for their carrier's scan, to chase the carrier.

It is read from the facts changelog, from the beginning on each start. So it needs nothing from Redis to be right, and
is written anew if Redis has lost something.
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, TypeVar

from rules.plan.rule_book import RuleBook
from streams.paced_log import PacedLog
from streams.sinks.base import Offsets, Record, Sink, StartOver
from streams.sinks.delivery import Delivery, Unavailable
from streams.sinks.redis.client import READ, Eviction, answer, connect
from streams.sinks.redis.ship_next import ShipNext, Waiting
from streams.warehouses import Warehouses

DUE = "shipclock:due:"
CHASE = "shipclock:chase:"
SAVES = "shipclock:saves:"
MEMBERS = "shipclock:members:"
"""Hash per partition: the warehouse in whose lists each of its orders is."""

HOMES = "shipclock:homes:"
"""Hash per partition: the warehouses of orders whose articles decide, whether they wait for anything or not."""

CHECK_MS = 5_000
"""How often to check whether Redis still has what it was given."""

AFTER_LOSS_MS = 30_000
"""How long to wait before the next such check after a loss: a Redis that evicts all the time must not keep the worker
busy writing."""

AUDITED = 200
"""Orders of a partition that are compared at each check, in turns, so that every loss is found in time."""

AT_ONCE = 500
"""Orders written in one transaction, at most."""


log = logging.getLogger(__name__)
log.addFilter(PacedLog())

T = TypeVar("T")

RESTAMP = """
local stands = redis.call('HGET', KEYS[1], ARGV[1])
if stands ~= ARGV[2] and stands ~= ARGV[3] then return -1 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 0
"""


class RedisDue(Sink):
    batch = 2_000

    def __init__(self, delivery: Delivery, url: str, book: RuleBook, warehouses: Warehouses) -> None:
        super().__init__(delivery)
        self._book, self._warehouses = book, warehouses
        self._lists: dict[int, ShipNext] = {}
        self._stamps: dict[int, str] = {}
        self._audited: dict[int, list[str]] = {}
        self._check_ms = 0
        self._eviction = Eviction(self.name)
        self._redis = connect(url)
        self._restamp = self._redis.register_script(RESTAMP)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._redis.aclose()

    async def assigned(self, partition: int, offsets: Offsets) -> int:
        self.revoked(partition)
        self._lists[partition] = ShipNext(self._book, self._warehouses)
        return offsets.beginning

    async def caught_up(self, partition: int) -> None:
        await self._write_all(partition)

    def revoked(self, partition: int) -> None:
        self._lists.pop(partition, None)
        self._stamps.pop(partition, None)
        self._audited.pop(partition, None)

    async def deliver(self, partition: int, records: Sequence[Record]) -> None:
        ahead = self._lists[partition]
        newest = {record.key: record.value for record in records}
        for some in _slices(newest):
            for key in some:
                try:
                    ahead.apply(key, newest[key])
                except Exception as error:  # any bad record; the worker reports it on its next start
                    self.delivery.counters.given_up += 1
                    log.error("%s: no facts in a record of partition %d: %r", self.name, partition, error)
            await asyncio.sleep(0)  # lets the event loop's other tasks run

    async def tick(self, now_ms: int) -> None:
        for partition in list(self._stamps):
            ahead = self._lists[partition]
            if ahead.changed or ahead.moved:
                await self._write_changes(partition)
        if now_ms >= self._check_ms and self._stamps:
            lost = await self._lost()
            if lost:
                log.warning("%s: Redis has lost orders of partitions %s: they are written again", self.name, lost)
                self.delivery.counters.refilled += 1
            for partition in lost:
                await self._write_all(partition)
            self._check_ms = now_ms + (AFTER_LOSS_MS if lost else CHECK_MS)

    async def _lost(self) -> list[int]:
        """Partitions of which Redis lacks what it was last given."""
        lost: set[int] = set()

        async def check() -> None:
            await self._eviction.check(self._redis)
            lost.update([each for each in self._stamps if not await self._is_there(each)])

        await self.delivery.send_forever(check)
        return sorted(lost)

    async def _is_there(self, partition: int) -> bool:
        """Whether a partition's stamp, counts, and the orders whose turn it is are as they should be."""
        ahead = self._lists[partition]
        names = self._next_audited(partition)
        some = {name: ahead.waiting[name] for name in names if name in ahead.waiting}
        batch = self._redis.pipeline(transaction=False)
        batch.hget(READ, due_field(partition))
        batch.hlen(MEMBERS + str(partition))
        batch.hlen(HOMES + str(partition))
        for name, waits in some.items():
            batch.zscore(DUE + waits.warehouse, name)
            batch.zscore(CHASE + waits.warehouse, name)
            batch.hexists(SAVES + waits.warehouse, name)
        wanted: list[object] = [self._stamps[partition], len(ahead.waiting), len(ahead.homes)]
        for waits in some.values():
            wanted += (waits.ship_ms, waits.scan_ms, waits.saves is not None)
        return bool(await answer(batch.execute()) == wanted)

    def _next_audited(self, partition: int) -> list[str]:
        """The orders whose turn it is; a new round begins with those that wait then."""
        rest = self._audited.get(partition) or list(self._lists[partition].waiting)
        self._audited[partition] = rest[AUDITED:]
        return rest[:AUDITED]

    # -- writing ----------------------------------------------------------------------------------------------

    async def _write_changes(self, partition: int) -> None:
        ahead = self._lists[partition]
        changed, moved = dict(ahead.changed), set(ahead.moved)
        stood, stamp = self._stamps[partition], secrets.token_hex(8)

        async def write() -> None:
            await self._put(partition, changed, moved)
            await self._stamp(partition, stood, stamp)

        try:
            await self._send(partition, write, len(changed))
        except StartOver:
            await self._write_all(partition)

    async def _write_all(self, partition: int) -> None:
        """Also removes what other processes have left in Redis."""
        ahead = self._lists[partition]

        async def write() -> None:
            stood = secrets.token_hex(8)
            await answer(self._redis.hset(READ, due_field(partition), stood))
            members: dict[str, str | None] = await answer(self._redis.hgetall(MEMBERS + str(partition)))
            homes = await answer(self._redis.hkeys(HOMES + str(partition)))
            await self._put(partition, dict.fromkeys(ahead.waiting) | members, {*homes, *ahead.homes})
            try:
                await self._stamp(partition, stood, secrets.token_hex(8))
            except StartOver:
                raise Unavailable("Redis lost what it had while it was being filled") from None

        await self._send(partition, write, len(ahead.waiting))

    async def _send(self, partition: int, write: Callable[[], Awaitable[None]], orders: int) -> None:
        ahead = self._lists[partition]
        if not await self.delivery.send(write, alerts=orders):
            self._stamps[partition] = ""  # so that the next check finds it missing
        ahead.changed.clear()
        ahead.moved.clear()

    async def _stamp(self, partition: int, stood: str, stamp: str) -> None:
        """After a write: replaces the partition's stamp. Raises StartOver if the stamp before is gone."""
        if await answer(self._restamp([READ], [due_field(partition), stood, stamp])) < 0:
            raise StartOver(partition)
        self._stamps[partition] = stamp

    async def _put(self, partition: int, changed: dict[str, str | None], moved: Iterable[str]) -> None:
        """Writes changes; `changed` says in which list each order was before."""
        ahead = self._lists[partition]
        for some in _slices(changed):
            batch = self._redis.pipeline(transaction=True)
            _write_orders(batch, partition, {member: changed[member] for member in some}, ahead.waiting)
            await answer(batch.execute())
        for some in _slices(moved):
            batch = self._redis.pipeline(transaction=True)
            _write_hash(batch, HOMES + str(partition), {member: ahead.homes.get(member) for member in some})
            await answer(batch.execute())


def _slices(all_of_them: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(all_of_them)
    while some := list(islice(rest, AT_ONCE)):
        yield some


def _write_orders(batch: Any, partition: int, changed: dict[str, str | None], waiting: dict[str, Waiting]) -> None:
    """In few commands of many orders each, as the number of commands takes the time."""
    gone: defaultdict[str, list[str]] = defaultdict(list)
    here: defaultdict[str, dict[str, Waiting]] = defaultdict(dict)
    for member, before in changed.items():
        now = waiting.get(member)
        if before is not None and (now is None or now.warehouse != before):
            gone[before].append(member)
        if now is not None:
            here[now.warehouse][member] = now
    for warehouse, members in gone.items():
        _write_scores(batch, DUE + warehouse, dict.fromkeys(members))
        _write_scores(batch, CHASE + warehouse, dict.fromkeys(members))
        batch.hdel(SAVES + warehouse, *members)
    for warehouse, entries in here.items():
        _write_scores(batch, DUE + warehouse, {member: now.ship_ms for member, now in entries.items()})
        _write_scores(batch, CHASE + warehouse, {member: now.scan_ms for member, now in entries.items()})
        _write_hash(batch, SAVES + warehouse, {member: now.saves for member, now in entries.items()})
    stands = {member: waiting[member].warehouse if member in waiting else None for member in changed}
    _write_hash(batch, MEMBERS + str(partition), stands)


def _write_scores(batch: Any, key: str, scores: dict[str, int | None]) -> None:
    """Puts members with a score into a sorted set, and removes those without."""
    given = {member: score for member, score in scores.items() if score is not None}
    gone = [member for member, score in scores.items() if score is None]
    if given:
        batch.zadd(key, given)
    if gone:
        batch.zrem(key, *gone)


def _write_hash(batch: Any, key: str, values: Mapping[str, str | bytes | None]) -> None:
    """Sets keys with a value, and removes those without."""
    given = {name: value for name, value in values.items() if value is not None}
    gone = [name for name, value in values.items() if value is None]
    if given:
        batch.hset(key, mapping=given)
    if gone:
        batch.hdel(key, *gone)


def due_field(partition: int) -> str:
    return f"facts-{partition}"
