"""Feeds: where a ledger's points come from, and the caps on them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from rules.calendar.days import day_of, week_of
from rules.calendar.instants import DAWN, NEVER, rfc3339
from rules.facts.shop_facts import Entry, said_by
from rules.kinds.happened import Happening
from rules.kinds.occurrences.source import Of, Source
from rules.kinds.ratio.evaluator import RatioJudge

if TYPE_CHECKING:
    from rules.state.shop import Shop

Cap = Literal["day", "week", "order"]


class Feed(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`points` for each of `of` (`severe_points` for severe ones), at most `caps` of them a local day, calendar week or
    order, the first `free` of them for nothing; or by the step that the ratio `computed` reached (`points_of`); or up
    to what the platform itself has `reported`. `sites` limits it to some sites.
    """

    clause: str
    of: tuple[Of, ...] = ()
    points: Decimal | None = None
    severe_points: Decimal | None = None
    caps: dict[Cap, Decimal] = {}
    free: int = 0
    computed: str | None = None
    points_of: dict[str, Decimal] = {}
    reported: bool = False
    sites: tuple[str, ...] = ()

    def leans_on(self) -> set[str]:
        """Ids of the rules it takes points from."""
        ratio = set() if self.computed is None else {self.computed}
        return ratio.union(*(of.timers() | of.rules() for of in self.of))

    def events(self) -> set[str]:
        """Types of the shop's events it looks at."""
        return {"points.reported"} if self.reported else set().union(*(of.events() for of in self.of))

    def complaints(self) -> Iterator[tuple[str, str]]:
        if sum((bool(self.of), self.computed is not None, self.reported)) != 1:
            yield "", "a feed takes points from exactly one of `of`, `computed` and `reported`"
        for n, of in enumerate(self.of):
            yield from ((f".of[{n}]", message) for message in of.complaints())
        if bool(self.of) != (self.points is not None):
            yield ".points", "goes with `of`: how many for each"
        if (self.computed is not None) != bool(self.points_of):
            yield ".points_of", "goes with `computed`: how many at which step"
        if not self.of and (self.caps or self.free or self.severe_points is not None):
            yield "", "caps, free and severe_points go with `of`"
        most = max((each for each in (self.points, self.severe_points) if each is not None), default=Decimal())
        for name, cap in self.caps.items():
            if cap < most:
                yield f".caps.{name}", f"a cap of {cap} a {name} is below the {most} points of a single time"


class Posting(Struct, frozen=True):
    """Points that were put down at a moment (epoch ms), and for what."""

    at_ms: int
    clause: str
    happened_ms: int
    points: Decimal
    shown: dict[str, Any] = {}

    def place(self) -> tuple[int, int, str]:
        """Its place in time."""
        return self.at_ms, self.happened_ms, self.clause

    def as_json(self) -> dict[str, Any]:
        shown = {**self.shown, "at": rfc3339(self.at_ms), "clause": self.clause, "points": float(self.points)}
        return shown | ({} if self.happened_ms == self.at_ms else {"happened_at": rfc3339(self.happened_ms)})


class Reading(Struct):
    """How far a feed has been read: to which moment, how many marks of each source, how many for nothing, and what was
    spent under the caps; what had been computed."""

    to_ms: int = DAWN
    logs: dict[int, tuple[int, int]] = {}
    free: int = 0
    spent: defaultdict[tuple[Cap, object], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    computed: list[Posting] = []

    def copy(self) -> "Reading":
        """For reading on without noting it."""
        return Reading(self.to_ms, self.logs.copy(), self.free, self.spent.copy(), self.computed)


class FeedReader:
    """A feed, ready to be asked for what it brought a shop."""

    def __init__(self, feed: Feed, sources: Sequence[Source], ratio: RatioJudge | None, zone: str) -> None:
        self.feed = feed
        self.sources = sources
        self.ratio = ratio
        self.zone = zone

    def read(self, shop: "Shop", reading: Reading, to_ms: int) -> list[Posting] | None:
        """What happened since the last reading by a moment, each at its own instant and under the caps; when it is
        posted is the ledger's. None where something else happened before than was read, so all must be read again."""
        if self.ratio is not None:
            found = list(self._computed(shop, to_ms))
            before, reading.computed = reading.computed, found
            after = found[len(before) :]
            if found[: len(before)] != before or any(each.at_ms <= reading.to_ms for each in after):
                return None
            return after
        marks: list[Happening] = []
        for n, source in enumerate(self.sources):
            log = source.log(shop)
            done, rewrites = reading.logs.get(n, (0, log.rewrites))
            if rewrites != log.rewrites or (done and not log.lasting) or log.until(reading.to_ms) != done:
                return None
            known = log.until(to_ms)
            marks += [log.happening(mark) for mark in log.marks[done:known]]
            reading.logs[n] = known, log.rewrites
        marks.sort(key=Happening.place)
        free = min(self.feed.free - reading.free, len(marks))
        reading.free += free
        reading.to_ms = to_ms
        postings = []
        for mark in marks[free:]:
            points = self._allowed(mark, reading.spent)
            if points:
                postings.append(Posting(mark.at_ms, self.feed.clause, mark.at_ms, points, mark.shown()))
        return postings

    def next_after(self, shop: "Shop", at_ms: int) -> int:
        """When something happens next (epoch ms)."""
        return min([source.next_after(shop, at_ms) for source in self.sources], default=NEVER)

    def _allowed(self, mark: Happening, spent: defaultdict[tuple[Cap, object], Decimal]) -> Decimal:
        feed = self.feed
        each = feed.severe_points if mark.severe and feed.severe_points is not None else feed.points
        assert each is not None
        points = each * mark.times
        day = day_of(mark.at_ms, self.zone)
        keys: dict[Cap, object] = {"day": day, "week": week_of(day)[0], "order": mark.order}
        capped = [(name, keys[name]) for name in feed.caps if keys[name] is not None]
        for key in capped:
            points = min(points, feed.caps[key[0]] - spent[key])
        for key in capped:
            spent[key] += points
        return points

    def _computed(self, shop: "Shop", to_ms: int) -> Iterator[Posting]:
        assert self.ratio is not None
        for border, found in self.ratio.computations(shop):
            points = self.feed.points_of.get(found.step or "")
            if border <= to_ms and points:
                shown = {
                    "rule": self.ratio.rule.id,
                    "period": found.period,
                    "numerator": found.bad,
                    "denominator": found.total,
                    "step": found.step,
                }
                yield Posting(border, self.feed.clause, border, points, shown)

    def reports(self, ledger: str, entries: Iterable[Entry]) -> list[Posting]:
        """Totals the platform has shown, to which the ledger is raised."""
        return [
            Posting(entry.at_ms, self.feed.clause, entry.at_ms, entry.data.value, said_by(entry))
            for entry in (entries if self.feed.reported else ())
            if entry.data.value is not None and entry.data.name in (None, ledger, "points")
        ]
