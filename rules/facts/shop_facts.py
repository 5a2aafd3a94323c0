"""A shop's own facts, beside its orders: entries that merge in any order and any number of times.

An entry is what one event states. Of some types only the newest entry counts (stock of a SKU, rating): the newest up to
the moment asked for, so that an entry after the clock leaves the one before it in force. Entries of other types each
count once (violations, disputes, deposits), and are kept until nothing can ask for them.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from rules.calendar.instants import DAY_MS, NEVER, rfc3339, to_ms
from rules.facts.statements import Stamp
from rules.messages import shop_events as events

KEPT_MS = 400 * DAY_MS
"""How long entries that each count are kept, unless a rule needs them for longer."""

Key = tuple[str, ...]
"""What an entry is about (a SKU, or nothing), then its source and event id."""


class Entry(Struct, array_like=True, gc=False):
    """What one event states: when (`at_ms`), its source and id, the order it names, and its data."""

    at_ms: int
    source: str
    id: str
    order: str | None
    data: Any

    def stamp(self) -> Stamp:
        return self.at_ms, self.source, self.id


class Kind(Struct, frozen=True):
    """How entries of one type are kept. `about` gives what an entry is about; None if each entry counts. `group` gives
    what they are looked up by. `holds`: of those that each count the newest holds until there is a newer one, however
    old it is; from when on (epoch ms) it does."""

    name: str
    data: type
    about: Callable[[Any], Key] | None = None
    group: Callable[[Entry], Key] | None = None
    holds: Callable[[Entry], int] | None = None


def _kind(
    event: type,
    about: Callable[[Any], Key] | None = None,
    group: Callable[[Entry], Key] | None = None,
    holds: Callable[[Entry], int] | None = None,
) -> tuple[type, Kind]:
    name = str(event.__struct_config__.tag)  # type: ignore[attr-defined]
    by_about = None if about is None else lambda entry: about(entry.data)
    return event, Kind(name, event.__annotations__["data"], about, group or by_about, holds)


def sku_of(entry: Entry) -> str:
    """The SKU a shop's event is about."""
    return entry.data.sku or "-"


def _of_sku(entry: Entry) -> Key:
    return (sku_of(entry),)


def done_as(entry: Entry) -> Key:
    """What a task was done for: its name, alert and order."""
    return (entry.data.task or "", entry.data.alert or "", *(() if entry.order is None else (entry.order,)))


KINDS: Final[dict[type, Kind]] = dict(
    [
        _kind(events.ShopProfile),
        _kind(events.StockLevel, lambda data: (data.sku or "-",)),
        _kind(events.RatingUpdated, lambda data: ()),
        _kind(events.ListingCounts, holds=lambda entry: entry.at_ms),
        _kind(events.CarrierStateChanged, lambda data: (data.carrier or "", data.region or "")),
        _kind(events.MetricReported, lambda data: (data.name or "-",)),
        _kind(events.PointsReported),
        _kind(events.DisputeOpened, group=lambda entry: (entry.data.provider or "-", entry.data.cause or "")),
        _kind(events.ViolationRecorded),
        _kind(events.PriceChanged, group=_of_sku, holds=lambda entry: starts_ms(entry)),
        _kind(events.PromotionScheduled, group=_of_sku),
        _kind(events.DepositDeducted),
        _kind(events.DepositToppedUp),
        _kind(events.TaskDone, group=done_as),
        _kind(events.EmergencyDeclared),
    ]
)
"""The types that are kept. `dispute.closed` and `emergency.ended` are not: what was opened stays counted."""

PROFILE_KINDS: Final = frozenset({"shop.profile", "listing.counts"})
"""The types that state a shop's site and programme."""

BY_NAME: Final = {kind.name: kind for kind in KINDS.values()}


class EntryIndex:
    """The entries of one type: by key, in time, and in time by what they are about. `rewrites` counts how often one was
    removed or put before the last; while it stays the same, `in_time` has only grown at its end."""

    __slots__ = ("by_about", "by_key", "in_time", "kind", "rewrites")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.rewrites = 0
        self.by_key: dict[Key, Entry] = {}
        self.in_time: list[Entry] = []
        self.by_about: dict[Key, list[Entry]] = {}

    def put(self, key: Key, entry: Entry | None) -> None:
        """Puts an entry; None removes it."""
        held, group = self.by_key.pop(key, None), self.kind.group
        if held is not None:
            self.rewrites += 1
            _remove(self.in_time, held)
            if group is not None:
                _remove(self.by_about[group(held)], held)
                if not self.by_about[group(held)]:
                    del self.by_about[group(held)]
        if entry is not None:
            self.by_key[key] = entry
            self.rewrites += bool(self.in_time) and self.in_time[-1].stamp() > entry.stamp()
            insort(self.in_time, entry, key=Entry.stamp)
            if group is not None:
                insort(self.by_about.setdefault(group(entry), []), entry, key=Entry.stamp)


def _remove(entries: list[Entry], entry: Entry) -> None:
    n = bisect_left(entries, entry.stamp(), key=Entry.stamp)
    while entries[n] is not entry:  # two entries have one stamp if a sender names two things in one event id
        n += 1
    del entries[n]


def until(entries: Sequence[Entry], at_ms: int) -> int:
    """How many of these entries, which are sorted by time, are known at a moment."""
    return bisect_left(entries, at_ms + 1, key=_at_ms)


def _at_ms(entry: Entry) -> int:
    return entry.at_ms


class ShopFacts:
    """A shop's entries by type. `changed_entries`: those that were added or removed since the list was last taken."""

    __slots__ = ("_kept", "_telling_site", "changed_entries")

    def __init__(self) -> None:
        self._kept: dict[str, EntryIndex] = {}
        self._telling_site: list[Entry] = []  # the listing counts that name the shop's site, in time
        self.changed_entries: list[tuple[str, Entry]] = []

    def _index(self, name: str) -> EntryIndex:
        index = self._kept.get(name)
        if index is None:
            index = self._kept[name] = EntryIndex(BY_NAME[name])
        return index

    def merge(self, kind: Kind, event: Any, at_ms: int, clock_ms: int) -> list[Key]:
        """Merges an event. Returns the keys of entries that were added, changed or removed. Of types whose newest entry
        counts, older ones up to the clock are removed; a profile counts at once, whatever its time."""
        index = self._index(kind.name)
        about = () if kind.about is None else kind.about(event.data)
        key = (*about, event.source, event.id)
        entry, held = Entry(at_ms, event.source, event.id, event.order, event.data), index.by_key.get(key)
        if held is not None and held.stamp() <= entry.stamp():
            return []  # of two events with the same id the earlier one holds, whichever came first
        self._put(index, key, entry)
        gone: Sequence[Entry]
        if kind.name == "shop.profile":
            gone = _overruled(index.in_time)
        else:
            gone = [] if kind.about is None else _superseded(index.by_about[about], clock_ms)
        gone_keys = [(*about, each.source, each.id) for each in gone]
        for each in gone_keys:
            self._put(index, each, None)
        changed = dict.fromkeys([key, *gone_keys])
        if held is None and key in gone_keys:
            del changed[key]  # added and removed at once
        if changed:
            self.changed_entries += [(kind.name, each) for each in (held, entry, *gone) if each is not None]
        return list(changed)

    def put(self, name: str, key: Key, entry: Entry | None) -> None:
        """Puts an entry; None removes it."""
        index = self._index(name)
        self.changed_entries += [(name, each) for each in (index.by_key.get(key), entry) if each is not None]
        self._put(index, key, entry)

    def _put(self, index: EntryIndex, key: Key, entry: Entry | None) -> None:
        if index.kind.name == "listing.counts":
            held = index.by_key.get(key)
            if held is not None and held.data.site:
                _remove(self._telling_site, held)
            if entry is not None and entry.data.site:
                insort(self._telling_site, entry, key=Entry.stamp)
        index.put(key, entry)

    def get(self, name: str, key: Key) -> Entry | None:
        index = self._kept.get(name)
        return None if index is None else index.by_key.get(key)

    def of(self, name: str) -> Sequence[Entry]:
        """All entries of a type, sorted by time; some may lie after the clock. Not to be changed."""
        index = self._kept.get(name)
        return () if index is None else index.in_time

    def rewrites(self, name: str) -> int:
        """As long as this number stays the same, a type's entries have only grown at their end."""
        index = self._kept.get(name)
        return 0 if index is None else index.rewrites

    def known(self, name: str, at_ms: int) -> list[Entry]:
        """The entries of a type that count at a moment, the oldest first."""
        entries = self.of(name)
        known, about = list(entries[: until(entries, at_ms)]), BY_NAME[name].about
        if about is None:
            return known
        newest: dict[Key, Entry] = {}
        for entry in known:
            key = about(entry.data)
            newest.pop(key, None)  # a newer entry comes later in the list
            newest[key] = entry
        return list(newest.values())

    def newest(self, name: str, about: Key, at_ms: int) -> Entry | None:
        """The newest entry about something at a moment."""
        return _last(self.about(name, about), at_ms)

    def about(self, name: str, about: Key) -> Sequence[Entry]:
        """All entries of a type about one thing, sorted by time. Not to be changed."""
        index = self._kept.get(name)
        return () if index is None else index.by_about.get(about, ())

    def last(self, name: str, at_ms: int) -> Entry | None:
        """The last entry of a type at a moment."""
        return _last(self.of(name), at_ms)

    def next_after(self, name: str, at_ms: int) -> int | None:
        """The time of a type's first entry after a moment (epoch ms)."""
        return _next(self.of(name), at_ms)

    def next_about(self, name: str, about: Key, at_ms: int) -> int | None:
        """The same for entries about one thing."""
        return _next(self.about(name, about), at_ms)

    def first_at_ms(self) -> int:
        """The time of the first entry (epoch ms); `NEVER` if there is none."""
        return min((index.in_time[0].at_ms for index in self._kept.values() if index.in_time), default=NEVER)

    def profile(self, field: str) -> str | None:
        """The newest `site`, `programme` or `currency` stated; a listing count may state the site as well."""
        entries = [entry for entry in self.of("shop.profile") if getattr(entry.data, field)]
        if not entries and field == "site":
            entries = self._telling_site[-1:]
        return str(getattr(entries[-1].data, field)) if entries else None

    def spent(self, at_ms: int, kept_ms: Mapping[str, int]) -> Iterator[tuple[str, Key]]:
        """Entries that nothing asks for any more; `kept_ms` says how long entries of which each counts are kept
        (`NEVER`: for good), where that isn't `KEPT_MS`."""
        for name, index in self._kept.items():
            if index.kind.about is not None:
                for about, entries in index.by_about.items():
                    yield from ((name, (*about, each.source, each.id)) for each in _superseded(entries, at_ms))
            elif name != "shop.profile":
                yield from (
                    (name, (each.source, each.id)) for each in self._old(index, at_ms - kept_ms.get(name, KEPT_MS))
                )

    def _old(self, index: EntryIndex, before_ms: int) -> Iterator[Entry]:
        """The entries of a type before a moment, without those that still hold: the last word on a level does, however
        old it is."""
        old, holds, group = index.in_time[: until(index.in_time, before_ms - 1)], index.kind.holds, index.kind.group
        if holds is None:
            yield from old
            return
        began = sorted((each for each in old if holds(each) < before_ms), key=lambda each: (holds(each), each.stamp()))
        last = {() if group is None else group(each): each for each in began}
        telling_site = self._telling_site[-1:] if index.kind.name == "listing.counts" else []
        held = {id(each) for each in (*last.values(), *telling_site)}
        yield from (each for each in began if id(each) not in held)


def _last(entries: Sequence[Entry], at_ms: int) -> Entry | None:
    known = until(entries, at_ms)
    return entries[known - 1] if known else None


def _next(entries: Sequence[Entry], at_ms: int) -> int | None:
    known = until(entries, at_ms)
    return entries[known].at_ms if known < len(entries) else None


def _superseded(entries: Sequence[Entry], at_ms: int) -> Sequence[Entry]:
    """The entries about one thing, sorted by time, that have a newer one at a moment."""
    return entries[: max(until(entries, at_ms) - 1, 0)]


def _overruled(profiles: Sequence[Entry]) -> list[Entry]:
    """The profile entries, sorted by time, of which newer ones state every field."""
    gone, stated = [], set[str]()
    for n, entry in enumerate(reversed(profiles)):
        if n and _stated(entry.data) <= stated:
            gone.append(entry)
        stated |= _stated(entry.data)
    return gone


def _stated(profile: Any) -> set[str]:
    return {field for field in profile.__struct_fields__ if getattr(profile, field)}


def event_evidence(entry: Entry) -> dict[str, Any]:
    """The event of an entry, as evidence."""
    return {"at": rfc3339(entry.at_ms), "source": entry.source, "event": entry.id}


def starts_ms(entry: Entry) -> int:
    """From when on a price or promotion holds (epoch ms): its `starts_at`, or the event's time."""
    return entry.at_ms if entry.data.starts_at is None else to_ms(entry.data.starts_at)


def holding(price: Entry) -> tuple[int, Stamp]:
    """A sort key for prices: when each starts to hold, then its stamp."""
    return starts_ms(price), price.stamp()


def encode(entry: Entry) -> bytes:
    return msgspec.msgpack.encode(msgspec.to_builtins(entry))


def decode(kind: str, raw: bytes) -> Entry:
    entry = msgspec.msgpack.decode(raw, type=Entry)
    entry.data = msgspec.convert(entry.data, BY_NAME[kind].data, strict=False)
    return entry
