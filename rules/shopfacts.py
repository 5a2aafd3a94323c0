"""What is known of one shop beside its orders: entries that merge in any order and any number of times.

An entry is one event's word. Of some things only the newest word counts (stock of a SKU, the rating); other events
each count by themselves, once (violations, disputes, deposits), and are kept until nothing can ask for them.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from rules import events
from rules.facts import Mark
from rules.instants import DAY_MS, rfc3339

KEPT_MS = 400 * DAY_MS
"""How long events that count by themselves are kept: longer than any window or points' life a pack may have."""

Key = tuple[str, ...]
"""What the newest word is about (`("A1",)` for a SKU), or `(source, event id)` where each event counts."""


class Entry(Struct, array_like=True, gc=False):
    """What one event says: `at_ms`, who sent it, its id, the order it names, and its data."""

    at_ms: int
    source: str
    id: str
    order: str | None
    data: Any

    def mark(self) -> Mark:
        return self.at_ms, self.source, self.id


class Kind(Struct, frozen=True):
    """How events of one type are kept; `about` is None where each counts by itself."""

    name: str
    data: type
    about: Callable[[Any], Key] | None = None


def _kind(event: type, about: Callable[[Any], Key] | None = None) -> tuple[type, Kind]:
    return event, Kind(str(event.__struct_config__.tag), event.__annotations__["data"], about)  # type: ignore[attr-defined]


KINDS: Final[dict[type, Kind]] = dict(
    [
        _kind(events.ShopProfile),
        _kind(events.StockLevel, lambda data: (data.sku or "-",)),
        _kind(events.RatingUpdated, lambda data: ()),
        _kind(events.ListingCounts),
        _kind(events.CarrierStateChanged, lambda data: (data.carrier or "", data.region or "")),
        _kind(events.MetricReported, lambda data: (data.name or "-",)),
        _kind(events.PointsReported),
        _kind(events.DisputeOpened),
        _kind(events.ViolationRecorded),
        _kind(events.PriceChanged),
        _kind(events.PromotionScheduled),
        _kind(events.DepositDeducted),
        _kind(events.DepositToppedUp),
        _kind(events.TaskDone),
        _kind(events.EmergencyDeclared),
    ]
)
"""`dispute.closed` and `emergency.ended` change nothing that a clause asks for: what was opened stays counted."""

BY_NAME: Final = {kind.name: kind for kind in KINDS.values()}


class ShopFacts:
    """A shop's entries by kind and key."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept: dict[str, dict[Key, Entry]] = {}

    def merge(self, kind: Kind, event: Any, at_ms: int) -> Key | None:
        """Takes an event in; the key of the entry that changed, if one did."""
        entry = Entry(at_ms, event.source, event.id, event.order, event.data)
        key = (event.source, event.id) if kind.about is None else kind.about(event.data)
        held = self.of(kind.name).get(key)
        if held is not None:
            newer, older = entry.mark() > held.mark(), entry.mark() < held.mark()
            # Of two events that share an id the earlier holds, whichever came first.
            if not (newer if kind.about is not None else older):
                return None
        self.kept.setdefault(kind.name, {})[key] = entry
        return key

    def of(self, name: str) -> dict[Key, Entry]:
        """The entries of an event type."""
        return self.kept.get(name) or {}

    def known(self, name: str, at_ms: int) -> list[Entry]:
        """The entries of an event type up to a moment, oldest first."""
        return sorted((entry for entry in self.of(name).values() if entry.at_ms <= at_ms), key=Entry.mark)

    def next_after(self, name: str, at_ms: int) -> int | None:
        """When the next entry of a type that lies ahead comes true (epoch ms)."""
        return min((entry.at_ms for entry in self.of(name).values() if entry.at_ms > at_ms), default=None)

    def profile(self, field: str) -> str | None:
        """The newest word on `site`, `programme` or `currency`; a listing count may tell the site as well."""
        said = [entry for entry in self.of("shop.profile").values() if getattr(entry.data, field)]
        if not said and field == "site":
            said = [entry for entry in self.of("listing.counts").values() if entry.data.site]
        newest = max(said, key=Entry.mark, default=None)
        return None if newest is None else str(getattr(newest.data, field))

    def spent(self, at_ms: int) -> Iterator[tuple[str, Key]]:
        """Entries that count by themselves and are older than anything asks for."""
        for name, entries in self.kept.items():
            if BY_NAME[name].about is None and name != "shop.profile":
                yield from [(name, key) for key, entry in entries.items() if entry.at_ms < at_ms - KEPT_MS]


def said_by(entry: Entry) -> dict[str, Any]:
    """Which event said it, as evidence."""
    return {"at": rfc3339(entry.at_ms), "source": entry.source, "event": entry.id}


def encode(entry: Entry) -> bytes:
    return msgspec.msgpack.encode(msgspec.to_builtins(entry))


def decode(kind: str, raw: bytes) -> Entry:
    entry = msgspec.msgpack.decode(raw, type=Entry)
    entry.data = msgspec.convert(entry.data, BY_NAME[kind].data, strict=False)
    return entry
