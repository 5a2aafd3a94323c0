"""What is known of one shop beside its orders: entries that merge in any order and any number of times.

An entry is one event's word. Of some things only the newest word counts (stock of a SKU, the rating), which is the
newest up to the moment asked for: a word ahead of the clock leaves the one before it in force. Other events each count
by themselves, once (violations, disputes, deposits), and are kept until nothing can ask for them.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from rules.calendar.instants import DAY_MS, NEVER, rfc3339, to_ms
from rules.facts.order_facts import Stamp
from rules.messages import shop_events as events

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

    def stamp(self) -> Stamp:
        return self.at_ms, self.source, self.id


class Kind(Struct, frozen=True):
    """How events of one type are kept; `about` is None where each counts by itself. `group`: by what they are looked
    up, if by anything."""

    name: str
    data: type
    about: Callable[[Any], Key] | None = None
    group: Callable[[Entry], Key] | None = None


def _kind(
    event: type, about: Callable[[Any], Key] | None = None, group: Callable[[Entry], Key] | None = None
) -> tuple[type, Kind]:
    name = str(event.__struct_config__.tag)  # type: ignore[attr-defined]
    by_about = None if about is None else lambda entry: about(entry.data)
    return event, Kind(name, event.__annotations__["data"], about, group or by_about)


def sku_of(entry: Entry) -> str:
    """The SKU a shop's event is about."""
    return entry.data.sku or "-"


def _of_sku(entry: Entry) -> Key:
    return (sku_of(entry),)


def done_as(entry: Entry) -> Key:
    """What a task was done for: its name, an alert, an order."""
    return (entry.data.task or "", entry.data.alert or "", *(() if entry.order is None else (entry.order,)))


KINDS: Final[dict[type, Kind]] = dict(
    [
        _kind(events.ShopProfile),
        _kind(events.StockLevel, lambda data: (data.sku or "-",)),
        _kind(events.RatingUpdated, lambda data: ()),
        _kind(events.ListingCounts),
        _kind(events.CarrierStateChanged, lambda data: (data.carrier or "", data.region or "")),
        _kind(events.MetricReported, lambda data: (data.name or "-",)),
        _kind(events.PointsReported),
        _kind(events.DisputeOpened, group=lambda entry: (entry.data.provider or "-", entry.data.cause or "")),
        _kind(events.ViolationRecorded),
        _kind(events.PriceChanged, group=_of_sku),
        _kind(events.PromotionScheduled, group=_of_sku),
        _kind(events.DepositDeducted),
        _kind(events.DepositToppedUp),
        _kind(events.TaskDone, group=done_as),
        _kind(events.EmergencyDeclared),
    ]
)
"""`dispute.closed` and `emergency.ended` change nothing that a clause asks for: what was opened stays counted."""

PROFILE_KINDS: Final = frozenset({"shop.profile", "listing.counts"})
"""The entries that tell a shop's site and programme."""

BY_NAME: Final = {kind.name: kind for kind in KINDS.values()}


class Words:
    """The entries of one event type: by key, in time, and in time by what they are about. `rewrites`: how often one was
    taken out or put before the last; else what is `in_time` only grows at its end."""

    __slots__ = ("by_about", "by_key", "in_time", "kind", "rewrites")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.rewrites = 0
        self.by_key: dict[Key, Entry] = {}
        self.in_time: list[Entry] = []
        self.by_about: dict[Key, list[Entry]] = {}

    def put(self, key: Key, entry: Entry | None) -> None:
        """Puts an entry in its place; None takes it out."""
        held, group = self.by_key.pop(key, None), self.kind.group
        if held is not None:
            self.rewrites += 1
            _take_out(self.in_time, held)
            if group is not None:
                _take_out(self.by_about[group(held)], held)
                if not self.by_about[group(held)]:
                    del self.by_about[group(held)]
        if entry is not None:
            self.by_key[key] = entry
            self.rewrites += bool(self.in_time) and self.in_time[-1].stamp() > entry.stamp()
            insort(self.in_time, entry, key=Entry.stamp)
            if group is not None:
                insort(self.by_about.setdefault(group(entry), []), entry, key=Entry.stamp)


def _take_out(entries: list[Entry], entry: Entry) -> None:
    n = bisect_left(entries, entry.stamp(), key=Entry.stamp)
    while entries[n] is not entry:  # two of one mark: a sender that names two things in one event id
        n += 1
    del entries[n]


def until(entries: Sequence[Entry], at_ms: int) -> int:
    """How many of these entries, which are in time, are known at a moment."""
    return bisect_left(entries, at_ms + 1, key=_at_ms)


def _at_ms(entry: Entry) -> int:
    return entry.at_ms


class ShopFacts:
    """A shop's entries by kind. `changed_entries`: those that have come or gone since someone last took these."""

    __slots__ = ("_kept", "_telling_site", "changed_entries")

    def __init__(self) -> None:
        self._kept: dict[str, Words] = {}
        self._telling_site: list[Entry] = []  # the listing counts that name the shop's site, in time
        self.changed_entries: list[tuple[str, Entry]] = []

    def _words(self, name: str) -> Words:
        words = self._kept.get(name)
        if words is None:
            words = self._kept[name] = Words(BY_NAME[name])
        return words

    def merge(self, kind: Kind, event: Any, at_ms: int, clock_ms: int) -> list[Key]:
        """Takes an event in; the keys of the entries that have come, changed or gone. Of what only the newest word
        counts, words up to the clock that are no longer the newest go; a profile counts at once, whatever its time."""
        words = self._words(kind.name)
        about = () if kind.about is None else kind.about(event.data)
        key = (*about, event.source, event.id)
        entry, held = Entry(at_ms, event.source, event.id, event.order, event.data), words.by_key.get(key)
        if held is not None and held.stamp() <= entry.stamp():
            return []  # of two events that share an id the earlier holds, whichever came first
        self._put(words, key, entry)
        gone: Sequence[Entry]
        if kind.name == "shop.profile":
            gone = _overruled(words.in_time)
        else:
            gone = [] if kind.about is None else _superseded(words.by_about[about], clock_ms)
        gone_keys = [(*about, each.source, each.id) for each in gone]
        for each in gone_keys:
            self._put(words, each, None)
        changed = dict.fromkeys([key, *gone_keys])
        if held is None and key in gone_keys:
            del changed[key]  # it has never been there
        if changed:
            self.changed_entries += [(kind.name, each) for each in (held, entry, *gone) if each is not None]
        return list(changed)

    def put(self, name: str, key: Key, entry: Entry | None) -> None:
        """Puts an entry in its place; None takes it out."""
        words = self._words(name)
        self.changed_entries += [(name, each) for each in (words.by_key.get(key), entry) if each is not None]
        self._put(words, key, entry)

    def _put(self, words: Words, key: Key, entry: Entry | None) -> None:
        if words.kind.name == "listing.counts":
            held = words.by_key.get(key)
            if held is not None and held.data.site:
                _take_out(self._telling_site, held)
            if entry is not None and entry.data.site:
                insort(self._telling_site, entry, key=Entry.stamp)
        words.put(key, entry)

    def get(self, name: str, key: Key) -> Entry | None:
        words = self._kept.get(name)
        return None if words is None else words.by_key.get(key)

    def of(self, name: str) -> Sequence[Entry]:
        """All entries of an event type in time, some of which may lie ahead of the clock. Not to be changed."""
        words = self._kept.get(name)
        return () if words is None else words.in_time

    def rewrites(self, name: str) -> int:
        """Since the last time with as many, the entries of a type have only grown at their end."""
        words = self._kept.get(name)
        return 0 if words is None else words.rewrites

    def known(self, name: str, at_ms: int) -> list[Entry]:
        """The entries of an event type that count at a moment, oldest first."""
        entries = self.of(name)
        known, about = list(entries[: until(entries, at_ms)]), BY_NAME[name].about
        if about is None:
            return known
        newest: dict[Key, Entry] = {}
        for entry in known:
            key = about(entry.data)
            newest.pop(key, None)  # the place of what is newer is further behind
            newest[key] = entry
        return list(newest.values())

    def newest(self, name: str, about: Key, at_ms: int) -> Entry | None:
        """The word that counts at a moment, of those about something."""
        return _last(self.about(name, about), at_ms)

    def about(self, name: str, about: Key) -> Sequence[Entry]:
        """All entries of an event type about one thing, in time. Not to be changed."""
        words = self._kept.get(name)
        return () if words is None else words.by_about.get(about, ())

    def last(self, name: str, at_ms: int) -> Entry | None:
        """The last entry of a type that is known at a moment."""
        return _last(self.of(name), at_ms)

    def next_after(self, name: str, at_ms: int) -> int | None:
        """When the next entry of a type that lies ahead comes true (epoch ms)."""
        return _next(self.of(name), at_ms)

    def next_about(self, name: str, about: Key, at_ms: int) -> int | None:
        """The same of those about one thing."""
        return _next(self.about(name, about), at_ms)

    def first_at_ms(self) -> int:
        """When anything was first heard (epoch ms); `NEVER` where nothing was."""
        return min((words.in_time[0].at_ms for words in self._kept.values() if words.in_time), default=NEVER)

    def profile(self, field: str) -> str | None:
        """The newest word on `site`, `programme` or `currency`; a listing count may tell the site as well."""
        said = [entry for entry in self.of("shop.profile") if getattr(entry.data, field)]
        if not said and field == "site":
            said = self._telling_site[-1:]
        return str(getattr(said[-1].data, field)) if said else None

    def spent(self, at_ms: int, kept: Collection[str]) -> Iterator[tuple[str, Key]]:
        """Entries that nothing asks for any more; those of the types `kept` that count by themselves stay for good."""
        for name, words in self._kept.items():
            if words.kind.about is not None:
                for about, said in words.by_about.items():
                    yield from ((name, (*about, each.source, each.id)) for each in _superseded(said, at_ms))
            elif name != "shop.profile" and name not in kept:
                old = words.in_time[: until(words.in_time, at_ms - KEPT_MS - 1)]
                yield from ((name, (each.source, each.id)) for each in old)


def _last(entries: Sequence[Entry], at_ms: int) -> Entry | None:
    known = until(entries, at_ms)
    return entries[known - 1] if known else None


def _next(entries: Sequence[Entry], at_ms: int) -> int | None:
    known = until(entries, at_ms)
    return entries[known].at_ms if known < len(entries) else None


def _superseded(said: Sequence[Entry], at_ms: int) -> Sequence[Entry]:
    """Which words about one thing, which are in time, have been overtaken by a newer one at a moment."""
    return said[: max(until(said, at_ms) - 1, 0)]


def _overruled(profiles: Sequence[Entry]) -> list[Entry]:
    """Which words on the profile, which are in time, say nothing that a newer one hasn't said."""
    gone, told = [], set[str]()
    for n, entry in enumerate(reversed(profiles)):
        if n and _says(entry.data) <= told:
            gone.append(entry)
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


def holding(price: Entry) -> tuple[int, Stamp]:
    """Where a price stands in the order in which prices hold."""
    return starts_ms(price), price.stamp()


def encode(entry: Entry) -> bytes:
    return msgspec.msgpack.encode(msgspec.to_builtins(entry))


def decode(kind: str, raw: bytes) -> Entry:
    entry = msgspec.msgpack.decode(raw, type=Entry)
    entry.data = msgspec.convert(entry.data, BY_NAME[kind].data, strict=False)
    return entry
