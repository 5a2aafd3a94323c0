"""One partition: its engine, how far its inputs have been applied, and what it could not read."""

from collections.abc import Sequence
from time import monotonic
from typing import Literal

import msgspec
import orjson
from aiokafka import ConsumerRecord
from aiokafka.partitioner import murmur2

from rules import alerts
from rules.book import RuleBook
from rules.engine import Engine
from rules.events import BadEvent, ClockTick, decode
from rules.facts import OrderFacts
from rules.instants import DAWN
from streams.clocks import AHEAD_MS, EventClock, wall_ms
from streams.topics import CLOCKED

CLOCK_KEY = b'"clock"'
"""Key under which a partition's clock lies among its facts."""

WORTH_KEEPING_MS = 60_000
"""A wall clock that has moved less than this is not written again; after a restart it catches up by itself."""

DeadLetter = tuple[ConsumerRecord, str]
"""A record that could not be read, and why."""


class Batch(msgspec.Struct, frozen=True):
    """Records of one input topic's partition, in order; `topic` is its plain name."""

    topic: str
    partition: int
    records: Sequence[ConsumerRecord]


class Progress(msgspec.Struct):
    """A partition's clock as it is kept among the facts (epoch ms)."""

    clock_ms: int
    through_ms: dict[str, int]


def order_key(platform: str, shop: str, order: str) -> bytes:
    """The key of an order's facts: unambiguous whatever is in the names."""
    return orjson.dumps((platform, shop, order))


def home_of(platform: str, shop: str, partitions: int) -> int:
    """The partition a shop belongs to, as every Kafka client's default partitioner has it."""
    hashed: int = murmur2(f"{platform}/{shop}".encode())
    return (hashed & 0x7FFFFFFF) % partitions


class Partition:
    """State of one partition number over all inputs. Everything here is synchronous and touches no broker."""

    def __init__(self, number: int, partitions: int, book: RuleBook, clock: Literal["wall", "event"]) -> None:
        self.number = number
        self.partitions = partitions
        self.wall = clock == "wall"
        self.engine = Engine(book, stepping=not self.wall)
        self.clock = EventClock(CLOCKED)
        self.applied: dict[str, int] = {}
        self.dead: list[DeadLetter] = []
        self.events = 0
        self.quiet_since_s = monotonic()
        self._progress_kept = Progress(DAWN, {})

    # -- records in -----------------------------------------------------------------------------------------

    def apply(self, batch: Batch) -> None:
        """Merges a batch into the facts. What can't be read is set aside, never skipped."""
        engine, shops = self.engine, self.engine.shops
        latest_ms = wall_ms() + AHEAD_MS if self.wall else 1 << 62
        newest_ms = DAWN
        for record in batch.records:
            try:
                event, at_ms = decode(record.value or b"")
            except BadEvent as error:
                self.dead.append((record, str(error)))
                continue
            if at_ms > latest_ms:
                self.dead.append((record, f"time {event.time} is more than 10 minutes ahead of the clock"))
                continue
            if isinstance(event, ClockTick):
                self.clock.tick(batch.topic, at_ms)
                continue
            shop = shops.get((event.platform, event.shop))
            if shop is None:
                home = home_of(event.platform, event.shop, self.partitions)
                if home != self.number:
                    reason = f"{event.platform}/{event.shop} belongs in partition {home}, this is {self.number}"
                    self.dead.append((record, f"wrong partition: {reason}"))
                    continue
                shop = engine.shop(event.platform, event.shop)
            if at_ms > newest_ms:
                newest_ms = at_ms
            engine.merge(shop, event, at_ms)
        if newest_ms > DAWN:
            self.clock.saw(batch.topic, newest_ms)
        self.events += len(batch.records)
        self.applied[batch.topic] = batch.records[-1].offset + 1
        self.quiet_since_s = monotonic()

    # -- state back from the changelogs ---------------------------------------------------------------------

    def restore_fact(self, key: bytes, value: bytes | None) -> None:
        """One record of the facts changelog; no value where the order was dropped."""
        if key == CLOCK_KEY:
            if value is not None:
                self._restore_progress(msgspec.json.decode(value, type=Progress))
            return
        platform, shop, order = orjson.loads(key)
        self.engine.restore_order(platform, shop, order, None if value is None else _decode_facts(value))

    def restore_alert(self, key: bytes, value: bytes | None) -> None:
        """One record of the alerts topic; no value where the alert was forgotten."""
        if value is not None:
            self.engine.restore_alert(alerts.decode(value))

    def _restore_progress(self, progress: Progress) -> None:
        self._progress_kept = progress
        self.engine.clock_ms = max(self.engine.clock_ms, progress.clock_ms)
        for topic, through_ms in progress.through_ms.items():
            if through_ms > self.clock.through_ms.get(topic, through_ms):
                self.clock.through_ms[topic] = through_ms

    # -- what must be written -------------------------------------------------------------------------------

    def progress(self) -> bytes | None:
        """The partition's clock, if it has moved far enough since it was last kept to be worth a record."""
        kept = self._progress_kept
        through_ms = {} if self.wall else dict(self.clock.through_ms)
        if through_ms == kept.through_ms and self.engine.clock_ms - kept.clock_ms < WORTH_KEEPING_MS:
            return None
        self._progress_kept = Progress(self.engine.clock_ms, through_ms)
        return msgspec.json.encode(self._progress_kept)


_decode_facts = msgspec.msgpack.Decoder(OrderFacts).decode
encode_facts = msgspec.msgpack.Encoder().encode
