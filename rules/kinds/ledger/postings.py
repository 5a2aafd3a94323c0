"""Feeds of a ledger: where its points come from, with their caps."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from rules.calendar.days import day_of, week_of
from rules.calendar.instants import MIN_MS, NEVER, rfc3339
from rules.facts.shop_facts import Entry, event_evidence
from rules.kinds.ledger.spec import Cap, Feed
from rules.kinds.occurrence_index import Occurrence
from rules.kinds.occurrences.source import OccurrenceSource
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.kinds.shop_view import ShopView


class Posting(Struct, frozen=True):
    """Points posted at an instant (epoch ms), and for what."""

    at_ms: int
    clause: str
    happened_ms: int
    points: Decimal
    shown: dict[str, Any] = {}

    def sort_key(self) -> tuple[int, int, str]:
        """Sorts postings by time."""
        return self.at_ms, self.happened_ms, self.clause

    def as_json(self) -> dict[str, Any]:
        shown = {**self.shown, "at": rfc3339(self.at_ms), "clause": self.clause, "points": float(self.points)}
        return shown | ({} if self.happened_ms == self.at_ms else {"happened_at": rfc3339(self.happened_ms)})


class FeedPosition(Struct):
    """How far a feed has been read: up to when, how many occurrences of each source, how many of the free ones, what
    was spent under the caps, and the computed results used."""

    to_ms: int = MIN_MS
    logs: dict[int, tuple[int, int]] = {}
    free: int = 0
    spent: defaultdict[tuple[Cap, object], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    computed: list[Posting] = []

    def copy(self) -> "FeedPosition":
        """A copy, for reading on without keeping that."""
        return FeedPosition(self.to_ms, self.logs.copy(), self.free, self.spent.copy(), self.computed)


class FeedReader:
    """Reads a feed's postings for a shop."""

    def __init__(
        self, feed: Feed, sources: Sequence[OccurrenceSource], ratio: RatioEvaluator | None, zone: str
    ) -> None:
        self.feed = feed
        self.sources = sources
        self.ratio = ratio
        self.zone = zone

    def read(self, shop: ShopView, position: FeedPosition, to_ms: int) -> list[Posting] | None:
        """The postings since the last reading up to a moment, each at its own instant, within the caps; the ledger
        decides when they are posted. None if something came late, so that all must be read again."""
        if self.ratio is not None:
            found = list(self._computed(shop, to_ms))
            before, position.computed = position.computed, found
            after = found[len(before) :]
            if found[: len(before)] != before or any(each.at_ms <= position.to_ms for each in after):
                return None
            return after
        occurrences: list[Occurrence] = []
        for n, source in enumerate(self.sources):
            log = source.log(shop)
            done, rewrites = position.logs.get(n, (0, log.rewrites))
            if rewrites != log.rewrites or (done and not log.lasting) or log.until(position.to_ms) != done:
                return None
            known = log.until(to_ms)
            occurrences += [log.occurrence(occurrence) for occurrence in log.items[done:known]]
            position.logs[n] = known, log.rewrites
        occurrences.sort(key=Occurrence.sort_key)
        free = min(self.feed.free - position.free, len(occurrences))
        position.free += free
        position.to_ms = to_ms
        postings = []
        for occurrence in occurrences[free:]:
            points = self._allowed(occurrence, position.spent)
            if points:
                postings.append(
                    Posting(occurrence.at_ms, self.feed.clause, occurrence.at_ms, points, occurrence.shown())
                )
        return postings

    def next_after(self, shop: ShopView, at_ms: int) -> int:
        """When the next occurrence is (epoch ms)."""
        return min([source.next_after(shop, at_ms) for source in self.sources], default=NEVER)

    def _allowed(self, occurrence: Occurrence, spent: defaultdict[tuple[Cap, object], Decimal]) -> Decimal:
        feed = self.feed
        each = feed.severe_points if occurrence.severe and feed.severe_points is not None else feed.points
        assert each is not None
        points = each * occurrence.times
        day = day_of(occurrence.at_ms, self.zone)
        keys: dict[Cap, object] = {"day": day, "week": week_of(day)[0], "order": occurrence.order}
        capped = [(name, keys[name]) for name in feed.caps if keys[name] is not None]
        for key in capped:
            points = min(points, feed.caps[key[0]] - spent[key])
        for key in capped:
            spent[key] += points
        return points

    def _computed(self, shop: ShopView, to_ms: int) -> Iterator[Posting]:
        assert self.ratio is not None
        for boundary, found in self.ratio.computations(shop):
            points = self.feed.points_of.get(found.step or "")
            if boundary <= to_ms and points:
                shown = {
                    "rule": self.ratio.rule.id,
                    "period": found.period,
                    "numerator": found.bad,
                    "denominator": found.total,
                    "step": found.step,
                }
                yield Posting(boundary, self.feed.clause, boundary, points, shown)

    def reports(self, ledger: str, entries: Iterable[Entry]) -> list[Posting]:
        """Totals that the platform has reported, to which the ledger is raised."""
        return [
            Posting(entry.at_ms, self.feed.clause, entry.at_ms, entry.data.value, event_evidence(entry))
            for entry in (entries if self.feed.reported else ())
            if entry.data.value is not None and entry.data.name in (None, ledger, "points")
        ]
