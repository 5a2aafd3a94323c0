"""Ratios compiled: which orders count on which day, which are bad, and which stage a count has reached."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from rules.calendar.days import day_expression, day_of
from rules.calendar.durations import Share
from rules.calendar.instants import NEVER
from rules.calendar.schedule import next_boundary
from rules.calendar.windows import Period
from rules.codegen import Written, function
from rules.expr.conditions import (
    Has,
    compile_condition,
    expression,
    facts_named,
    facts_that_end,
    order_function,
    rules_named,
)
from rules.expr.moments import Moment, earliest, of_fact
from rules.facts.order_facts import FIRST_HOLDS, OrderFacts, all_had_come, any_had_come, bits_of
from rules.kinds.deadline.spec import DueOf
from rules.kinds.ratio.spec import RatioSpec
from rules.kinds.ratio.steps import Step, step_of
from rules.kinds.rule import Cost, Locale
from rules.kinds.shop_view import OrderView
from rules.messages.alert_state import Desired
from rules.messages.alerts import Reason

Part = tuple[int, bool]
"""One order's part in a ratio: `(local day, counts as bad)`."""


class Count(Struct, gc=False):
    """The orders in a period: `bad` ones of `total`."""

    period: Period
    bad: int = 0
    total: int = 0

    def add(self, part: Part | None, times: int) -> None:
        """Adds an order if its part lies in the period; `times` -1 removes it."""
        if part is not None and self.period.first <= part[0] <= self.period.last:
            self.total += times
            self.bad += times * part[1]


class CurrentPeriods(NamedTuple):
    """The periods that are evaluated from one moment until another (epoch ms). `idle_counts` are their empty counts,
    shared by all idle counters."""

    from_ms: int
    until_ms: int
    periods: list[Period]
    idle_counts: tuple[Count, ...]


class Population:
    """The orders that ratios count, and on which local day each counts; shared by ratios that agree in both. `n` is its
    position in the plan. `ratios` has the bits of the ratios. `on_move` are evaluators (as bits) that must know of each
    order that moves. An order is classified again when one of `facts` has changed, or one of the deadline rules `bits`
    says something else."""

    __slots__ = ("anchor", "bits", "day", "facts", "n", "on_move", "one_anchor", "ratios", "written", "zone")

    def __init__(
        self,
        n: int,
        rule: RatioSpec,
        bits: Mapping[str, int],
        locale: Locale,
        dues: Mapping[str, Moment],
        anchored: int,
    ) -> None:
        """`bits` of each deadline rule; `anchored`: the facts (as bits) that decide on an order's day."""
        anchors = rule.anchors()
        self.n = n
        self.facts = anchored | bits_of(facts_named(rule.denominator))
        self.bits = sum(bits[each] for each in rules_named(rule.denominator))
        self.ratios = self.on_move = 0
        self.zone = locale.zone
        self.one_anchor = anchors[0] if len(anchors) == 1 and isinstance(anchors[0], str) else None
        moments = [dues[each.due] if isinstance(each, DueOf) else of_fact(each) for each in anchors]
        anchor = earliest(f"first_{n}", moments)
        #: The instant (epoch ms) that decides on an order's day; None if it has none.
        self.anchor: Callable[[OrderFacts], int | None] = function("facts", anchor.written())
        self.written = self._written(rule, anchor, bits)
        #: `(facts, missed, overdue)`: the local day on which an order counts; None if it doesn't.
        self.day: Callable[[OrderFacts, int, int], int | None] = order_function(self.written)

    def _written(self, rule: RatioSpec, anchor: Moment, bits: Mapping[str, int]) -> Written:
        tests = [anchor.known]
        if rule.denominator != Has(str(rule.anchor)):
            tests.append(expression(rule.denominator, bits))
        day = day_expression(anchor.instant(), self.zone)
        return Written(f"({day} if {' and '.join(tests)} else None)", anchor.names | {"day_of": day_of})


def counted_alike(rule: RatioSpec, locale: Locale) -> Hashable:
    """Equal for ratios that share a population."""
    return rule.denominator, rule.anchor, locale.zone


class CompiledRatio:
    """A ratio rule compiled. `n` is its position in the plan, `bit` is `1 << n`."""

    __slots__ = (
        "_closed",
        "_current",
        "_highest_first",
        "_is_bad",
        "_named",
        "anchor_known_by",
        "anchored_by",
        "bad",
        "bad_bits",
        "bad_facts",
        "bad_when",
        "bit",
        "bits",
        "computes_ahead",
        "denominator",
        "effective",
        "facts",
        "fixed",
        "n",
        "near",
        "redeemed_by",
        "rests_on",
        "rule",
        "stage",
        "steps",
        "zone",
    )

    def __init__(
        self,
        n: int,
        rule: RatioSpec,
        denominator: Population,
        bits: Mapping[str, int],
        locale: Locale,
        anchored: int,
        rests_on: int,
    ) -> None:
        """`bits` of each deadline rule. Facts as bits: those that decide on an order's day (`anchored`), and all that
        the ratio `rests_on`, including those of its deadline rules."""
        self.n = n
        self.bit = 1 << n
        self.rule = rule
        self.denominator = denominator
        #: The condition by which an order is bad, with the facts and the deadline rules (as bits) that it looks at.
        self.bad_when = rule.bad_when()
        self.bad_facts = 0 if self.bad_when is None else bits_of(facts_named(self.bad_when))
        self.bad_bits = 0 if self.bad_when is None else sum(bits[each] for each in rules_named(self.bad_when))
        self.facts = denominator.facts | self.bad_facts
        #: Facts (as bits) that can only make a bad order good again.
        ending = set[str]() if self.bad_when is None else facts_that_end(self.bad_when)
        self.redeemed_by = bits_of(ending) & ~denominator.facts
        self.rests_on = rests_on
        self.anchor_known_by = all_had_come(anchored)
        self.anchored_by = any_had_come(anchored)
        self.bits = sum(bits[each] for each in rule.depends_on())
        self.zone = locale.zone
        self.effective = locale.effective
        self._current = CurrentPeriods(NEVER, NEVER, [], ())
        self._closed = (NEVER, Period("-", 0, 0))
        #: Whether a computation from a rolling window lies ahead, whose period is the current one then.
        self.computes_ahead = rule.every is not None and rule.window.align == "rolling"
        names: list[tuple[str, Share | None, int | None]] = [(t.name, t.share, t.count) for t in rule.tiers]
        if rule.threshold is not None:
            names.append(("crossed", rule.threshold, None))
        self.steps = [self._step(*each) for each in names]
        self._highest_first = self.steps[::-1]
        self.near: Step | None = None if rule.near is None else self._step("near", rule.near, None)
        self._named = {step.name: step for step in [self.near, *self.steps] if step is not None}
        #: `(bad, total)`: the stage of such a count, or None.
        self.stage: Callable[[int, int], str | None] = function("bad, total", Written(self._stage()))
        self.fixed = denominator.one_anchor is not None and rule.anchors()[0] in FIRST_HOLDS  # no later word moves it
        self.bad = None if self.bad_when is None else expression(self.bad_when, bits)
        self._is_bad = None if self.bad_when is None else compile_condition(self.bad_when, bits)

    def _step(self, name: str, share: Share | None, count: int | None) -> Step:
        return step_of(name, share, count, good=self.rule.good, inclusive=self.rule.inclusive)

    def _stage(self) -> str:
        mildest = self.near or next(iter(self.steps), None)
        if mildest is None:
            return "None"
        stages = "".join(f"{step.name!r} if {step.expression()} else " for step in self._highest_first)
        return f"({stages}'near') if bad and total >= {self.rule.at_least} and {mildest.expression()} else None"

    def part(self, facts: OrderFacts, missed: int, overdue: int) -> Part | None:
        """An order's part with these facts and these deadline rules missed and overdue."""
        day = self.denominator.day(facts, missed, overdue)
        if day is None:
            return None
        return day, self._is_bad is not None and self._is_bad(facts, missed, overdue)

    def part_of(self, order: OrderView) -> Part | None:
        """An order's part as it is counted now; None if it doesn't count."""
        day = order.days[self.denominator.n]
        return None if day is None else (day, bool(order.bad & self.bit))

    def current(self, at_ms: int) -> CurrentPeriods:
        """The periods evaluated at a moment: those of the window, or the one of the next computation. Cached, as all
        shops ask for the same."""
        current = self._current
        if not current.from_ms <= at_ms < current.until_ms:
            window = self.rule.window
            periods = [self._so_far(at_ms)] if self.computes_ahead else window.periods(at_ms, self.zone)
            current = self._current = CurrentPeriods(
                at_ms, window.next_change(at_ms, self.zone), periods, tuple([Count(period) for period in periods])
            )
        return current

    def periods(self, at_ms: int) -> list[Period]:
        """The window's periods at a moment, the newest first."""
        window = self.rule.window
        return window.periods(at_ms, self.zone) if self.computes_ahead else self.current(at_ms).periods

    def closed_at(self, boundary_ms: int) -> Period:
        """The period that the computation at a boundary (epoch ms) covers. The last answer is kept, as all shops ask
        for the same."""
        if boundary_ms != self._closed[0]:
            self._closed = boundary_ms, self.rule.window.closed_at(boundary_ms, self.zone)
        return self._closed[1]

    def named(self, name: str, at_ms: int) -> Period | None:
        """The period of this name; as `Window.named`, which looks further back."""
        current = [period for period in self.periods(at_ms) if period.name == name]
        return current[0] if current else self.rule.window.named(name, at_ms, self.zone)

    def next_period(self, at_ms: int) -> Period | None:
        """The part up to now of the rolling period of the next computation; None if nothing is computed from a rolling
        period."""
        return self.current(at_ms).periods[0] if self.computes_ahead else None

    def _so_far(self, at_ms: int) -> Period:
        rule = self.rule
        assert rule.every is not None
        return rule.window.so_far(at_ms, next_boundary(rule.every, at_ms, self.zone), self.zone)

    def reached(self, count: Count) -> Step | None:
        """The highest step that a count has reached."""
        if count.total < self.rule.at_least or count.total == 0:
            return None
        for step in self._highest_first:
            if step.reached(count.bad, count.total):
                return step
        return None

    def slack(self, bad: int, total: int, stage: str | None) -> int:
        """How many more good orders a count at this stage takes without reaching another."""
        if stage is not None:
            return self._named[stage].holds(bad) - total
        least = self.rule.at_least
        return least - 1 - total if bad and total < least else NEVER

    def open(self, step: Step) -> Desired:
        tier = step.name if self.rule.tiers and step.name != "near" else None
        return Desired(step.name, self.rule.severity[step.name], tier=tier)

    def evaluate(self, count: Count) -> tuple[Desired, Reason] | None:
        """The desired alert of a count, and the reason; None if it has no stage."""
        stage = self.stage(count.bad, count.total)
        if stage is None:
            return None
        return self.open(self._named[stage]), "threshold_near" if stage == "near" else "threshold_crossed"

    def next_step(self, count: Count) -> Step | None:
        """The first step not reached yet; the last one if all are."""
        for step in self.steps:
            if not step.reached(count.bad, count.total):
                return step
        return self.steps[-1] if self.steps else None

    def headroom(self, count: Count) -> int | None:
        """How many more orders may go bad before the next step; negative past the last."""
        step = self.next_step(count)
        return None if step is None else step.fits(count.bad, count.total)

    def threshold(self, count: Count) -> float | None:
        """The share at which the next step lies, as the rule writes it."""
        return self.share(self.next_step(count))

    def share(self, step: Step | None) -> float | None:
        """A step's share, as the rule writes it."""
        if step is None or step.top is None:
            return None
        part = step.top / step.bottom
        return round(1 - part, 12) if self.rule.good else part

    def numerator(self, count: Count) -> int:
        return count.total - count.bad if self.rule.good else count.bad

    def cost(self, step: str | None) -> Cost | None:
        """The penalty at a step."""
        return next((tier.penalty for tier in self.rule.tiers if tier.name == step and tier.penalty), self.rule.penalty)


Days = tuple[int | None, ...]
"""An order's local day in each of the plan's populations; None where it doesn't count."""

Classifier = Callable[[OrderFacts, int, int, int, Days], tuple[int, Days]]
"""`(facts, missed, overdue, bad, days)`: the ratios (as bits) in which an order is bad, and its days. `bad` and `days`
are those of before, which stay in all other ratios and populations than those compiled."""


def compile_classifier(ratios: Iterable[CompiledRatio], moved: Iterable[Population], populations: int) -> Classifier:
    """Compiles ratios, and some of all `populations`, into one function."""
    bits: dict[str, int] = {}
    stays = -1
    for each in ratios:
        stays &= ~each.bit
        if each.bad is not None:
            bits[each.bad] = bits.get(each.bad, 0) | each.bit
    bad = " | ".join([f"bad & {stays}", *(f"({several} if {is_bad} else 0)" for is_bad, several in bits.items())])
    of = {each.n: each.written for each in moved}
    days = "".join([f"{of[n].expression if n in of else f'days[{n}]'}, " for n in range(populations)])
    names = {name: value for each in of.values() for name, value in each.names.items()}
    classify: Classifier = order_function(
        Written(f"({bad}, ({days}))" if of else f"({bad}, days)", names), "bad", "days"
    )
    return classify
