"""A shop's orders counted for one ratio, by the day on which each counts."""

from collections.abc import Collection, Iterator

from rules.facts import OrderFacts
from rules.instants import DAWN
from rules.kinds.ratio import Count, Gauge, Part
from rules.windows import Period


class Tally:
    """One shop's counts for one ratio: `totals` of each local day and its `bad` orders, and the sums of the periods
    being judged. Of a rolling window that is computed at borders, that is what the next computation will look at."""

    __slots__ = ("bad", "counts", "gauge", "staged", "stages", "totals", "turn_ms")

    def __init__(self, gauge: Gauge) -> None:
        self.gauge = gauge
        self.totals: dict[int, int] = {}
        self.bad: dict[int, dict[str, OrderFacts]] = {}
        self.counts: list[Count] = []
        #: What each of them had come to when it was last judged.
        self.stages: list[str | None] = []
        self.staged = False
        self.turn_ms = DAWN

    def move(self, order: str, facts: OrderFacts, before: Part | None, after: Part | None) -> bool:
        """The day an order counted on loses it, the day it counts on now gains it. Whether that is to be judged: if a
        count has come to another stage, or is split and may have."""
        news = not self.counts or self.gauge.rule.by is not None
        totals = self.totals
        if before is not None:
            day, bad = before
            totals[day] -= 1
            if not totals[day]:
                del totals[day]
            if bad:
                self._mend(day, order)
            news |= self._add(day, -1, -bad)
        if after is not None:
            day, bad = after
            totals[day] = totals.get(day, 0) + 1
            if bad:
                self.bad.setdefault(day, {})[order] = facts
            news |= self._add(day, 1, bad)
        return news

    def _mend(self, day: int, order: str) -> None:
        del self.bad[day][order]
        if not self.bad[day]:
            del self.bad[day]

    def _add(self, day: int, total: int, bad: int) -> bool:
        """Whether a count has come to another stage with that; never where none counts the day."""
        counted, enough = False, True
        for count in self.counts:
            period = count.period
            if period.first <= day <= period.last:
                count.total += total
                count.bad += bad
                counted = True
                enough = enough and count.total > self.gauge.rule.at_least
        if not counted:
            return False
        if total > 0 and not bad and enough and not self.staged:
            return False  # one more that is good brings a count to no stage, unless there are just enough by now
        return self._stages() != self.stages

    def turn(self, at_ms: int) -> int:
        """Slides the window to `at_ms` and looks what its counts have come to; when it slides next (epoch ms)."""
        if at_ms >= self.turn_ms:
            judged = self.gauge.judged(at_ms)
            self.turn_ms = judged.until_ms
            self.counts = [self._slid(period) for period in judged.periods]
        self.stages = self._stages()
        self.staged = any(self.stages)
        return self.turn_ms

    def _stages(self) -> list[str | None]:
        return [self.gauge.stage(count) for count in self.counts]

    def _slid(self, period: Period) -> Count:
        """The sum of a period, from that of the same window some days ago where there is one."""
        for before in self.counts:
            first, last = before.period.first, before.period.last
            if first <= period.first <= last <= period.last:
                break
        else:
            return self.sum(period)
        count = Count(period, before.bad, before.total)
        for day in range(first, period.first):
            count.bad -= self.bad_on(day)
            count.total -= self.totals.get(day, 0)
        for day in range(last + 1, period.last + 1):
            count.bad += self.bad_on(day)
            count.total += self.totals.get(day, 0)
        return count

    def bad_on(self, day: int) -> int:
        """How many of a local day's orders are bad."""
        orders = self.bad.get(day)
        return 0 if orders is None else len(orders)

    def running(self, at_ms: int) -> Count:
        """The sum of the period that runs at a moment."""
        if at_ms < self.turn_ms and self.gauge.rule.window.align != "rolling":
            return self.counts[0]
        return self.sum(self.gauge.rule.window.periods(at_ms, self.gauge.zone)[0])

    def counts_at(self, at_ms: int) -> list[Count]:
        """The sums of the periods that the window gives at a moment."""
        return [self.sum(period) for period in self.gauge.rule.window.periods(at_ms, self.gauge.zone)]

    def ahead_at(self, at_ms: int) -> Count | None:
        """The sum, so far, of what the next computation will look at; None for what is judged as it goes."""
        period = self.gauge.ahead(at_ms)
        return None if period is None else self.sum(period)

    def sum(self, period: Period) -> Count:
        bad = sum(len(self.bad[day]) for day in _inside(period, self.bad))
        return Count(period, bad, sum(self.totals[day] for day in _inside(period, self.totals)))

    def bad_facts(self, period: Period) -> Iterator[OrderFacts]:
        """The facts of the bad orders, in any order."""
        return (facts for day in _inside(period, self.bad) for facts in self.bad[day].values())

    def bad_orders(self, period: Period) -> Iterator[tuple[str, OrderFacts]]:
        """The bad orders, oldest day first, whichever order they came in."""
        for day in sorted(_inside(period, self.bad)):
            orders = self.bad[day]
            yield from ((order, orders[order]) for order in sorted(orders))


def _inside(period: Period, days: Collection[int]) -> list[int]:
    """Those of some days that lie in a period."""
    if period.last - period.first < len(days):
        return [day for day in range(period.first, period.last + 1) if day in days]
    return [day for day in days if period.first <= day <= period.last]
