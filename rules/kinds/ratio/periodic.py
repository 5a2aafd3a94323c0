"""Computes a ratio at its boundaries (each Monday, each month) from what had happened by then. The result stays a fact
of the shop until a late fact has it computed again."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rules.calendar.days import day_of, start_of_day
from rules.calendar.instants import MIN_MS
from rules.calendar.schedule import Schedule
from rules.calendar.windows import Period
from rules.facts.merge import as_of
from rules.facts.order_facts import OrderFacts
from rules.kinds.ratio.compiled import CompiledRatio, Count, Part
from rules.kinds.ratio.period_results import PeriodResult, RuleResults
from rules.kinds.ratio.spec import LONGEST_MS
from rules.kinds.shop_view import OrderInMemoryView, OrderView, ShopView

NO_DAY = 0
"""A local day that lies in no period."""


class Boundary(NamedTuple):
    """A boundary (epoch ms), the version of the ratio in force then, and the period that is computed."""

    at_ms: int
    ratio: CompiledRatio
    period: Period


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
        changed = False
        for boundary, result in self._compute(shop, results, at_ms).items():
            changed = results.put(boundary, result) or changed
        results.complete(at_ms, self.schedule.last_by(at_ms), self.schedule.next_after(at_ms))
        return changed

    def _compute(self, shop: ShopView, results: RuleResults, at_ms: int) -> dict[int, PeriodResult | None]:
        """What the ratio was at each boundary reached, from what had happened by then; None without orders."""
        computed_ms = MIN_MS if results.computed_ms is None else results.computed_ms
        found: dict[int, PeriodResult | None] = {}
        counts: dict[Boundary, Count] = {}
        past: list[Boundary] = []
        for boundary_ms in self.schedule.between(_start(shop, results, at_ms), at_ms):
            found[boundary_ms] = None
            boundary = self._boundary(boundary_ms)
            if boundary is None:
                continue
            if start_of_day(boundary.period.first, boundary.ratio.zone) < shop.retained_from_ms:
                # Some of its orders have expired, so the earlier result stands.
                found[boundary_ms] = results.by_boundary.get(boundary_ms)
                continue
            at_its_time = boundary_ms == at_ms and not shop.instant_open
            future_facts = results.future_after(boundary_ms) if at_its_time else None
            if boundary_ms <= computed_ms:  # under this plan, and only late evidence has come since
                counts[boundary] = _counted_again(shop, results, boundary)
            elif future_facts is not None:
                counts[boundary] = _counted_now(shop, future_facts, boundary)
            else:
                past.append(boundary)
        if past:
            counts |= _counted_then(shop, past)
        found |= {boundary.at_ms: _result(boundary.ratio, count) for boundary, count in counts.items()}
        return found

    def _boundary(self, at_ms: int) -> Boundary | None:
        """A boundary (epoch ms); None where no version is in force."""
        ratio = next((each for each in self.versions if each.effective.at(at_ms)), None)
        return None if ratio is None else Boundary(at_ms, ratio, ratio.closed_at(at_ms))

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


def _result(ratio: CompiledRatio, count: Count) -> PeriodResult | None:
    if not count.total:
        return None
    step = ratio.reached(count)
    return PeriodResult(count.period.name, count.bad, count.total, None if step is None else step.name)


def _counted_now(shop: ShopView, future_facts: Mapping[Any, int], boundary: Boundary) -> Count:
    """The count at a boundary that has just come: the current counts without facts that lie after it."""
    at_ms, ratio, period = boundary
    count: Count = shop.counters[ratio.n].sum(period)
    rests_on, slot, last, fixed = ratio.rests_on, ratio.denominator.n, period.last, ratio.fixed
    for order, facts in future_facts.items():
        if not facts & rests_on:
            continue
        day = order.days[slot]
        if fixed and day is not None and day > last and order.facts.plain:
            continue  # most such orders: it counts later, and no fact can move it into the period
        came = ratio.anchored_by(order.facts, at_ms)
        if not came and (day is None or day > last):
            continue  # it didn't count yet
        part = ratio.part_of(order)
        count.add(part, -1)
        if came and not _lies_elsewhere(order, part, boundary):
            count.add(_part_then(shop, ratio, order, at_ms), 1)
    return count


def _lies_elsewhere(order: OrderView, part: Part | None, boundary: Boundary) -> bool:
    """Whether an order counts outside a boundary's period, and did so then if it counted at all."""
    outside = part is not None and not boundary.period.first <= part[0] <= boundary.period.last
    return outside and boundary.ratio.anchor_known_by(order.facts, boundary.at_ms)


def _counted_again(shop: ShopView, results: RuleResults, boundary: Boundary) -> Count:
    """The count of a result, with what has come late since."""
    at_ms, ratio, period = boundary
    known = results.by_boundary.get(at_ms)
    count = Count(period) if known is None else Count(period, known.bad, known.total)
    for order, before in results.late.items():
        count.add(_part_by(shop, ratio, as_of(before, at_ms), at_ms), -1)
        count.add(_part_then(shop, ratio, order, at_ms), 1)
    return count


def _counted_then(shop: ShopView, boundaries: Sequence[Boundary]) -> dict[Boundary, Count]:
    """The counts at past boundaries: the current counts, with the orders in memory counted by what had happened by
    then. The orders are gone through once for all of them: after a restart, or where the shop has got another plan,
    these may be those of 400 days.

    Those on the disk count as they do now. None is overdue, so they have counted so since their last fact; and an order
    leaves memory only once each boundary before its last fact is computed (`rules.state.order_ledger`).
    `tests/rules/engine/test_periods_on_disk.py` holds that.
    """
    counts: dict[Boundary, Count] = {each: shop.counters[each.ratio.n].sum(each.period) for each in boundaries}
    of_ratio: dict[CompiledRatio, list[Boundary]] = {}
    for boundary in boundaries:
        of_ratio.setdefault(boundary.ratio, []).append(boundary)
    for in_memory in shop.orders.values():
        for ratio, several in of_ratio.items():
            part = ratio.part_of(in_memory)
            if may_differ := _that_may_differ(ratio, several, in_memory, part):
                order = in_memory.decoded()
                for boundary in may_differ:
                    counts[boundary].add(part, -1)
                    counts[boundary].add(_part_then(shop, ratio, order, boundary.at_ms), 1)
    return counts


def _that_may_differ(
    ratio: CompiledRatio, boundaries: Sequence[Boundary], order: OrderInMemoryView, part: Part | None
) -> Sequence[Boundary]:
    """The boundaries at which an order may have counted otherwise than by its `part` now: those in whose periods it
    counts now, or counted then. One that is encoded is decoded for it only if need be: after a restart most are."""
    day = NO_DAY if part is None else part[0]
    if not (ratio.fixed and order.is_plain):
        first_ms = order.facts.first_at_ms()
        return [each for each in boundaries if first_ms <= each.at_ms or each.period.first <= day <= each.period.last]
    if part is None and (anchor := ratio.denominator.anchor(order.facts)) is not None:
        day = day_of(anchor, ratio.zone)  # where it would count
    return [each for each in boundaries if each.period.first <= day <= each.period.last]


def _part_then(shop: ShopView, ratio: CompiledRatio, order: OrderView, boundary: int) -> Part | None:
    """An order's part at a boundary, from what had happened by then."""
    return _part_by(shop, ratio, order.facts if order.last_ms <= boundary else as_of(order.facts, boundary), boundary)


def _part_by(shop: ShopView, ratio: CompiledRatio, facts: OrderFacts, boundary: int) -> Part | None:
    """A part by these facts, of which none lies after a boundary."""
    missed, overdue = shop.plan.evaluate_timers(facts, boundary, ratio.bits)
    return ratio.part(facts, missed, overdue)
