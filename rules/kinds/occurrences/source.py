"""Sources of occurrences: `of: {missed: joom.late_ship}`, `{violation: [fake_orders]}`.

Some occurrences are an order's (a missed deadline, a cancellation): their instants are extracted when the order is
evaluated, and kept in a timeline. Others follow from the shop's own events.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from rules.calendar.instants import MIN_MS, NEVER
from rules.facts.order_facts import OrderFacts
from rules.facts.shop_facts import Entry, holding, sku_of, starts_ms
from rules.kinds.evaluator import Evaluator, R, State
from rules.kinds.occurrence_index import Occurrence, OccurrenceIndex
from rules.kinds.occurrences.spec import OccurrenceSpec
from rules.kinds.shop_view import ShopView
from rules.kinds.timeline import Timeline

ChangedSubjects = list[tuple[str, int]]
"""Subjects with the instants (epoch ms) of occurrences that were added or removed."""


class Log(NamedTuple):
    """All occurrences, sorted by time. If it is `lasting`, it has only grown at its end while `rewrites` stays the
    same. `at_ms` and `occurrence` read an item."""

    lasting: bool
    rewrites: int
    items: Sequence[Any]
    at_ms: Callable[[Any], int]
    occurrence: Callable[[Any], Occurrence]

    def until(self, at_ms: int) -> int:
        """How many items there are up to a moment."""
        return bisect_right(self.items, at_ms, key=self.at_ms)

    def next_after(self, at_ms: int) -> int:
        """The instant of the next item (epoch ms); `NEVER` if there is none."""
        n = self.until(at_ms)
        return self.at_ms(self.items[n]) if n < len(self.items) else NEVER


class OccurrenceSource(ABC):
    """An `of` compiled. `readers` are evaluators by subject that must know of changes; `events` are the types of the
    shop's own events it looks at. If it isn't `lasting`, it doesn't know when what it depends on changes."""

    lasting = True
    slot: int | None = None

    def __init__(self, of: OccurrenceSpec) -> None:
        self.of = of
        self.name = repr(of)
        self.events = of.events()
        self.readers: list[Any] = []

    def occurrences(self, shop: ShopView, since_ms: int = MIN_MS) -> list[Occurrence]:
        """All known occurrences from a moment on, the oldest first; some may lie after the clock."""
        found = [each for at_ms, subject in self.since(shop, since_ms) for each in self.at(shop, subject, at_ms)]
        return sorted(found, key=Occurrence.sort_key)

    @abstractmethod
    def since(self, shop: ShopView, since_ms: int) -> list[tuple[int, str]]:
        """The instants and subjects of occurrences from a moment on, each once and the oldest first."""

    @abstractmethod
    def at(self, shop: ShopView, subject: str, at_ms: int) -> list[Occurrence]:
        """A subject's occurrences at an instant."""

    @abstractmethod
    def instants(self, shop: ShopView, subject: str) -> Sequence[int]:
        """The instants of a subject's occurrences, the earliest first."""

    @abstractmethod
    def subjects(self, shop: ShopView) -> Iterable[str]:
        """All subjects with an occurrence."""

    @abstractmethod
    def next_after(self, shop: ShopView, at_ms: int) -> int:
        """The first known occurrence after a moment (epoch ms); `NEVER` if there is none."""

    @abstractmethod
    def log(self, shop: ShopView) -> Log:
        """All occurrences sorted by time, for readers that go through them once."""

    def about(self, shop: ShopView, subject: str) -> list[Occurrence]:
        """A subject's occurrences, the oldest first."""
        instants = dict.fromkeys(self.instants(shop, subject))
        return [each for at_ms in instants for each in self.at(shop, subject, at_ms)]

    def new_index(self, shop: ShopView) -> OccurrenceIndex:
        """All that follows from the shop's own events, to be kept by the engine under `name`."""
        return OccurrenceIndex()

    def on_entry(self, shop: ShopView, index: OccurrenceIndex, name: str, entry: Entry) -> ChangedSubjects:
        """Updates its index when an entry of the shop's own facts was added or removed."""
        return []


class Crossings(Evaluator[R, State]):
    """A rule whose value goes above its limit at times, each of which others may look at as an occurrence."""

    def counted_from(self) -> OccurrenceSource | None:
        """What it counts, if it does."""
        return None

    @abstractmethod
    def crossings(self, shop: ShopView) -> Iterable[Occurrence]:
        """When its value went above the limit, each time anew."""

    @abstractmethod
    def crossings_by(
        self, shop: ShopView, entry: Entry, kept: OccurrenceIndex
    ) -> tuple[list[Occurrence], list[Occurrence]]:
        """What an entry that has come or gone may have changed: the crossings there may have been, and those there
        are."""

    @abstractmethod
    def crossing_events(self) -> set[str]:
        """Types of the shop's events that its crossings rest on; none where they rest on orders."""


class OrderOccurrences(OccurrenceSource):
    """Occurrences of orders; the shop keeps their instants in a timeline."""

    def _timeline(self, shop: ShopView) -> Timeline:
        assert self.slot is not None
        timeline: Timeline = shop.timelines[self.slot]
        return timeline

    def since(self, shop: ShopView, since_ms: int) -> list[tuple[int, str]]:
        found = self._timeline(shop).since(since_ms)
        return found if self.of.judged is None else list(dict.fromkeys(found))

    def at(self, shop: ShopView, subject: str, at_ms: int) -> list[Occurrence]:
        times = self.instants(shop, subject).count(at_ms)
        if not times:
            return []  # and the order may have expired
        return [Occurrence(at_ms, subject, *_event(shop, subject, self.of.at), order=subject)] * times

    def instants(self, shop: ShopView, subject: str) -> Sequence[int]:
        return self._timeline(shop).by_order.get(subject, ())

    def subjects(self, shop: ShopView) -> Iterable[str]:
        return self._timeline(shop).by_order

    def next_after(self, shop: ShopView, at_ms: int) -> int:
        return self._timeline(shop).next_after(at_ms)

    def log(self, shop: ShopView) -> Log:
        timeline = self._timeline(shop)
        items = timeline.in_time()  # sorting may count as a rewrite, so it comes first
        return Log(True, timeline.rewrites, items, itemgetter(0), lambda each: self.at(shop, each[1], each[0])[0])


class ExtractedOccurrences(OrderOccurrences):
    """What follows from an order's own facts and deadlines; `slot` is its timeline's position."""

    def __init__(self, of: OccurrenceSpec, slot: int) -> None:
        super().__init__(of)
        self.slot = slot


class ReusedNumbers(OrderOccurrences):
    """Shipments under a number that another order was shipped under before."""

    def _timeline(self, shop: ShopView) -> Timeline:
        timeline: Timeline = shop.tracking_numbers.reuses
        return timeline

    def at(self, shop: ShopView, subject: str, at_ms: int) -> list[Occurrence]:
        if at_ms not in self.instants(shop, subject):
            return []
        numbers, facts = shop.tracking_numbers, shop.order_facts(subject)
        views: Sequence[OrderFacts] = () if facts is None else facts.parcels or (facts,)
        stamps = [view.shipped for view in views if view.shipped is not None and view.shipped[0] == at_ms]
        _, source, event = stamps[0] if stamps else (at_ms, "", "")  # taken back, and not evaluated yet
        return [
            Occurrence(
                at_ms,
                subject,
                event,
                source,
                order=subject,
                tracking_no=use.number,
                first_used_by=numbers.first_used_by(subject, use),
            )
            for use in shop.number_uses(subject)
            if use.at_ms == at_ms and numbers.is_reuse(subject, use)
        ]


class ShopOccurrences(OccurrenceSource):
    """What follows from the shop's own events. The engine holds its index of a shop from when it is first asked for;
    only the source writes it."""

    def __init__(self, of: OccurrenceSpec, crossed: Crossings[Any, Any] | None) -> None:
        super().__init__(of)
        self.crossed = crossed
        if crossed is not None:
            self.events = crossed.crossing_events()
            self.lasting = bool(self.events)

    def _index(self, shop: ShopView) -> OccurrenceIndex:
        return shop.occurrences_of(self) if self.lasting else self.new_index(shop)

    def new_index(self, shop: ShopView) -> OccurrenceIndex:
        return OccurrenceIndex(self._all(shop))

    def _all(self, shop: ShopView) -> Iterator[Occurrence]:
        if self.crossed is not None:
            yield from self.crossed.crossings(shop)
        elif self.of.violation is not None:
            for entry in shop.facts.of("violation.recorded"):
                yield from self._violation(entry)
        else:
            for sku in dict.fromkeys(sku_of(entry) for entry in shop.facts.of("promotion.scheduled")):
                yield from _above_price(shop, sku)

    def _violation(self, entry: Entry) -> list[Occurrence]:
        data = entry.data
        if data.kind not in (self.of.violation or ()) or self.of.severe not in (None, data.severe) or data.count <= 0:
            return []
        return [_of_entry(entry, entry.order or data.sku, data.count, data.severe, data.buyer, data.kind)]

    def on_entry(self, shop: ShopView, index: OccurrenceIndex, name: str, entry: Entry) -> ChangedSubjects:
        before: Iterable[Occurrence]
        if self.crossed is not None:
            before, after = self.crossed.crossings_by(shop, entry, index)
        elif self.of.violation is not None:
            before, after = self._violation(entry), []
            if shop.facts.get(name, (entry.source, entry.id)) is entry:
                before, after = after, before
        else:
            sku = sku_of(entry)
            before, after = list(index.by_subject.get(sku, ())), list(_above_price(shop, sku))
        return _replace(index, before, after)

    def occurrences(self, shop: ShopView, since_ms: int = MIN_MS) -> list[Occurrence]:
        return self._index(shop).since(since_ms)

    def since(self, shop: ShopView, since_ms: int) -> list[tuple[int, str]]:
        return list(dict.fromkeys([(each.at_ms, each.subject) for each in self._index(shop).since(since_ms)]))

    def at(self, shop: ShopView, subject: str, at_ms: int) -> list[Occurrence]:
        return list(self._index(shop).at(subject, at_ms))

    def instants(self, shop: ShopView, subject: str) -> Sequence[int]:
        return [each.at_ms for each in self._index(shop).by_subject.get(subject, ())]

    def subjects(self, shop: ShopView) -> Iterable[str]:
        return self._index(shop).by_subject

    def next_after(self, shop: ShopView, at_ms: int) -> int:
        return self._index(shop).next_after(at_ms)

    def log(self, shop: ShopView) -> Log:
        kept = self._index(shop)
        return Log(self.lasting, kept.rewrites, kept.in_time, attrgetter("at_ms"), lambda each: each)


def _replace(index: OccurrenceIndex, before: Iterable[Occurrence], after: Iterable[Occurrence]) -> ChangedSubjects:
    gone, come = set(before), set(after)
    moved = [each for each in before if each not in come and index.discard(each)]
    for each in after:
        if each not in gone or each not in index.at(each.subject, each.at_ms):
            index.add(each)
            moved.append(each)
    return [(each.subject, each.at_ms) for each in moved]


def source_of(of: OccurrenceSpec, slot: int | None, crossed: Crossings[Any, Any] | None) -> OccurrenceSource:
    """The source for an `of`. `slot` is its timeline's position; None if it isn't extracted from orders."""
    if slot is not None:
        return ExtractedOccurrences(of, slot)
    return ReusedNumbers(of) if of.reused is not None else ShopOccurrences(of, crossed)


def _event(shop: ShopView, order: str, fact: str | None) -> tuple[str, str]:
    """`(event id, source)` of the event that stated an order's fact; empty if a deadline passed instead, or the fact
    was taken back and the order waits to be evaluated."""
    stamp = None if fact is None else getattr(shop.order_facts(order), fact)
    return ("", "") if stamp is None else (stamp[2], stamp[1])


def _above_price(shop: ShopView, sku: str) -> Iterator[Occurrence]:
    """Promotions of a SKU that are dearer than the price that, as known when they were scheduled, will hold when they
    start."""
    waiting = list(shop.facts.about("price.changed", (sku,)))
    waiting.reverse()
    prices: list[Entry] = []  # the prices known by then, sorted by when they hold
    for entry in shop.facts.about("promotion.scheduled", (sku,)):
        while waiting and waiting[-1].at_ms <= entry.at_ms:
            insort(prices, waiting.pop(), key=holding)
        held = bisect_right(prices, starts_ms(entry), key=starts_ms)
        before, price = prices[held - 1].data.price if held else None, entry.data.price
        if before is not None and price is not None and price > before:
            yield _of_entry(entry, entry.data.sku)


def _of_entry(
    entry: Entry,
    subject: str | None,
    times: int = 1,
    severe: bool = False,
    buyer: str | None = None,
    kind: str | None = None,
) -> Occurrence:
    return Occurrence(entry.at_ms, subject or "-", entry.id, entry.source, times, severe, entry.order, buyer, kind)
