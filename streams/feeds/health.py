"""When each shop was last heard of through each feed, for the topic `feed-health`.

A push feed is late once it has been silent for longer than it ever was lately, a poll once several readings failed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rules.calendar.instants import DAY_MS, HOUR_MS, from_rfc3339, rfc3339
from streams.kafka.consumer import Consumer
from streams.views.feed_health import FeedHealth, decode

MINUTE_MS = 60_000

FIRST_GUESS_MS = 6 * HOUR_MS
"""The usual silence of a shop until its own is known."""

SHORTEST_MS, LONGEST_MS = 20 * MINUTE_MS, 7 * DAY_MS
"""Bounds of the usual silence."""

HALF_LIFE_MS = 3 * DAY_MS
"""A long silence in the past counts half as much after this time."""

LATE, SILENT = 1.5, 3.0
"""A feed is late, or silent, after so many times the usual silence."""

LATE_READINGS, SILENT_READINGS = 3, 8
"""A polled feed is late, or silent, when so many readings should have ended since the last."""

EVERY_MS = MINUTE_MS
"""The health of a feed is written at most this often."""


@dataclass
class _Kept:
    """`written_ms` is the `heard_at` that was last written."""

    health: FeedHealth
    heard_ms: int | None
    usual_ms: float
    written_ms: int = 0


@dataclass
class FeedHealthBook:
    """What is known of each feed, by its key. Its methods return the records to be written."""

    _kept: dict[bytes, _Kept] = field(default_factory=dict)

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Reads one record of the topic. A record that can't be read is ignored."""
        if value is None:
            self._kept.pop(key, None)
            return
        try:
            health = decode(value)
            heard_ms = None if health.heard_at is None else from_rfc3339(health.heard_at)
        except (msgspec.MsgspecError, ValueError):
            return
        usual_ms = FIRST_GUESS_MS if health.usual_s is None else health.usual_s * 1000
        self._kept[key] = _Kept(health, heard_ms, usual_ms, heard_ms or 0)

    def pushed(self, platform: str, shop: str, source: str, app: str, at_ms: int) -> FeedHealth | None:
        """Notes that a push was received. Returns the record to be written, None if none is needed."""
        health = FeedHealth(
            platform=platform, shop=shop, source=source, app=app, by="push", heard_at=None, late_at="", silent_at=""
        )
        kept = self._kept.setdefault(health.key(), _Kept(health, None, FIRST_GUESS_MS))
        if kept.heard_ms is not None:
            if at_ms <= kept.heard_ms:
                return None
            kept.usual_ms = usual_silence_ms(kept.usual_ms, at_ms - kept.heard_ms)
        kept.heard_ms = at_ms
        if at_ms - kept.written_ms < EVERY_MS:
            return None
        kept.written_ms = at_ms
        return msgspec.structs.replace(
            health,
            heard_at=rfc3339(at_ms),
            late_at=rfc3339(at_ms + round(LATE * kept.usual_ms)),
            silent_at=rfc3339(at_ms + round(SILENT * kept.usual_ms)),
            usual_s=round(kept.usual_ms / 1000),
        )

    def gone(self, is_there: Callable[[FeedHealth], bool]) -> list[bytes]:
        """The keys of those that aren't there any more; they are to be deleted from the topic, and are forgotten."""
        gone = [key for key, kept in self._kept.items() if not is_there(kept.health)]
        for key in gone:
            del self._kept[key]
        return gone

    def knows(self, health: FeedHealth) -> bool:
        return health.key() in self._kept


def usual_silence_ms(usual_ms: float, gap_ms: int) -> float:
    """The longest silence lately, after another one. At most twice as long as before: nobody calls an outage usual."""
    faded: float = usual_ms * 0.5 ** (gap_ms / HALF_LIFE_MS)
    return float(min(max(faded, min(gap_ms, 2 * usual_ms), SHORTEST_MS), LONGEST_MS))


def polled(
    platform: str, shop: str, source: str, app: str, read_ms: int | None, from_ms: int, every_ms: int
) -> FeedHealth:
    """A shop that was read up to `read_ms`; `from_ms` is when it was to be read from on, where it never was."""
    heard_ms = from_ms if read_ms is None else read_ms
    return FeedHealth(
        platform=platform,
        shop=shop,
        source=source,
        app=app,
        by="poll",
        heard_at=None if read_ms is None else rfc3339(read_ms),
        late_at=rfc3339(heard_ms + LATE_READINGS * every_ms),
        silent_at=rfc3339(heard_ms + SILENT_READINGS * every_ms),
    )


async def read(book: FeedHealthBook, topic: str, access: Mapping[str, Any]) -> None:
    """Everything that the topic holds by now. Raises KafkaError."""
    async with Consumer(topic, enable_auto_commit=False, auto_offset_reset="earliest", **access) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    book.apply(record.key or b"", record.value)
