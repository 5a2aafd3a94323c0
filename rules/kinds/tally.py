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
    """One shop's counts for one ratio: a bucket per local day, and the sums of the periods being judged. Of a rolling
    window that is computed at borders, that is what the next computation will look at."""

    __slots__ = ("counts", "days", "gauge", "stages", "turn_ms")

    def __init__(self, gauge: Gauge) -> None:
        self.gauge = gauge
        self.days: dict[int, Day] = {}
        self.counts: list[Count] = []
        #: What each of them had come to when it was last judged.
        self.stages: list[str | None] = []
        self.turn_ms = DAWN

    def move(self, order: str, facts: OrderFacts, before: Part | None, after: Part | None) -> bool:
        """The day an order counted on loses it, the day it counts on now gains it. Whether that is to be judged: if a
        count has come to another stage, or is split and may have."""
        news = not self.counts or self.gauge.rule.by is not None
        if before is not None:
            day = self.days[before[1]]
            day.total -= 1
            if before[2]:
                day.bad.pop(order, None)
            if not day.total:
                del self.days[before[1]]
            news |= self._add(before[1], -1, -before[2])
        if after is not None:
            day = self.days.get(after[1]) or self.days.setdefault(after[1], Day())
            day.total += 1
            if after[2]:
                day.bad[order] = facts
            news |= self._add(after[1], 1, after[2])
        return news

    def _add(self, day: int, total: int, bad: int) -> bool:
        news = False
        for count, stage in zip(self.counts, self.stages, strict=True):
            period = count.period
            if period.first <= day <= period.last:
                count.total += total
                count.bad += bad
                news = news or self.gauge.stage(count) != stage
        return news

    def turn(self, at_ms: int) -> int:
        """Slides the window to `at_ms` and looks what its counts have come to; when it slides next (epoch ms)."""
        if at_ms >= self.turn_ms:
            window, zone = self.gauge.rule.window, self.gauge.zone
            self.turn_ms = window.next_change(at_ms, zone)
            before = {count.period.name: count for count in self.counts}
            ahead = self._ahead(at_ms)
            periods = window.periods(at_ms, zone) if ahead is None else [ahead]
            self.counts = [self._slid(before.get(period.name), period) for period in periods]
        self.stages = [self.gauge.stage(count) for count in self.counts]
        return self.turn_ms

    def _slid(self, before: Count | None, period: Period) -> Count:
        """The sum of a period, from that of the same window some days ago where there is one."""
        if before is None or not before.period.first <= period.first <= before.period.last <= period.last:
            return self.sum(period)
        count = Count(period, before.bad, before.total)
        for at in range(before.period.first, period.first):
            if (day := self.days.get(at)) is not None:
                count.bad -= len(day.bad)
                count.total -= day.total
        for at in range(before.period.last + 1, period.last + 1):
            if (day := self.days.get(at)) is not None:
                count.bad += len(day.bad)
                count.total += day.total
        return count

    def counts_at(self, at_ms: int) -> list[Count]:
        """The sums of the periods that the window gives at a moment."""
        return [self.sum(period) for period in self.gauge.rule.window.periods(at_ms, self.gauge.zone)]

    def ahead_at(self, at_ms: int) -> Count | None:
        """The sum, so far, of what the next computation will look at; None for what is judged as it goes."""
        period = self._ahead(at_ms)
        return None if period is None else self.sum(period)

    def _ahead(self, at_ms: int) -> Period | None:
        rule, zone = self.gauge.rule, self.gauge.zone
        if rule.every is None or rule.window.align != "rolling":
            return None
        return rule.window.so_far(at_ms, next_border(rule.every, at_ms, zone), zone)

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
