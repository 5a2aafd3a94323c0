"""Ledger rules as packs write them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar, Final, Literal

from msgspec import Struct

from rules.calendar.durations import Duration
from rules.calendar.instants import DAY_MS, NEVER
from rules.kinds.occurrences.spec import OccurrenceSpec
from rules.kinds.ratio.spec import RatioSpec, uncomputed
from rules.kinds.rule import FieldDiagnostic, Named, Reference, Role, Rule, Sanction

Cap = Literal["day", "week", "order"]

YEAR_MS: Final = 366 * DAY_MS
"""The longest that points last which are cleared at a boundary."""

MONTH_MS: Final = 31 * DAY_MS
"""The longest between what happened and its posting."""


class Feed(Named, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`points` for each of `of` (`severe_points` for severe ones), at most `caps` of them a local day, calendar week or
    order, the first `free` of them for nothing; or by the step that the ratio `computed` reached (`points_of`); or up
    to what the platform itself has `reported`. `sites` limits it to some sites.
    """

    clause: str
    of: tuple[OccurrenceSpec, ...] = ()
    points: Decimal | None = None
    severe_points: Decimal | None = None
    caps: dict[Cap, Decimal] = {}
    free: int = 0
    computed: str | None = None
    points_of: dict[str, Decimal] = {}
    reported: bool = False
    sites: tuple[str, ...] = ()

    def depends_on(self) -> set[str]:
        """Ids of the rules it takes points from."""
        ratio = set() if self.computed is None else {self.computed}
        return ratio.union(*(of.timers() | of.rules() for of in self.of))

    def references(self, where: str) -> Iterator[Reference]:
        """The rules it names, as it stands at a place in its ledger."""
        if self.computed is not None:
            # Where a shop has no such ratio, there are no points for it.
            yield Reference(
                f"{where}.computed", self.computed, "ratio", lambda ratio: self._misfits(ratio, where), needed=False
            )
        for n, of in enumerate(self.of):
            yield from (each._replace(sites=self.sites) for each in of.references(f"{where}.of[{n}]"))

    def _misfits(self, ratio: Rule, where: str) -> Iterator[FieldDiagnostic]:
        """What of its points isn't as the ratio has it from which they are computed."""
        assert isinstance(ratio, RatioSpec)
        yield from uncomputed(ratio, f"{where}.computed")
        if odd := set(self.points_of) - {tier.name for tier in ratio.tiers} - {"crossed"}:
            yield f"{where}.points_of", f"{', '.join(sorted(odd))} is no step of {ratio.id}"
        for tier in ratio.tiers:
            points = tier.penalty.points if tier.penalty else None
            if points is not None and points != self.points_of.get(tier.name, points):
                yield f"{where}.points_of.{tier.name}", f"{ratio.id} has a penalty of {points} points for it"

    def kept_ms(self) -> int:
        """How long what happened matters to it (ms), if for longer than to its ledger: what was first decides for good
        what costs nothing."""
        return NEVER if self.free else 0

    def events(self) -> set[str]:
        """Types of the shop's own events it looks at."""
        return {"points.reported"} if self.reported else set().union(*(of.events() for of in self.of))

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        yield from ((f".{field}", message) for field, message in self.naming_diagnostics())
        if sum((bool(self.of), self.computed is not None, self.reported)) != 1:
            yield "", "a feed takes points from exactly one of `of`, `computed` and `reported`"
        for n, of in enumerate(self.of):
            yield from ((f".of[{n}]", message) for message in of.diagnostics())
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


class PointsTier(Struct, forbid_unknown_fields=True, frozen=True):
    """At so many points (`at`) this sanction begins."""

    name: str
    at: Decimal
    lasts: Duration | None = None

    def sanction(self) -> Sanction:
        return Sanction(self.name, self.lasts)


class LedgerSpec(Rule, kw_only=True, frozen=True):
    """Points under the name `ledger`.

    `posts`: when occurrences are posted (`at_once`, or at the next local `day`, `week`…). `clears`: at which boundaries
    all points are cleared (before new postings of that boundary, or after them with `posts_before_clearing`).
    `expires`: each posting is cleared after so long. `clears_after`: all are cleared so long after the first of them,
    unless they have come to `unless` by then. `near` opens an alert when at most so many points are left to the next of
    `tiers`.
    """

    ledger: str
    feeds: tuple[Feed, ...]
    posts: Literal["at_once", "day", "week", "month"] = "at_once"
    clears: Literal["month", "quarter", "year", "first_monday_of_quarter"] | None = None
    posts_before_clearing: bool = False
    expires: Duration | None = None
    clears_after: Duration | None = None
    unless: Decimal | None = None
    near: Decimal | None = None
    tiers: tuple[PointsTier, ...] = ()

    NAMES: ClassVar[frozenset[str]] = frozenset(
        {"shop", "value", "threshold", "headroom", "sanction", "until", "tier", "ledger"}
    )
    ROLES: ClassVar[frozenset[Role]] = frozenset({"ledger"})
    HAS_FIGURES: ClassVar[bool] = True

    def clauses(self) -> Iterator[tuple[str, str]]:
        yield from super().clauses()
        yield from ((f"feeds[{n}].clause", feed.clause) for n, feed in enumerate(self.feeds))

    def cited(self) -> Iterator[tuple[str, Named]]:
        yield from super().cited()
        yield from ((feed.clause, feed) for feed in self.feeds)

    def depends_on(self) -> set[str]:
        return set().union(*(feed.depends_on() for feed in self.feeds))

    def references(self) -> Iterator[Reference]:
        return (each for n, feed in enumerate(self.feeds) for each in feed.references(f"feeds[{n}]"))

    def events(self) -> set[str]:
        return set().union(*(feed.events() for feed in self.feeds))

    def retention_ms(self) -> int:
        """For good if points or a sanction have no end, or if the first posting decides when all are cleared."""
        endless = self.clears_after is not None or any(tier.lasts is None for tier in self.tiers)
        if endless or (self.clears is None and self.expires is None):
            return NEVER
        longest = max([int(tier.lasts or 0) for tier in self.tiers], default=0)
        return max(super().retention_ms(), int(self.expires or YEAR_MS) + longest + MONTH_MS)

    def never_ends(self) -> bool:
        return bool(self.tiers) and all(tier.lasts is None for tier in self.tiers) and self.near is None

    def shown_at(self) -> tuple[str, str]:
        return "ledgers", self.ledger

    def span_ms(self) -> int:
        return 0  # orders with occurrences that still count are kept for `retention_ms`

    def stages(self) -> tuple[str, ...]:
        if not self.tiers:
            return ()
        return ("active",) if self.near is None else ("near", "active")

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        for n, feed in enumerate(self.feeds):
            yield from ((f"feeds[{n}]{where}", message) for where, message in feed.diagnostics())
        if not self.feeds:
            yield "feeds", "a ledger without feeds never has points"
        for n, (lower, upper) in enumerate(zip(self.tiers, self.tiers[1:], strict=False), start=1):
            if upper.at <= lower.at:
                yield f"tiers[{n}]", f"tiers are out of order: {upper.name} must lie above {lower.name}"
        if sum(each is not None for each in (self.clears, self.expires, self.clears_after)) > 1:
            yield "expires", "points go in one way: clears, expires or clears_after"
        if self.unless is not None and self.clears_after is None:
            yield "unless", "goes with clears_after"
        if self.near is not None and not self.tiers:
            yield "near", "is said before a tier, and there are none"
        if self.posts_before_clearing and self.clears is None:
            yield "posts_before_clearing", "goes with clears"
