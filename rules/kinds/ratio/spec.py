"""Ratio rules as packs write them."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from msgspec import Struct, field

from rules.calendar.durations import Share
from rules.calendar.instants import DAY_MS
from rules.calendar.schedule import Every
from rules.calendar.windows import Window
from rules.expr.conditions import (
    Condition,
    Has,
    Not,
    facts_named,
    rules_named,
)
from rules.facts.order_facts import FACT_NAMES
from rules.kinds.deadline.spec import DueOf
from rules.kinds.ratio.steps import Tier, diagnostics
from rules.kinds.rule import Advice, FieldDiagnostic, Reference, Role, Rule
from rules.messages.events import CancelReason

LONGEST_MS = 400 * DAY_MS
"""Orders older than this are not kept for any window."""


class Cure(Struct, forbid_unknown_fields=True, frozen=True):
    """One of the reasons that a ratio is split by: its name, and what to do about it."""

    name: str
    actions: tuple[Advice, ...] = ()


class RatioSpec(Rule, kw_only=True, frozen=True):
    """`numerator` ÷ `denominator` over the orders whose `anchor` lies in `window` (the earliest, if several are named).
    `crossed` when it is *above* `threshold`, `near` when above `near`; or by the names of `tiers`. With `inclusive` the
    threshold itself is already too much. With `good` the numerator is what went well, and the share must not fall
    below. No stage is reached before the denominator is at least `at_least`.

    `disputes`: the numerator is the disputes with this cause that were opened in the window. `every`: the ratio is
    computed only then; in between `near` says what the next computation would bring. `by`: one alert for each reason of
    cancellation (those named in `of`), or for each provider of the disputes.
    """

    numerator: Condition | None = None
    disputes: Literal["not_shipped", "other"] | None = None
    denominator: Condition = field(default_factory=lambda: Has("placed"))
    anchor: str | DueOf | tuple[str | DueOf, ...] = "placed"
    window: Window = field(default_factory=Window)
    threshold: Share | None = None
    near: Share | None = None
    tiers: tuple[Tier, ...] = ()
    inclusive: bool = False
    good: bool = False
    at_least: int = 1
    every: Every | None = None
    by: Literal["reason", "provider"] | None = None
    of: dict[CancelReason, Cure] = {}

    NAMES: ClassVar[frozenset[str]] = frozenset(
        {"shop", "value", "numerator", "denominator", "threshold", "headroom", "period", "subject", "effect"}
    )
    ROLES: ClassVar[frozenset[Role]] = frozenset({"ratio"})
    HAS_FIGURES: ClassVar[bool] = True
    DATED: ClassVar[bool] = True

    def anchors(self) -> tuple[str | DueOf, ...]:
        return self.anchor if isinstance(self.anchor, tuple) else (self.anchor,)

    def bad_when(self) -> Condition | None:
        """Which of the orders that count are bad; None where disputes are counted in their place."""
        return self.numerator if self.numerator is None or not self.good else Not(self.numerator)

    def looks_at(self) -> set[str]:
        """The facts of an order that decide how it counts, beside the rules it depends on."""
        anchors = {each for each in self.anchors() if isinstance(each, str)}
        bad = set() if self.numerator is None else facts_named(self.numerator)
        return anchors | bad | facts_named(self.denominator)

    def depends_on(self) -> set[str]:
        bad = set() if self.numerator is None else rules_named(self.numerator)
        return bad | rules_named(self.denominator) | {each.due for each in self.anchors() if isinstance(each, DueOf)}

    def references(self) -> Iterator[Reference]:
        # A silence depends on the last event, so its state at a past boundary can't be computed later.
        role: Role = "deadline rule" if self.every is None else "deadline rule (no silence)"
        return (Reference("numerator", other, role) for other in sorted(self.depends_on()))

    def events(self) -> set[str]:
        return set() if self.disputes is None else {"dispute.opened"}

    def span_ms(self) -> int:
        return self.window.span_ms() + (0 if self.every is None else 31 * DAY_MS)

    def looks_back_ms(self, tier: Tier) -> int:
        """How far back it is looked when a tier was reached whose sanction may still last; 0 where it has none."""
        return 0 if tier.sanction is None else int(tier.sanction.lasts or self.window.span_ms())

    def stages(self) -> tuple[str, ...]:
        top = ("crossed",) if self.threshold is not None else tuple(tier.name for tier in self.tiers)
        early = self.near is not None or (self.every is not None and self.window.align == "rolling" and bool(top))
        return ("near", *top) if early else top

    def takes_money(self) -> bool:
        """Whether any of its steps costs a share of what the bad orders come to."""
        costs = (self.penalty, *(tier.penalty for tier in self.tiers))
        return any(cost is not None and cost.share is not None for cost in costs)

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        for each in self.anchors():
            if isinstance(each, str) and each not in FACT_NAMES:
                yield "anchor", f"{each} is no fact of an order; facts are {', '.join(FACT_NAMES)}"
        if self.threshold is not None and self.tiers:
            yield "tiers", "there are either tiers or a threshold"
        if self.near is not None:
            least = self.threshold if self.threshold is not None else next((t.share for t in self.tiers), None)
            if least is None or (self.near <= least if self.good else self.near >= least):
                yield "near", f"must lie {'above' if self.good else 'below'} threshold"
        yield from diagnostics(self.tiers, self.good)
        yield from (("window" + where, message) for where, message in self.window.diagnostics())
        if self.window.span_ms() > LONGEST_MS:
            yield "window", "reaches further back than the 400 days for which orders are kept"
        if self.at_least < 1:
            yield "at_least", "must be at least 1"
        if (self.by == "reason") != bool(self.of):
            yield "of", "`of` names the reasons that `by: reason` splits by"
        if (self.numerator is None) == (self.disputes is None):
            yield "numerator", "a ratio has either a numerator of orders or one of disputes"
        if (self.by == "provider") != (self.disputes is not None):
            yield "by", "`by: provider` goes with disputes, which are counted by provider"
        if self.by is not None and (self.every is not None or self.tiers or self.good):
            yield "by", "a ratio that is split has a plain threshold"


def uncomputed(ratio: Rule, where: str) -> Iterator[FieldDiagnostic]:
    """That a ratio named in a rule is not computed at boundaries."""
    assert isinstance(ratio, RatioSpec)
    if ratio.every is None:
        yield where, f"{ratio.id} is not computed at boundaries; it has no `every`"
