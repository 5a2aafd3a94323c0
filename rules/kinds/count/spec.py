"""What a pack writes of a count: so many late orders since the last sanction, so many buyers in a week, so many
judgements of one order."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from rules.calendar.durations import Duration
from rules.calendar.instants import DAY_MS, NEVER
from rules.kinds.occurrences.spec import OccurrenceSpec, OfOccurrences
from rules.kinds.rule import FieldDiagnostic, Role, Rule, Sanction


class CountSpec(OfOccurrences, Rule, kw_only=True, frozen=True):
    """`crossed` when `threshold` occurrences of `of` have gathered; `near` at a number before that.

    With a `sanction`: it begins when `threshold` have gathered; while it lasts none are counted, and counting starts
    anew after it (`window` limits how old one may be). With `per: week`: counted in each calendar week, those of one
    `distinct` buyer once. With `per: order`: counted for each order, and shown for `lasts`.
    """

    of: OccurrenceSpec
    threshold: int
    near: int | None = None
    window: Duration | None = None
    sanction: Sanction | None = None
    per: Literal["week", "order"] | None = None
    distinct: Literal["buyer"] | None = None
    lasts: Duration | None = None

    NAMES: ClassVar[frozenset[str]] = frozenset(
        {"shop", "order", "value", "threshold", "headroom", "sanction", "until", "period"}
    )
    ROLES: ClassVar[frozenset[Role]] = frozenset({"level or count"})
    HAS_FIGURES: ClassVar[bool] = True

    def retention_ms(self) -> int:
        if self.sanction is None:
            return int(self.lasts or 7 * DAY_MS)
        # Without a `window`, or with a sanction for good, what began the first sanction decides all that follow.
        return NEVER if self.window is None or self.sanction.lasts is None else int(self.window + self.sanction.lasts)

    def crosses(self) -> bool:
        return self.per == "week"

    def never_ends(self) -> bool:
        return self.sanction is not None and self.sanction.lasts is None

    def stages(self) -> tuple[str, ...]:
        top = "active" if self.sanction is not None else "crossed"
        return (top,) if self.near is None else ("near", top)

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        yield from (("of", message) for message in self.of.diagnostics())
        if self.threshold < 1:
            yield "threshold", "must be at least 1"
        elif self.near is not None and not 0 < self.near < self.threshold:
            yield "near", f"must be at least 1 and below the threshold of {self.threshold}"
        if (self.sanction is None) == (self.per is None):
            yield "per", "a count either brings a sanction or is counted per week or order"
        if self.window is not None and self.sanction is None:
            yield "window", "goes with a sanction; a week has its own length"
        if (self.per == "order") != (self.lasts is not None):
            yield "lasts", "goes with `per: order`, and says how long it is shown"
        if self.distinct is not None and self.per != "week":
            yield "distinct", "goes with `per: week`"
