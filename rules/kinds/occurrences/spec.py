"""What a rule takes occurrences of, as packs write it: `of: {missed: joom.late_ship}`, `{violation: [fake_orders]}`."""

from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from rules.calendar.durations import Duration
from rules.calendar.instants import DAY_MS
from rules.expr.conditions import Condition, facts_named, rules_named
from rules.facts.order_facts import FACT_NAMES
from rules.kinds.rule import FieldDiagnostic, Reference, Rule

REUSED_WITHIN_MS: Final = 400 * DAY_MS
"""Carriers use numbers again: after this a tracking number is a new one, unless a pack says otherwise."""


class OccurrenceSpec(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Exactly one of: orders that `missed` a deadline rule, each time one was `judged` late, `orders` that meet a
    condition (at their fact `at`), shipments whose tracking number was `reused` (`within` a time of its last use; the
    longest of a shop's rules counts), `violation`s of these kinds (only
    severe ones, or only others), promotions dearer than the `promotion` price before, crossings of a level or count
    (`crossed`)."""

    missed: str | None = None
    judged: str | None = None
    orders: Condition | None = None
    at: str | None = None
    reused: Literal["tracking_no"] | None = None
    within: Duration | None = None
    violation: tuple[str, ...] | None = None
    severe: bool | None = None
    promotion: Literal["above_price"] | None = None
    crossed: str | None = None

    def diagnostics(self) -> Iterator[str]:
        forms = ("missed", "judged", "orders", "reused", "violation", "promotion", "crossed")
        if sum(getattr(self, form) is not None for form in forms) != 1:
            yield f"`of` takes exactly one of {', '.join(forms)}"
        if (self.orders is None) != (self.at is None):
            yield "`orders` goes with `at`, the fact whose instant counts"
        if self.at is not None and self.at not in FACT_NAMES:
            yield f"{self.at} is no fact of an order; facts are {', '.join(FACT_NAMES)}"
        if self.severe is not None and self.violation is None:
            yield "`severe` goes with `violation`"
        if self.within is not None and (self.reused is None or self.within <= 0):
            yield "`within` goes with `reused`, and is a time above nothing"
        if self.orders is not None and rules_named(self.orders):
            yield "`orders` looks at an order's facts, not at other rules"

    def timers(self) -> set[str]:
        """Ids of the deadline rules it depends on."""
        return {rule for rule in (self.missed, self.judged) if rule is not None}

    def rules(self) -> set[str]:
        """Ids of the other rules it depends on."""
        return set() if self.crossed is None else {self.crossed}

    def references(self, where: str) -> Iterator[Reference]:
        """The rules it names, as it stands at a place in a rule."""
        for other in sorted(self.timers()):
            yield Reference(where, other, "deadline rule")
        if self.crossed is not None:
            yield Reference(where, self.crossed, "level or count", lambda rule: _not_crossing(rule, where))

    def reused_within_ms(self) -> int:
        """For how long after its last use a tracking number is no new one (ms)."""
        return REUSED_WITHIN_MS if self.within is None else int(self.within)

    def facts(self) -> set[str]:
        """Facts of an order that it looks at by itself."""
        if self.reused is not None:
            return {"shipped"}
        return set() if self.orders is None or self.at is None else {self.at} | facts_named(self.orders)

    def events(self) -> set[str]:
        """Types of the shop's events it looks at."""
        if self.violation is not None:
            return {"violation.recorded"}
        return {"price.changed", "promotion.scheduled"} if self.promotion is not None else set()


class OfOccurrences:
    """Shared by rules that may take occurrences (`of`): what they look at follows from these."""

    __slots__ = ()
    of: OccurrenceSpec | None

    def depends_on(self) -> set[str]:
        return set() if self.of is None else self.of.timers() | self.of.rules()

    def references(self) -> Iterator[Reference]:
        return iter(()) if self.of is None else self.of.references("of")

    def events(self) -> set[str]:
        return set() if self.of is None else self.of.events()


def _not_crossing(rule: Rule, where: str) -> Iterator[FieldDiagnostic]:
    """That a level or count named in a rule has no crossings."""
    if not rule.crosses():
        yield where, f"{rule.id} has no crossings: a share of pre-orders has, and a count per week"
