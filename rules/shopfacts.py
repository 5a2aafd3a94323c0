"""What is known of one shop beside its orders: entries that merge in any order and any number of times.

An entry is one event's word. Of some things only the newest word counts (stock of a SKU, the rating), which is the
newest up to the moment asked for: a word ahead of the clock leaves the one before it in force. Other events each count
by themselves, once (violations, disputes, deposits), and are kept until nothing can ask for them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from rules import events
from rules.facts import Mark
from rules.instants import DAY_MS, NEVER, rfc3339, to_ms

KEPT_MS = 400 * DAY_MS
"""How long events that count by themselves are kept, except where they matter for good."""

Key = tuple[str, ...]
"""What an entry is about (a SKU, nothing), then who said it and the event's id."""


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

PROFILE_KINDS: Final = frozenset({"shop.profile", "listing.counts"})
"""The entries that tell a shop's site and programme."""

BY_NAME: Final = {kind.name: kind for kind in KINDS.values()}


class ShopFacts:
    """A shop's entries by kind, by what they are about, and by event."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[str, dict[Key, dict[Key, Entry]]] = {}

    def merge(self, kind: Kind, event: Any, at_ms: int, clock_ms: int) -> list[Key]:
        """Takes an event in; the keys of the entries that have come, changed or gone. Of what only the newest word
        counts, words up to the clock that are no longer the newest go; a profile counts at once, whatever its time."""
        about = () if kind.about is None else kind.about(event.data)
        said = self._kept.setdefault(kind.name, {}).setdefault(about, {})
        entry, event_key = Entry(at_ms, event.source, event.id, event.order, event.data), (event.source, event.id)
        held = said.get(event_key)
        if held is not None and held.mark() <= entry.mark():
            return []  # of two events that share an id the earlier holds, whichever came first
        said[event_key] = entry
        if kind.name == "shop.profile":
            gone = _overruled(said)
        else:
            gone = [] if kind.about is None else _superseded(said, clock_ms)
        for key in gone:
            del said[key]
        changed = {event_key, *gone} if held is not None or event_key in said else {*gone} - {event_key}
        return [(*about, *key) for key in changed]

    def put(self, name: str, key: Key, entry: Entry | None) -> None:
        """Puts an entry in its place; None takes it out."""
        said = self._kept.setdefault(name, {}).setdefault(key[:-2], {})
        if entry is None:
            said.pop(key[-2:], None)
        else:
            said[key[-2:]] = entry

    def get(self, name: str, key: Key) -> Entry | None:
        return self._kept.get(name, {}).get(key[:-2], {}).get(key[-2:])

    def of(self, name: str) -> list[Entry]:
        """All entries of an event type, some of which may lie ahead of the clock."""
        return [entry for said in self._kept.get(name, {}).values() for entry in said.values()]

    def known(self, name: str, at_ms: int) -> list[Entry]:
        """The entries of an event type that count at a moment, oldest first."""
        found: list[Entry] = []
        for said in self._kept.get(name, {}).values():
            known = [entry for entry in said.values() if entry.at_ms <= at_ms]
            found += known if BY_NAME[name].about is None or not known else [max(known, key=Entry.mark)]
        return sorted(found, key=Entry.mark)

    def next_after(self, name: str, at_ms: int) -> int | None:
        """When the next entry of a type that lies ahead comes true (epoch ms)."""
        return min((entry.at_ms for entry in self.of(name) if entry.at_ms > at_ms), default=None)

    def first_at_ms(self) -> int:
        """When anything was first heard (epoch ms); `NEVER` where nothing was."""
        return min((entry.at_ms for name in self._kept for entry in self.of(name)), default=NEVER)

    def profile(self, field: str) -> str | None:
        """The newest word on `site`, `programme` or `currency`; a listing count may tell the site as well."""
        said = [entry for entry in self.of("shop.profile") if getattr(entry.data, field)]
        if not said and field == "site":
            said = [entry for entry in self.of("listing.counts") if entry.data.site]
        newest = max(said, key=Entry.mark, default=None)
        return None if newest is None else str(getattr(newest.data, field))

    def spent(self, at_ms: int, kept: Collection[str]) -> Iterator[tuple[str, Key]]:
        """Entries that nothing asks for any more; those of the types `kept` that count by themselves stay for good."""
        for name, subjects in self._kept.items():
            for about, said in subjects.items():
                if BY_NAME[name].about is not None:
                    gone = _superseded(said, at_ms)
                elif name == "shop.profile" or name in kept:
                    gone = []
                else:
                    gone = [key for key, entry in said.items() if entry.at_ms < at_ms - KEPT_MS]
                yield from ((name, (*about, *key)) for key in gone)


def _superseded(said: dict[Key, Entry], at_ms: int) -> list[Key]:
    """Which words have been overtaken by a newer one at a moment."""
    known = {key: entry for key, entry in said.items() if entry.at_ms <= at_ms}
    newest = max(known.values(), key=Entry.mark, default=None)
    return [key for key, entry in known.items() if entry is not newest]


def _overruled(profiles: dict[Key, Entry]) -> list[Key]:
    """Which words on the profile say nothing that a newer one hasn't said."""
    newest, *older = sorted(profiles.items(), key=lambda each: each[1].mark(), reverse=True)
    gone, told = [], _says(newest[1].data)
    for key, entry in older:
        if _says(entry.data) <= told:
            gone.append(key)
        told |= _says(entry.data)
    return gone


def _says(profile: Any) -> set[str]:
    return {field for field in profile.__struct_fields__ if getattr(profile, field)}


def said_by(entry: Entry) -> dict[str, Any]:
    """Which event said it, as evidence."""
    return {"at": rfc3339(entry.at_ms), "source": entry.source, "event": entry.id}


def starts_ms(entry: Entry) -> int:
    """From when on a price or a promotion holds (epoch ms): its `starts_at`, or when it was said."""
    return entry.at_ms if entry.data.starts_at is None else to_ms(entry.data.starts_at)


def in_order(prices: Iterable[Entry]) -> list[Entry]:
    """Prices in the order in which they hold."""
    return sorted(prices, key=lambda each: (starts_ms(each), each.mark()))


def encode(entry: Entry) -> bytes:
    return msgspec.msgpack.encode(msgspec.to_builtins(entry))


def decode(kind: str, raw: bytes) -> Entry:
    entry = msgspec.msgpack.decode(raw, type=Entry)
    entry.data = msgspec.convert(entry.data, BY_NAME[kind].data, strict=False)
    return entry
