"""Ratios: which part of a shop's orders in a window went wrong."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter

from msgspec import Struct, field

from rules.alerts import Open
from rules.calendars import day_of
from rules.conditions import Condition, Has, compile_condition, facts_named, rules_named
from rules.durations import Share
from rules.facts import OrderFacts
from rules.instants import NEVER
from rules.kinds.rule import Rule
from rules.windows import Period, Window

Part = tuple[int, int, bool]
"""One order's part in a ratio: `(anchor_ms, local day, counts as bad)`."""


class Ratio(Rule, tag="ratio", tag_field="kind", kw_only=True, frozen=True):
    """`numerator` ÷ `denominator` over the orders whose `anchor` fact lies in `window`; crossed when it is *above*
    `threshold`, near when above `near`, and only once the denominator is at least `at_least`."""

    numerator: Condition
    denominator: Condition = Has("placed")
    anchor: str = "placed"
    window: Window = field(default_factory=Window)
    threshold: Share | None = None
    near: Share | None = None
    at_least: int = 1

    def looks_at(self) -> set[str]:
        """The facts of an order that decide how it counts, beside the rules it leans on."""
        return {self.anchor} | facts_named(self.numerator) | facts_named(self.denominator)

    def leans_on(self) -> set[str]:
        return rules_named(self.numerator) | rules_named(self.denominator)


class Day:
    """One local day of one shop: how many orders count, and the bad ones among them with their facts."""

    __slots__ = ("bad", "total")

    def __init__(self) -> None:
        self.total = 0
        self.bad: dict[str, OrderFacts] = {}


class Count(Struct):
    """A period with what lies in it."""

    period: Period
    numerator: int = 0
    denominator: int = 0


class Gauge:
    """A ratio rule, ready to place orders and to judge counts."""

    __slots__ = ("_anchor", "_bad", "_counted", "near", "rule", "threshold", "zone")

    def __init__(self, rule: Ratio, bits: Mapping[str, int], zone: str) -> None:
        self.rule = rule
        self.zone = zone
        self.threshold = _exact(rule.threshold)
        self.near = _exact(rule.near)
        self._anchor = attrgetter(rule.anchor)
        self._bad = compile_condition(rule.numerator, bits)
        self._counted = None if rule.denominator == Has(rule.anchor) else compile_condition(rule.denominator, bits)

    def part(self, facts: OrderFacts, missed: int, overdue: int, before: Part | None) -> Part | None:
        """Where an order counts now; `before` is where it counted last."""
        mark = self._anchor(facts)
        if mark is None or not (self._counted is None or self._counted(facts, missed, overdue)):
            return None
        bad = self._bad(facts, missed, overdue)
        at = mark[0]
        if before is not None and before[0] == at:
            return before if before[2] is bad else (at, before[1], bad)
        return at, day_of(at, self.zone), bad

    def judge(self, count: Count, at_ms: int) -> Open | None:
        """Which stage a count has reached."""
        total, bad = count.denominator, count.numerator
        if total < self.rule.at_least or total == 0:
            return None
        if self.threshold is not None and bad * self.threshold[1] > total * self.threshold[0]:
            return Open("crossed", self.rule.severity["crossed"], at_ms)
        if self.near is not None and bad * self.near[1] > total * self.near[0]:
            return Open("near", self.rule.severity["near"], at_ms)
        return None

    def headroom(self, count: Count) -> int | None:
        """How many more of these orders may go bad before the threshold is crossed; negative when past it."""
        if self.threshold is None:
            return None
        return count.denominator * self.threshold[0] // self.threshold[1] - count.numerator


class Tally:
    """One shop's counts for one ratio: a bucket per local day, and the sums of the periods being judged."""

    __slots__ = ("counts", "days", "gauge", "turn_ms")

    def __init__(self, gauge: Gauge) -> None:
        self.gauge = gauge
        self.days: dict[int, Day] = {}
        self.counts: list[Count] = []
        self.turn_ms = -NEVER

    def move(self, order: str, facts: OrderFacts, before: Part | None, after: Part | None) -> None:
        """The day an order counted on loses it, the day it counts on now gains it."""
        if before is not None:
            day = self.days[before[1]]
            day.total -= 1
            day.bad.pop(order, None)
            if not day.total:
                del self.days[before[1]]
            self._add(before[1], -1, -before[2])
        if after is not None:
            day = self.days.get(after[1]) or self.days.setdefault(after[1], Day())
            day.total += 1
            if after[2]:
                day.bad[order] = facts
            self._add(after[1], 1, after[2])

    def _add(self, day: int, total: int, bad: int) -> None:
        for count in self.counts:
            if count.period.first <= day <= count.period.last:
                count.denominator += total
                count.numerator += bad

    def turn(self, at_ms: int) -> None:
        """Slides the window to `at_ms`."""
        if at_ms >= self.turn_ms:
            self.turn_ms = self.gauge.rule.window.next_change(at_ms, self.gauge.zone)
            self.counts = self.counts_at(at_ms)

    def counts_at(self, at_ms: int) -> list[Count]:
        """The sums of the periods that are judged at a moment."""
        return [self._sum(period) for period in self.gauge.rule.window.periods(at_ms, self.gauge.zone)]

    def _sum(self, period: Period) -> Count:
        inside = [day for at, day in self.days.items() if period.first <= at <= period.last]
        return Count(period, sum(len(day.bad) for day in inside), sum(day.total for day in inside))

    def bad_orders(self, period: Period) -> list[tuple[str, OrderFacts]]:
        """The orders in the numerator, oldest day first, whichever order they came in."""
        inside = sorted(at for at in self.days if period.first <= at <= period.last)
        days = [self.days[at].bad for at in inside]
        return [(order, day[order]) for day in days for order in sorted(day)]

    def money(self, period: Period) -> dict[str, Decimal]:
        """The penalty's share of the bad orders' amounts, per currency; empty without such a penalty."""
        cost = self.gauge.rule.penalty
        if cost is None or cost.share is None:
            return {}
        sums: dict[str, Decimal] = {}
        for _, facts in self.bad_orders(period):
            terms = facts.terms
            if terms is not None and terms.amount is not None:
                currency = terms.currency or ""
                sums[currency] = sums.get(currency, Decimal()) + Decimal(terms.amount)
        share = Decimal(cost.share.numerator) / Decimal(cost.share.denominator)
        return {currency: (total * share).quantize(_CENT) for currency, total in sums.items()}


_CENT = Decimal("0.01")


def _exact(share: Fraction | None) -> tuple[int, int] | None:
    return None if share is None else (share.numerator, share.denominator)
