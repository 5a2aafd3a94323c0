"""Computes a ratio at its boundaries (each Monday, each month) from what had happened by then. The result stays a fact
of the shop until a late fact has it computed again."""

from collections.abc import Mapping, Sequence
from typing import Any

from rules.calendar.days import start_of_day
from rules.calendar.instants import MIN_MS
from rules.calendar.schedule import Schedule
from rules.calendar.windows import Period
from rules.facts.merge import as_of
from rules.facts.order_facts import OrderFacts
from rules.kinds.ratio.compiled import CompiledRatio, Count, Part
from rules.kinds.ratio.period_results import PeriodResult, RuleResults
from rules.kinds.ratio.spec import LONGEST_MS
from rules.kinds.shop_view import OrderView, ShopView


class PeriodicRatio:
    """A ratio rule that has `every`, with all its versions."""

    def __init__(self, versions: Sequence[CompiledRatio]) -> None:
        rule = versions[-1].rule
        assert rule.every is not None
        self.rule_id = rule.id
        self.versions = versions
        lag_ms = 0 if rule.window.align == "rolling" else int(rule.window.lag)
        self.schedule = Schedule(rule.every, versions[-1].zone, lag_ms)

    def compute(self, shop: ShopView, results: RuleResults, at_ms: int) -> bool:
        """Computes the ratio at each boundary that has been reached since the last time; again, where evidence has come
        late for orders that are still kept. Whether any result is another than before."""
        if not results.is_due(at_ms):
            return False
        changed, computed_ms = False, MIN_MS if results.computed_ms is None else results.computed_ms
        for boundary in self.schedule.between(_start(shop, results, at_ms), at_ms):
            found = self._compute(shop, results, boundary, at_ms, again=boundary <= computed_ms)
            changed = results.put(boundary, found) or changed
        results.complete(at_ms, self.schedule.last_by(at_ms), self.schedule.next_after(at_ms))
        return changed

    def _compute(
        self, shop: ShopView, results: RuleResults, boundary: int, at_ms: int, again: bool
    ) -> PeriodResult | None:
        """What the ratio was at a boundary, from what had happened by then; None without orders. `again`: it was
        computed under this plan before, and only late evidence has come since."""
        ratio = next((each for each in self.versions if each.effective.at(boundary)), None)
        if ratio is None:
            return None
        period = ratio.closed_at(boundary)
        if start_of_day(period.first, ratio.zone) < shop.retained_from_ms:
            return results.by_boundary.get(boundary)  # some of its orders have expired, so the earlier result stands
        at_its_time = boundary == at_ms and not shop.instant_open
        future_facts = results.future_after(boundary) if at_its_time else None
        if again:
            count = _counted_again(shop, results, ratio, period, boundary)
        elif future_facts is not None:
            count = _counted_now(shop, future_facts, ratio, period, boundary)
        else:
            count = _counted_then(shop, ratio, period, boundary)
        if not count.total:
            return None
        step = ratio.reached(count)
        return PeriodResult(period.name, count.bad, count.total, None if step is None else step.name)

    def computations(self, results: RuleResults) -> list[tuple[int, PeriodResult]]:
        """What was computed at which boundary (epoch ms), oldest first. Boundaries of another zone, by which the shop
        went before its site was known, are none of its own."""
        return sorted([each for each in results.by_boundary.items() if self.schedule.has(each[0])])

    def newest(self, results: RuleResults, at_ms: int) -> tuple[int, PeriodResult] | None:
        """The result at the last boundary, with that (epoch ms); None if there was nothing to compute."""
        known = results.computed_ms is not None and results.last_ms <= at_ms < results.next_ms
        boundary = results.last_ms if known else self.schedule.last_by(at_ms)
        found = results.by_boundary.get(boundary)
        return None if found is None else (boundary, found)


def _start(shop: ShopView, results: RuleResults, at_ms: int) -> int:
    """After which instant boundaries must be looked at."""
    # The first time, after a restart too: evidence may have been written that nothing was computed from yet.
    since_ms = min(shop.began_ms, at_ms) - 1 if results.computed_ms is None else results.computed_ms
    return max(min(since_ms, results.recompute_from_ms - 1), at_ms - LONGEST_MS)


def _counted_now(
    shop: ShopView, future_facts: Mapping[Any, int], ratio: CompiledRatio, period: Period, boundary: int
) -> Count:
    """The count at a boundary that has just come: the current counts without facts that lie after it."""
    count: Count = shop.counters[ratio.n].sum(period)
    rests_on, slot, last, fixed = ratio.rests_on, ratio.denominator.n, period.last, ratio.fixed
    for order, facts in future_facts.items():
        if not facts & rests_on:
            continue
        day = order.days[slot]
        if fixed and day is not None and day > last and order.facts.plain:
            continue  # most such orders: it counts later, and no fact can move it into the period
        came = ratio.anchored_by(order.facts, boundary)
        if not came and (day is None or day > last):
            continue  # it didn't count yet
        part = ratio.part_of(order)
        count.add(part, -1)
        if came and not _lies_elsewhere(ratio, order, part, period, boundary):
            count.add(_part_then(shop, ratio, order, boundary), 1)
    return count


def _lies_elsewhere(ratio: CompiledRatio, order: OrderView, part: Part | None, period: Period, boundary: int) -> bool:
    """Whether an order counts outside a period, and did so at the boundary if it counted at all."""
    outside = part is not None and not period.first <= part[0] <= period.last
    return outside and ratio.anchor_known_by(order.facts, boundary)


def _counted_again(shop: ShopView, results: RuleResults, ratio: CompiledRatio, period: Period, boundary: int) -> Count:
    """The count of a result, with what has come late since."""
    known = results.by_boundary.get(boundary)
    count = Count(period) if known is None else Count(period, known.bad, known.total)
    for order, before in results.late.items():
        count.add(_part_by(shop, ratio, as_of(before, boundary), boundary), -1)
        count.add(_part_then(shop, ratio, order, boundary), 1)
    return count


def _counted_then(shop: ShopView, ratio: CompiledRatio, period: Period, boundary: int) -> Count:
    """The count at a past boundary: the current counts, with the orders in memory counted by what had happened by then.

    Those on the disk count as they do now. None is overdue, so they have counted so since their last fact; and an order
    leaves memory only once each boundary before its last fact is computed (`rules.state.order_ledger`).
    `tests/rules/engine/test_periods_on_disk.py` holds that.
    """
    count: Count = shop.counters[ratio.n].sum(period)
    anchored = ratio.denominator.anchor
    from_ms, to_ms = start_of_day(period.first, ratio.zone), start_of_day(period.last + 1, ratio.zone)
    for in_memory in shop.orders.values():
        order = in_memory.decoded()
        anchor = anchored(order.facts) if ratio.fixed and order.facts.plain else from_ms
        part = ratio.part_of(order)
        counts_now = part is not None and period.first <= part[0] <= period.last
        if counts_now or (anchor is not None and from_ms <= anchor < to_ms):
            count.add(part, -1)
            count.add(_part_then(shop, ratio, order, boundary), 1)
    return count


def _part_then(shop: ShopView, ratio: CompiledRatio, order: OrderView, boundary: int) -> Part | None:
    """An order's part at a boundary, from what had happened by then."""
    return _part_by(shop, ratio, order.facts if order.last_ms <= boundary else as_of(order.facts, boundary), boundary)


def _part_by(shop: ShopView, ratio: CompiledRatio, facts: OrderFacts, boundary: int) -> Part | None:
    """A part by these facts, of which none lies after a boundary."""
    missed, overdue = shop.plan.evaluate_timers(facts, boundary, ratio.bits)
    return ratio.part(facts, missed, overdue)
