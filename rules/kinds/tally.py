"""A shop's orders counted for one ratio, by the day on which each counts."""

from rules.facts import OrderFacts
from rules.instants import DAWN
from rules.kinds.ratio import Count, Gauge, Part
from rules.windows import Period, next_border


class Day:
    """One local day of one shop: how many orders count, and the bad ones among them with their facts."""

    __slots__ = ("bad", "total")

    def __init__(self) -> None:
        self.total = 0
        self.bad: dict[str, OrderFacts] = {}


class Tally:
    """One shop's counts for one ratio: a bucket per local day, and the sums of the periods being judged, and of the one
    that its next computation will look at."""

    __slots__ = ("ahead", "counts", "days", "gauge", "speaks", "turn_ms")

    def __init__(self, gauge: Gauge) -> None:
        self.gauge = gauge
        self.days: dict[int, Day] = {}
        self.counts: list[Count] = []
        self.ahead: Count | None = None
        #: Whether anything was open by it when it was last judged; at first nobody knows.
        self.speaks = True
        self.turn_ms = DAWN

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
        for count in self.counts if self.ahead is None else (*self.counts, self.ahead):
            if count.period.first <= day <= count.period.last:
                count.total += total
                count.bad += bad

    def may_speak(self) -> bool:
        """Whether judging it could open, change or end anything: it has, or a count has come to the mildest step."""
        gauge = self.gauge
        if self.speaks or gauge.rule.by is not None:
            return True
        mildest = gauge.near or gauge.steps[0]
        for count in self.counts if self.ahead is None else (*self.counts, self.ahead):
            if count.total >= gauge.rule.at_least and mildest.reached(count.bad, count.total):
                return True
        return False

    def turn(self, at_ms: int) -> None:
        """Slides the window to `at_ms`."""
        if at_ms >= self.turn_ms:
            rule, zone = self.gauge.rule, self.gauge.zone
            self.turn_ms = rule.window.next_change(at_ms, zone)
            before = {count.period.name: count for count in self.counts}
            periods = rule.window.periods(at_ms, zone)
            self.counts = [self._slid(before.get(period.name), period) for period in periods]
            self.ahead = self.ahead_at(at_ms)

    def _slid(self, before: Count | None, period: Period) -> Count:
        """The sum of a period, from that of the same window some days ago where there is one."""
        if before is None or not before.period.first <= period.first <= before.period.last < period.last:
            return before if before is not None and before.period == period else self.sum(period)
        gone = self.sum(Period("", before.period.first, period.first - 1))
        come = self.sum(Period("", before.period.last + 1, period.last))
        return Count(period, before.bad - gone.bad + come.bad, before.total - gone.total + come.total)

    def counts_at(self, at_ms: int) -> list[Count]:
        """The sums of the periods that are judged at a moment."""
        return [self.sum(period) for period in self.gauge.rule.window.periods(at_ms, self.gauge.zone)]

    def ahead_at(self, at_ms: int) -> Count | None:
        """The sum, so far, of what the next computation will look at; None for what is judged as it goes."""
        rule, zone = self.gauge.rule, self.gauge.zone
        if rule.every is None or rule.window.align != "rolling":
            return None
        return self.sum(rule.window.so_far(at_ms, next_border(rule.every, at_ms, zone), zone))

    def sum(self, period: Period) -> Count:
        bad = total = 0
        if period.last - period.first < len(self.days):
            inside = [day for at in range(period.first, period.last + 1) if (day := self.days.get(at)) is not None]
        else:
            inside = [day for at, day in self.days.items() if period.first <= at <= period.last]
        for day in inside:
            bad += len(day.bad)
            total += day.total
        return Count(period, bad, total)

    def bad_orders(self, period: Period) -> list[tuple[str, OrderFacts]]:
        """The bad orders, oldest day first, whichever order they came in."""
        inside = sorted(at for at in self.days if period.first <= at <= period.last)
        days = [self.days[at].bad for at in inside]
        return [(order, day[order]) for day in days for order in sorted(day)]
