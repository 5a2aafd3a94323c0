"""The results of a shop's periodic ratios at their boundaries, and which of them must be computed again.

A result is a fact of the shop from then on: it is kept in the changelog and comes back after a restart, whether the
shop is bound to its plan before that or after.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from rules.calendar.instants import MIN_MS, NEVER
from rules.calendar.schedule import Schedule
from rules.facts.order_facts import OrderFacts, future_bits
from rules.kinds.nothing import NOTHING


class PeriodResult(Struct, array_like=True, frozen=True):
    """What a ratio was at a boundary. `step` is the stage reached."""

    period: str
    bad: int
    total: int
    step: str | None


class _Order(Protocol):
    """What matters here of an order; `last_ms` is when anything was last heard of it."""

    last_ms: int

    @property
    def facts(self) -> OrderFacts: ...


Order = TypeVar("Order", bound=_Order)


class RuleResults:
    """The state of one periodic ratio's evaluator: its results by boundary (epoch ms), up to when it `computed` them
    (None: not yet under this plan), the boundaries before and after that, from when on evidence came late
    (`recompute_from_ms`), and the orders it was about, with their facts before it (`late`). `shared`: what all periodic
    ratios of the shop share; None in a state outside an engine."""

    __slots__ = ("by_boundary", "computed_ms", "last_ms", "late", "next_ms", "recompute_from_ms", "rule", "shared")

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self.shared: PeriodResults[Any] | None = None
        self.by_boundary: dict[int, PeriodResult] = NOTHING
        self.computed_ms: int | None = None
        self.last_ms = self.next_ms = MIN_MS
        self.recompute_from_ms = NEVER
        self.late: dict[Any, OrderFacts] = NOTHING

    def is_due(self, at_ms: int) -> bool:
        """Whether a boundary has been reached since the last time, or evidence came late."""
        return at_ms >= self.next_ms or self.recompute_from_ms < NEVER

    def put(self, boundary_ms: int, result: PeriodResult | None) -> bool:
        """Keeps a result, None where there was nothing to compute; whether it is another than before."""
        if self.by_boundary.get(boundary_ms) == result:
            return False
        self.restore(boundary_ms, result)
        if self.shared is not None:
            self.shared.note_unsaved([(self.rule, boundary_ms)])
        return True

    def restore(self, boundary_ms: int, result: PeriodResult | None) -> None:
        """The same of a result that is saved already."""
        self.by_boundary = self.by_boundary or {}
        if result is None:
            self.by_boundary.pop(boundary_ms, None)
        else:
            self.by_boundary[boundary_ms] = result

    def complete(self, at_ms: int, last_ms: int, next_ms: int) -> None:
        """All is computed up to a moment, which lies between these boundaries."""
        self.computed_ms, self.last_ms, self.next_ms = at_ms, last_ms, next_ms
        self.recompute_from_ms, self.late = NEVER, NOTHING
        if self.shared is not None:
            self.shared.late_before_ms = max(self.shared.late_before_ms, last_ms)

    def future_after(self, boundary_ms: int) -> Mapping[Any, int] | None:
        """The orders of which something is known that lies after a boundary, with those facts (as bits); None where
        nobody keeps them."""
        return None if self.shared is None else self.shared.future_after(boundary_ms)

    def foreseen(self, boundary_ms: int, result: PeriodResult) -> "RuleResults":
        """A copy in which a boundary to come has a result."""
        copied = copy(self)
        copied.by_boundary = {**self.by_boundary, boundary_ms: result}
        return copied


class PeriodResults(Generic[Order]):
    """What the periodic ratios of one shop keep together. The engine tells it what has come, and takes what is to be
    saved; each ratio writes its own `RuleResults`.

    `boundary_ms`: the next boundary of any of them, `NEVER` where there are none. `future_facts`: the orders of which
    something may be known that lies after it, with these facts (as bits). `late_before_ms`: evidence for this time or
    before may change a result. Both instants are compared at each event. `moved`: the results by rule as another plan
    has them for which the shop waits, and as they are saved already; until then its rules go by the ones from before.
    None where it waits for none.
    """

    __slots__ = (
        "_bound",
        "_schedules",
        "_unbound",
        "boundary_ms",
        "future_facts",
        "late_before_ms",
        "moved",
        "unsaved",
    )

    def __init__(self) -> None:
        self.boundary_ms = NEVER
        self.late_before_ms = MIN_MS
        self.moved: dict[str, dict[int, PeriodResult]] | None = None
        self.future_facts: dict[Order, int] = NOTHING
        #: `(rule, boundary)` of the results that are to be saved.
        self.unsaved: Sequence[tuple[str, int]] = ()
        #: Those of the plan's rules, and those of other rules that have results from before.
        self._bound: Sequence[RuleResults] = ()
        self._unbound: dict[str, RuleResults] = NOTHING
        self._schedules: Sequence[Schedule] = ()

    def bind(self, rules: Sequence[RuleResults], schedules: Sequence[Schedule], orders: Iterable[Order]) -> None:
        """Takes on the periodic ratios of another plan, with when each is computed. They find the results of the same
        rules that came back after a restart, or were moved to this plan."""
        before, self.moved = self._saved(), None
        for rule in rules:
            rule.shared = self
            rule.by_boundary = before.pop(rule.rule, rule.by_boundary)
        self._bound, self._unbound, self._schedules = rules, NOTHING, schedules
        for name, by_boundary in before.items():
            self._unbound_results(name).by_boundary = by_boundary
        self.boundary_ms, self.future_facts = MIN_MS if rules else NEVER, NOTHING
        for order in orders:
            self.expect(order)  # nobody may have asked what lies ahead until now

    # -- called by the engine -------------------------------------------------------------------------------

    def note_future(self, order: Order, facts: int) -> None:
        """Facts (as bits) of an order have come that may lie after the next boundary."""
        self.future_facts = self.future_facts or {}
        self.future_facts[order] = self.future_facts.get(order, 0) | facts

    def expect(self, order: Order) -> None:
        """The same, by all that is known of an order."""
        if order.last_ms > self.boundary_ms:
            self.note_future(order, future_bits(order.facts, self.boundary_ms))

    def evidence_arrived(self, at_ms: int, order: Order, before: OrderFacts) -> None:
        """Evidence for a moment has come late, about an order with these facts `before` it: what was computed since
        then may have been otherwise."""
        for rule in self._bound:
            rule.recompute_from_ms = min(rule.recompute_from_ms, at_ms)
            rule.late = rule.late or {}
            rule.late.setdefault(order, before)

    def advance(self, at_ms: int) -> None:
        """The next boundary is past: from now on only what lies after the one that follows matters."""
        following_ms = min([schedule.first_from(at_ms) for schedule in self._schedules])
        self.future_facts, self.boundary_ms = self.future_after(following_ms), following_ms

    def progress(self) -> tuple[tuple[int, int, int], ...] | None:
        """Up to when each ratio is computed, with the boundaries before and after that (epoch ms). None while results
        are yet to be computed, or saved: who starts from here would never do so."""
        if self.unsaved or self.moved is not None or any(each.recompute_from_ms < NEVER for each in self._bound):
            return None
        found = [(each.computed_ms, each.last_ms, each.next_ms) for each in self._bound if each.computed_ms is not None]
        return tuple(found) if len(found) == len(self._bound) else None

    def resume(self, progress: Sequence[tuple[int, int, int]], late_before_ms: int) -> None:
        """Goes on where another process was, with the results that it saved. What came of orders since then may lie
        before the next boundary all the same, so all of them are still expected."""
        for rule, each in zip(self._bound, progress, strict=True):
            rule.computed_ms, rule.last_ms, rule.next_ms = each
        self.late_before_ms = max(self.late_before_ms, late_before_ms)

    def begin_again(self, orders: Iterable[Order]) -> None:
        """Has everything computed again from all orders, as at the first time."""
        for rule in self._bound:
            rule.computed_ms, rule.recompute_from_ms, rule.late = None, NEVER, NOTHING
            rule.last_ms = rule.next_ms = MIN_MS
        self.boundary_ms, self.future_facts = MIN_MS if self._bound else NEVER, NOTHING
        for order in orders:
            self.expect(order)

    def restore(self, rule: str, boundary_ms: int, result: PeriodResult | None) -> None:
        """Takes back a saved result, whether its rule is known yet or not."""
        of_rule = next((each for each in self._all() if each.rule == rule), None)
        if of_rule is None:
            of_rule = self._unbound_results(rule)
        of_rule.restore(boundary_ms, result)
        if result is not None:
            self.late_before_ms = max(self.late_before_ms, boundary_ms)

    def move(self, schedules: Mapping[str, Schedule]) -> None:
        """Has each result saved at the boundary that another plan, with these schedules by rule, has in its place: in
        another zone a month begins at another instant. That plan computes them again from the orders that are still
        known; what can't be computed any more stands as it was."""
        before = self._saved()
        self.moved = {
            rule: {schedules[rule].nearest(at_ms): each for at_ms, each in results.items()}
            if rule in schedules
            else results
            for rule, results in before.items()
        }
        for results in (before, self.moved):
            self.note_unsaved([(rule, boundary_ms) for rule, found in results.items() for boundary_ms in found])

    def saved(self, rule: str, boundary_ms: int) -> PeriodResult | None:
        """A result as it is to be saved; None if there is none."""
        return self._saved().get(rule, {}).get(boundary_ms)

    def take_unsaved(self) -> Sequence[tuple[str, int]]:
        """`(rule, boundary)` of the results that have changed since the last call."""
        unsaved, self.unsaved = self.unsaved, ()
        return unsaved

    # -- called by its ratios -------------------------------------------------------------------------------

    def note_unsaved(self, results: Sequence[tuple[str, int]]) -> None:
        """Some results (by rule and boundary) are other than before."""
        self.unsaved = [*self.unsaved, *results]

    # -- queries --------------------------------------------------------------------------------------------

    def computed_by_ms(self) -> int:
        """The last boundary (epoch ms) that isn't computed any more unless evidence comes late."""
        return max((each.last_ms for each in self._bound if each.computed_ms is not None), default=MIN_MS)

    def future_after(self, boundary_ms: int) -> dict[Order, int]:
        """Those of `future_facts` that lie after this boundary, too, which is `boundary_ms` or a later one."""
        if boundary_ms == self.boundary_ms:
            return self.future_facts
        return {
            order: future_bits(order.facts, boundary_ms) for order in self.future_facts if order.last_ms > boundary_ms
        }

    def by_rule(self) -> dict[str, dict[int, PeriodResult]]:
        """All results by rule and boundary (epoch ms)."""
        return {each.rule: each.by_boundary for each in self._all() if each.by_boundary}

    def _saved(self) -> dict[str, dict[int, PeriodResult]]:
        return self.by_rule() if self.moved is None else self.moved

    def _unbound_results(self, rule: str) -> RuleResults:
        """The results, none yet, of a rule that the plan hasn't got."""
        self._unbound = self._unbound or {}
        found = self._unbound[rule] = RuleResults(rule)
        return found

    def _all(self) -> Iterator[RuleResults]:
        yield from self._bound
        yield from self._unbound.values()
