"""Computing a ratio at its boundaries (each Monday, each month): from what had happened by then, and a fact of the
shop's from then on, until evidence comes late."""

from collections.abc import Sequence

from rules.calendar.days import start_of_day
from rules.calendar.instants import NEVER
from rules.calendar.schedule import boundaries, is_boundary, last_boundary, next_boundary
from rules.calendar.windows import Period
from rules.kinds.ratio.compiled import CompiledRatio, Count, Part
from rules.kinds.ratio.period_results import PeriodResult
from rules.kinds.ratio.spec import LONGEST_MS
from rules.kinds.shop_view import OrderView, ShopView


class PeriodicRatio:
    """A ratio rule that has `every`, with all its versions."""

    def __init__(self, versions: Sequence[CompiledRatio]) -> None:
        rule = versions[-1].rule
        assert rule.every is not None
        self.rule_id = rule.id
        self.every = rule.every
        self.zone = versions[-1].zone
        self.versions = versions
        self.lag_ms = 0 if rule.window.align == "rolling" else int(rule.window.lag)

    def compute(self, shop: ShopView, at_ms: int) -> tuple[bool, int]:
        """Computes the ratio at each boundary that has been reached since the last time; again, where evidence has come
        late for orders that are still kept. Answers whether anything is new, and when the next boundary is (epoch
        ms)."""
        _, _, following = shop.computed_to.get(self.rule_id, (at_ms, at_ms, at_ms))
        if at_ms < following and self.rule_id not in shop.recompute:
            return False, following
        kept = shop.computed.get(self.rule_id, {})
        changed = False
        for boundary in boundaries(self.every, self._start(shop, at_ms), at_ms, self.zone, self.lag_ms):
            found = self._compute(shop, boundary, kept.get(boundary), at_ms)
            if kept.get(boundary) == found:
                continue
            if found is None:
                del kept[boundary]
            else:
                kept[boundary] = found
                shop.computed[self.rule_id] = kept
            shop.recomputed.append((self.rule_id, boundary))
            changed = True
        last = last_boundary(self.every, at_ms, self.zone, self.lag_ms)
        shop.late_before_ms = max(shop.late_before_ms, last)
        following = next_boundary(self.every, at_ms, self.zone, self.lag_ms)
        shop.computed_to[self.rule_id] = at_ms, last, following
        return changed, following

    def _start(self, shop: ShopView, at_ms: int) -> int:
        """After which instant boundaries must be looked at."""
        done = shop.computed_to.get(self.rule_id)
        # The first time, after a restart too: evidence may have been written that nothing was computed from yet.
        since = min(shop.began_ms, at_ms) - 1 if done is None else done[0]
        return max(min(since, shop.recompute.pop(self.rule_id, NEVER) - 1), at_ms - LONGEST_MS)

    def _compute(self, shop: ShopView, boundary: int, before: PeriodResult | None, at_ms: int) -> PeriodResult | None:
        """What the ratio was at a boundary, from what had happened by then; None without orders. `before` is what was
        found earlier."""
        ratio = next((each for each in self.versions if each.effective.at(boundary)), None)
        if ratio is None:
            return None
        period = ratio.rule.window.closed_at(boundary, ratio.zone)
        if start_of_day(period.first, ratio.zone) < shop.retained_from_ms:
            return before  # some of its orders are gone: what was computed then stands
        at_its_time = boundary == at_ms and not shop.instant_open
        count = (_counted_now if at_its_time else _counted_then)(shop, ratio, period, boundary)
        if not count.total:
            return None
        step = ratio.reached(count)
        return PeriodResult(period.name, count.bad, count.total, None if step is None else step.name)

    def boundary_from(self, at_ms: int) -> int:
        """The first boundary that doesn't lie before a moment (epoch ms)."""
        return next_boundary(self.every, at_ms - 1, self.zone, self.lag_ms)

    def computations(self, shop: ShopView) -> list[tuple[int, PeriodResult]]:
        """What was computed at which boundary (epoch ms), oldest first. Borders of another zone, by which the shop went
        before its site was known, are none of its own."""
        kept = shop.computed.get(self.rule_id, {})
        return sorted([each for each in kept.items() if is_boundary(self.every, each[0], self.zone, self.lag_ms)])

    def newest(self, shop: ShopView, at_ms: int) -> tuple[int, PeriodResult] | None:
        """What was computed at the last boundary, and that (epoch ms); None where there was nothing to compute."""
        _, boundary, following = shop.computed_to.get(self.rule_id, (at_ms, at_ms, at_ms))
        if not boundary <= at_ms < following:
            boundary = last_boundary(self.every, at_ms, self.zone, self.lag_ms)
        found = shop.computed.get(self.rule_id, {}).get(boundary)
        return None if found is None else (boundary, found)


def _counted_now(shop: ShopView, ratio: CompiledRatio, period: Period, boundary: int) -> Count:
    """What has been counted by now, just as a boundary has come, without what is known of times to come."""
    count = shop.counters[ratio.n].sum(period)
    rests_on, slot, last, fixed = ratio.rests_on, ratio.denominator.n, period.last, ratio.fixed
    for order, facts in shop.future_after(boundary).items():
        if not facts & rests_on:
            continue
        day = order.days[slot]
        if fixed and day is not None and day > last:
            continue  # as most do: it is still to come, and no later word moves it
        came = ratio.anchored_by(order.facts, boundary)
        if not came and (day is None or day > last):
            continue  # it didn't count yet
        part = order.part(ratio)
        count.add(part, -1)
        if came and not _lies_elsewhere(ratio, order, part, period, boundary):
            count.add(_part_then(shop, ratio, order, boundary), 1)
    return count


def _lies_elsewhere(ratio: CompiledRatio, order: OrderView, part: Part | None, period: Period, boundary: int) -> bool:
    """Whether an order counts outside a period, and did so at a boundary already if it counted at all."""
    outside = part is not None and not period.first <= part[0] <= period.last
    return outside and ratio.anchor_known_by(order.facts, boundary)


def _counted_then(shop: ShopView, ratio: CompiledRatio, period: Period, boundary: int) -> Count:
    """What would have been counted at a boundary that is past."""
    count, anchored = Count(period), ratio.denominator.anchor
    from_ms, to_ms = start_of_day(period.first, ratio.zone), start_of_day(period.last + 1, ratio.zone)
    for order in shop.orders.values():
        anchor = anchored(order.facts) if ratio.fixed else from_ms
        if anchor is not None and from_ms <= anchor < to_ms:
            count.add(_part_then(shop, ratio, order, boundary), 1)
    return count


def _part_then(shop: ShopView, ratio: CompiledRatio, order: OrderView, boundary: int) -> Part | None:
    """Where an order counted at a boundary, from what had happened by then."""
    facts = order.facts if order.last_ms <= boundary else order.facts.as_of(boundary)
    missed, overdue = shop.plan.evaluate_timers(facts, boundary, ratio.bits)
    return ratio.part(facts, missed, overdue)
