"""One partition: its engine, how far its inputs have been applied, and the records it could not read."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from time import monotonic
from typing import Literal

import msgspec
import orjson
from aiokafka import ConsumerRecord

from rules.calendar.instants import LONGEST_LEAP_MS, MIN_MS, NEVER, rfc3339
from rules.engine.ceilings import UNBOUNDED, Ceilings
from rules.engine.engine import Engine
from rules.engine.restore import (
    CameBack,
    correct_alert,
    restate_alert,
    restore_alert,
    restore_checkpoint,
    restore_computed,
    restore_entry,
    restore_order,
)
from rules.facts import shop_facts
from rules.kinds.unwatched import UNWATCHED
from rules.messages import alerts
from rules.messages.alerts import Alert
from rules.messages.bad_events import LONGEST_REASON, TOO_OLD, BadEvent, KeptWithout, as_bad_event, leap
from rules.messages.bounds import LARGEST_BYTES, too_large
from rules.messages.envelope import Event
from rules.messages.events import TYPES, ClockTick, decode
from rules.messages.names import shop_key
from rules.messages.text import visible
from rules.plan.rule_book import RuleBook
from rules.state.shop import Shop
from streams.clock import AHEAD_MS
from streams.kafka.cutting import LARGEST_VALUE_BYTES, fitting
from streams.kafka.dead_letters import DeadLetter, dead_letter
from streams.kafka.failures import PlainError
from streams.kafka.keys import ORDER_KEY_ENDS, decode_order_key, partition_of
from streams.kafka.topics import CLOCKED, topic_of
from streams.paced_log import PacedLog
from streams.runtime import instruments
from streams.runtime.ceiling_watch import CeilingWatch
from streams.runtime.changelog import CLOCK_KEY, COMPUTED, Progress, _decode_computed
from streams.runtime.checkpointing import Checkpointing
from streams.runtime.daily_records import DailyRecords
from streams.runtime.snapshot import OrdersLostError
from streams.runtime.standings_publisher import Standings
from streams.runtime.wall_clock import WallClock
from streams.runtime.watermark import Watermark

log = logging.getLogger(__name__)
log.addFilter(PacedLog(every_s=60.0))  # a sender of bad records could flood the log


WORTH_KEEPING_MS = 60_000
"""A wall clock that has moved by less than this isn't written again; after a restart it catches up by itself."""

AHEAD = "ahead"
MISPLACED = "misplaced"
"""Kinds of bad records, beside those of `rules.messages.bad_events`."""


class Batch(msgspec.Struct, frozen=True):
    """Records of one input's partition, in order; `topic` is its plain name."""

    topic: str
    partition: int
    records: Sequence[ConsumerRecord]


class MovedError(PlainError):
    """State lies where its shop no longer is."""


Restore = Callable[["Partition", bytes, bytes | None], bytes]
"""Restores one record (key, value) of a changelog. Returns the key under which the local copy is to have it."""


class Partition:
    """The state of one partition number over all inputs. Everything here is synchronous and touches no broker."""

    def __init__(
        self,
        number: int,
        partitions: int,
        book: RuleBook,
        clock: Literal["wall", "event"],
        wall_clock: WallClock | None = None,
        ceilings: Ceilings = UNBOUNDED,
        console_url: str = "",
    ) -> None:
        self.number = number
        self._console_url = console_url
        self.partitions = partitions
        self.wall = clock == "wall"
        self.wall_clock = wall_clock or WallClock()
        self.engine = Engine(book, stepping=not self.wall, emit=self._emit, ceilings=ceilings)
        self.checkpointing = Checkpointing(self.engine)
        self.ceiling_watch = CeilingWatch(self.engine, number)
        self.clock = Watermark(CLOCKED)
        self.days = DailyRecords()
        self.standings = Standings(lambda shop: self.days.make_due(shop, self.engine.clock_ms))
        self.applied: dict[str, int] = {}
        self._emitted: list[tuple[bytes, bytes]] = []
        self.reasons = instruments.Reasons()
        self.dead: list[DeadLetter] = []
        self.events = 0
        self.quiet_since_s = monotonic()
        self._shop_of: dict[bytes, Shop] = {}
        self._checked_shops: set[tuple[str, str]] = set()
        self._progress_kept = self._progress_now()

    # -- records in -----------------------------------------------------------------------------------------

    def apply(self, batch: Batch) -> None:
        """Merges a batch into the facts. A record that can't be applied is set aside with the reason, whatever the
        error: if it raised here, it would be read again after every restart. Raises OrdersLostError, of which a
        restart is the cure."""
        engine, shop_of = self.engine, self._shop_of
        believed_to_ms = MIN_MS
        newest_ms, types, dead, too_old = MIN_MS, dict.fromkeys(_types_on(batch.topic), 0), len(self.dead), 0
        kept: list[tuple[ConsumerRecord, BadEvent]] = []
        for record in batch.records:
            try:
                try:
                    event, at_ms = decode(record.value or b"")
                except KeptWithout as odd:
                    event, at_ms = odd.event, odd.at_ms
                    kept.append((record, odd))
                kind = type(event)
                if kind not in types:
                    raise _misplaced(kind, batch.topic)
                if at_ms > believed_to_ms:
                    believed_to_ms = self._believed_to_ms(batch.topic, at_ms, newest_ms)
                if type(event) is ClockTick:
                    self.clock.tick(batch.topic, at_ms)
                    types[kind] += 1
                    continue
                shop = shop_of.get(record.key)
                if shop is None or shop.name != event.shop or shop.platform != event.platform:
                    shop = self._find_shop(record, event, at_ms)
                if (unfit := engine.merge(shop, event, at_ms)) is not None:
                    kept.append((record, unfit))
                types[kind] += 1
                if at_ms > newest_ms:
                    newest_ms = at_ms
            except OrdersLostError:
                raise
            except Exception as error:
                if kept and kept[-1][0] is record:
                    kept.pop()
                too_old += self._set_aside(record, error) == TOO_OLD
        if newest_ms > MIN_MS:
            self.clock.observe(batch.topic, newest_ms)
        self.events += len(batch.records)
        instruments.count_batch(batch.topic, types, len(self.dead) - dead - too_old, too_old)
        for record, without in kept:
            self._note_kept(record, without)
        self.applied[batch.topic] = batch.records[-1].offset + 1
        self.quiet_since_s = monotonic()
        self.ceiling_watch.check()

    def _believed_to_ms(self, topic: str, at_ms: int, newest_ms: int) -> int:
        """The latest believable time of an input's events, where `newest_ms` is the newest so far. Raises BadEvent if
        `at_ms` is later."""
        now_ms = self.wall_clock.latest_ms()
        if self.wall:
            if at_ms > now_ms + AHEAD_MS:
                raise BadEvent(f"time {rfc3339(at_ms)} is more than 10 minutes ahead of the clock", AHEAD)
            return now_ms + AHEAD_MS
        if newest_ms > MIN_MS:
            self.clock.observe(topic, newest_ms)
        believed_to_ms = self.clock.believed_to_ms(topic, now_ms)
        if at_ms > believed_to_ms:
            raise leap(at_ms, LONGEST_LEAP_MS)
        return believed_to_ms if believed_to_ms < NEVER else MIN_MS  # the very first is believed

    def _set_aside(self, record: ConsumerRecord, error: Exception) -> str:
        """Makes a record a dead letter, and logs where it lies. Returns the kind of what is wrong."""
        unforeseen = not isinstance(error, BadEvent)
        bad = as_bad_event(error)
        if record.serialized_value_size > LARGEST_BYTES:  # the value may have been cut when it was fetched
            bad = too_large(record.serialized_value_size)
        self.dead.append(dead_letter(record, str(bad)))
        log.warning(
            f"set aside as {bad.kind}: %s-%d at offset %d: %s",  # one message of each kind, for PacedLog
            record.topic,
            record.partition,
            record.offset,
            bad,
            exc_info=error if unforeseen else None,
        )
        return bad.kind

    def _note_kept(self, record: ConsumerRecord, odd: BadEvent) -> None:
        """Says in a dead letter what of an event was left out."""
        self.dead.append(dead_letter(record, str(odd), kept=True))
        log.warning(f"{odd.kind}: %s-%d at offset %d: %s", record.topic, record.partition, record.offset, odd)

    def _find_shop(self, record: ConsumerRecord, event: Event, at_ms: int) -> Shop:
        """The shop of an event. Raises BadEvent if its record is on the wrong topic or partition for that shop."""
        key = shop_key(event.platform, event.shop)
        home = partition_of(event.platform, event.shop, self.partitions)
        if record.key is None:
            raise BadEvent(f"the record has no key; it must be {key}", MISPLACED)
        if record.key != key.encode():
            found = record.key[:LONGEST_REASON].decode(errors="replace")
            raise BadEvent(f"wrong key: the record's is {found}, its event is of {key}", MISPLACED)
        if home != self.number:
            raise BadEvent(f"wrong partition: {key} belongs in partition {home}, this is {self.number}", MISPLACED)
        shop = self._shop_of[record.key] = self.engine.shop_of(event, at_ms)
        return shop

    def evaluate(self, to_ms: int | None, limit: int) -> bool:
        """Advances the clock to `to_ms` (epoch ms), if that is later, and evaluates at most `limit` orders. In event
        time it stops where a local day ends, for the records of that day. False if something is left."""
        return self._advance(to_ms, limit) and not self.engine.is_loading

    def _advance(self, to_ms: int | None, limit: int) -> bool:
        engine = self.engine
        if to_ms is None or to_ms < engine.clock_ms:
            return engine.settle(limit=limit)
        if self.wall:
            return engine.advance(to_ms, limit=limit)
        engine.begin(to_ms)
        end_ms = self.days.end_ms(engine, to_ms)
        if to_ms < end_ms:
            return engine.advance(to_ms, limit=limit)
        if engine.advance(end_ms - 1, limit=limit):
            self.days.close(engine, end_ms)
        return False

    # -- state back from the changelogs ---------------------------------------------------------------------

    def restore_fact(self, key: bytes, value: bytes | None) -> bool:
        """Restores a record of the facts changelog; its value is None if the order was dropped. Returns whether it is
        of an order that has ended and of which nothing was known before."""
        if key == CLOCK_KEY:
            if value is not None:
                self._restore_progress(msgspec.json.decode(value, type=Progress))
            return False
        if key.endswith(ORDER_KEY_ENDS):
            platform, shop, order = decode_order_key(key)
            if value is not None and (platform, shop) not in self._checked_shops:
                self._check_partition(platform, shop)
            return restore_order(self.engine, platform, shop, order, value)
        platform, shop, kind, about = orjson.loads(key)
        if value is not None and (platform, shop) not in self._checked_shops:
            self._check_partition(platform, shop)
        if kind != COMPUTED:
            entry = None if value is None else shop_facts.decode(kind, value)
            restore_entry(self.engine, platform, shop, kind, tuple(about), entry)
        else:
            found = None if value is None else _decode_computed(value)
            restore_computed(self.engine, platform, shop, about[0], int(about[1]), found)
        return False

    def restore_checkpoint(self, platform: str, shop: str, value: bytes, came_back: Mapping[str, CameBack]) -> bool:
        """Restores a shop's checkpoint, as `rules.engine.restore.restore_checkpoint` does."""
        self._check_partition(platform, shop)
        return restore_checkpoint(self.engine, platform, shop, value, came_back)

    def _check_partition(self, platform: str, shop: str) -> None:
        """Raises MovedError if a shop's state lies in a partition that its events no longer come to."""
        home = partition_of(platform, shop, self.partitions)
        if home != self.number:
            raise MovedError(
                f"partitions were added since state was written: {visible(shop_key(platform, shop))} lies in partition "
                f"{self.number}, and its events now come to {home} of {self.partitions}, so its orders would be "
                "forgotten and alerts said twice; deploy/docs/limits.md says what to do (Adding partitions)"
            )
        self._checked_shops.add((platform, shop))

    def restore_alert(self, key: bytes, value: bytes | None) -> bytes:
        """Restores a record of the alerts topic; its value is None if the alert was dropped. Returns the key."""
        if value is not None:
            restore_alert(self.engine, alerts.decode(value))
        return key

    def correct(self, key: bytes | None, value: bytes | None) -> bool:
        """Handles a record of `alerts` that another process has written. False if it says what was last emitted
        anyway."""
        name = (key or b"").decode(errors="replace")  # a topic that isn't compacted takes records without a key
        try:
            alert = None if value is None else alerts.decode(value)
            if alert is not None and partition_of(alert.platform, alert.shop, self.partitions) == self.number:
                foreign = correct_alert(self.engine, alert)
                if alert.data.alert == name:
                    return foreign
        except (msgspec.DecodeError, ValueError):
            pass  # no alert
        restate_alert(self.engine, name)  # the record of what was last emitted is gone
        return True

    def _restore_progress(self, progress: Progress) -> None:
        self._progress_kept = progress
        clock_ms = progress.clock_ms
        if (
            self.wall
        ):  # it may lie in the future if it was kept while the machine's clock was wrong; no timer may fire by that
            clock_ms = min(clock_ms, self.wall_clock.now_ms())
        self.engine.clock_ms = max(self.engine.clock_ms, clock_ms)
        self.clock.restore(progress.through_ms, progress.ticked_ms)

    # -- what must be written -------------------------------------------------------------------------------

    def _emit(self, shop: Shop, alert: Alert) -> None:
        """Encodes an alert as a record at once: the bytes of a commit cycle's alerts fit into the processor's caches,
        their objects don't."""
        data = alert.data
        data.link = self._console_url + data.link
        value = alerts.encode(alert)
        if len(value) > LARGEST_VALUE_BYTES:
            value = fitting(msgspec.to_builtins(alert), msgspec.json.encode)
        self._emitted.append((data.alert.encode(), value))
        self.standings.note_alert(shop)
        self.days.note_alert(shop, alert, self.engine.clock_ms)
        self.reasons.note(alert)
        if data.rule == UNWATCHED.id and alert.type == "alert.opened":
            log.warning("no rule watches the shop %s: nothing of it raises an alert", shop.key)

    @property
    def unwritten_alerts(self) -> int:
        """How many alerts have been emitted since they were last drained."""
        return len(self._emitted)

    @property
    def is_written(self) -> bool:
        """Whether nothing was evaluated since what was found was last drained: in event time also nothing by a later
        clock, which a restart has fire its timers again. Asked when all that was drained is written."""
        is_clock_kept = self.wall or self.engine.clock_ms - self._progress_kept.clock_ms < WORTH_KEEPING_MS
        return is_clock_kept and not self._emitted

    def drain_alerts(self) -> list[tuple[bytes, bytes]]:
        """Keys and values of the alerts emitted since the last call."""
        emitted, self._emitted = self._emitted, []
        return emitted

    def progress(self, has_expired: bool = False) -> bytes | None:
        """The partition's clock, if it has moved enough since it was last kept to be worth a record. Where orders have
        expired by it, it is kept as it is: after a restart no period may be computed that still had them before."""
        kept, now = self._progress_kept, self._progress_now()
        heard_more = now.through_ms != kept.through_ms or now.ticked_ms != kept.ticked_ms
        least_ms = 1 if has_expired else WORTH_KEEPING_MS
        if not heard_more and abs(now.clock_ms - kept.clock_ms) < least_ms:
            return None
        self._progress_kept = now
        return msgspec.json.encode(now)

    def _progress_now(self) -> Progress:
        if self.wall:
            return Progress(self.engine.clock_ms)
        return Progress(self.engine.clock_ms, dict(self.clock.through_ms), self.clock.ticked_ms)


@cache
def _types_on(topic: str) -> list[type]:
    """The types of events that belong on an input; ticks may be on any."""
    return [ClockTick, *(kind for name, kind in TYPES.items() if topic_of(name) == topic)]


def _misplaced(kind: type, topic: str) -> BadEvent:
    name: str = kind.__struct_config__.tag  # type: ignore[attr-defined]
    return BadEvent(f"{name} belongs on `{topic_of(name)}`, this is `{topic}`", MISPLACED)
