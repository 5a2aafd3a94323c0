"""Sanctions of a ratio's tiers: each lasts its whole time from when the tier was reached, whatever the ratio does after
that. They are worked out from the facts alone, so no order of arrival can leave a sanction behind."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from rules.calendar.schedule import boundaries
from rules.expr.conditions import rules_named
from rules.facts.merge import as_of
from rules.facts.order_facts import FACT_BIT, all_had_come, any_had_come
from rules.kinds.evaluation import ActiveSanction
from rules.kinds.ratio.compiled import Count, Part
from rules.kinds.ratio.counters import RatioCounter
from rules.kinds.ratio.spec import RatioSpec
from rules.kinds.shop_view import OrderView, ShopView

Change = tuple[int, Part | None, Part | None]
"""When (epoch ms) an order's part in a ratio changed, from what to what."""


def sanctions(shop: ShopView, counter: RatioCounter, at_ms: int) -> Iterator[ActiveSanction]:
    """Those in force at a moment."""
    rule = counter.ratio.rule
    for n, tier in enumerate(rule.tiers):
        if tier.sanction is None:
            continue
        since_ms = at_ms - rule.looks_back_ms(tier)
        began = _Past(shop, counter, since_ms, at_ms).reached(n)
        if began is not None:
            yield ActiveSanction(tier.sanction.name, began, tier.sanction.until_ms(began))


def _rules_named(rule: RatioSpec) -> set[str]:
    """The deadline rules that decide whether an order counts, or is bad."""
    return rules_named(rule.denominator) | (set() if rule.numerator is None else rules_named(rule.numerator))


class _Past:
    """What a ratio counted between two moments: what it counts now, with the later changes of orders undone."""

    def __init__(self, shop: ShopView, counter: RatioCounter, since_ms: int, at_ms: int) -> None:
        self.shop = shop
        self.counter = counter
        self.since_ms = since_ms
        self.at_ms = at_ms
        self.timers = [timer for timer in shop.plan.timers if timer.rule.id in _rules_named(counter.ratio.rule)]
        self.facts = [name for name, bit in FACT_BIT.items() if counter.ratio.rests_on & bit]
        self.all_had_come, self.any_had_come = all_had_come(counter.ratio.facts), any_had_come(counter.ratio.facts)
        self.first = counter.ratio.rule.window.periods(since_ms, counter.ratio.zone)[0].first
        self.days = {
            day: [total, counter.bad_on(day)] for day, total in counter.buckets.by_day.items() if day >= self.first
        }
        self.changes: list[Change] = []
        for order in shop.orders.values():  # of those not in memory nothing has changed since
            if order.last_ms > since_ms or self.timers:
                self._follow(order.decoded())

    def _follow(self, order: OrderView) -> None:
        now = self.counter.ratio.part_of(order)
        if now is not None and now[0] < self.first:
            return  # too old to have counted
        change_times = self._change_times(order)
        if not change_times and order.last_ms <= self.at_ms:
            return  # what is known of times to come hasn't happened yet
        part = self._part(order, self.since_ms)
        self._move(now, part)
        for at_ms in change_times:
            before, part = part, self._part(order, at_ms)
            if part != before:
                self.changes.append((at_ms, before, part))

    def _change_times(self, order: OrderView) -> list[int]:
        """When something happened to an order that the ratio looks at, or it fell due."""
        facts = order.facts
        known, change_times = [facts], set[int]()
        if order.last_ms > self.since_ms:
            change_times |= {stamp[0] for name in self.facts if (stamp := getattr(facts, name)) is not None}
            change_times |= {each.at_ms for each in facts.statements}
        if self.timers and facts.deadline_moved is not None:
            moves = {facts.deadline_moved[0], *(stamp[0] for stamp, _ in facts.moves_before())}
            change_times |= moves
            known += [as_of(facts, at_ms - 1) for at_ms in moves]  # it may have fallen due before it was moved
        change_times |= {due for each in known for timer in self.timers for due in timer.due_instants(each)}
        return sorted(at for at in change_times if self.since_ms < at <= self.at_ms)

    def _part(self, order: OrderView, at_ms: int) -> Part | None:
        facts, ratio = order.facts, self.counter.ratio
        if not self.any_had_come(facts, at_ms):
            return None
        if self.timers:
            then = as_of(facts, at_ms)
            return ratio.part(then, *self.shop.plan.evaluate_timers(then, at_ms))
        return ratio.part_of(order) if self.all_had_come(facts, at_ms) else ratio.part(as_of(facts, at_ms), 0, 0)

    def _move(self, before: Part | None, after: Part | None) -> None:
        for part, sign in ((before, -1), (after, 1)):
            if part is not None:
                day = self.days.setdefault(part[0], [0, 0])
                day[0] += sign
                day[1] += sign * part[1]

    def reached(self, n: int) -> int | None:
        """When (epoch ms) the tier was first reached, if it wasn't before."""
        zone = self.counter.ratio.zone
        change_times: list[Change] = [(at, None, None) for at in boundaries("day", self.since_ms, self.at_ms, zone)]
        was = self._is_reached(n, self.since_ms)
        at_ms: int
        for at_ms, changes in groupby(sorted(change_times + self.changes, key=itemgetter(0)), itemgetter(0)):
            for _, before, after in changes:
                self._move(before, after)
            now = self._is_reached(n, at_ms)
            if now and not was:
                return at_ms
            was = now
        return None

    def _is_reached(self, n: int, at_ms: int) -> bool:
        ratio = self.counter.ratio
        period = ratio.rule.window.periods(at_ms, ratio.zone)[0]
        inside = [counts for day, counts in self.days.items() if period.first <= day <= period.last]
        count = Count(period, sum(bad for _, bad in inside), sum(total for total, _ in inside))
        reached = ratio.reached(count)
        return reached is not None and ratio.steps.index(reached) >= n
