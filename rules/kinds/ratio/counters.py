"""A shop's orders counted for one ratio, by the day on which each counts."""

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from rules.calendar.instants import MIN_MS, NEVER
from rules.calendar.windows import Period
from rules.facts.order_facts import OrderFacts
from rules.kinds.nothing import NOTHING
from rules.kinds.ratio.compiled import CompiledRatio, Count


class DayBuckets:
    """How many of a shop's orders count on which local day: what ratios with the same denominator share."""

    __slots__ = ("_by_day", "_first_look", "_fresh", "_looks", "_sums", "_taken")

    def __init__(self) -> None:
        self._by_day: dict[int, int] = NOTHING
        self._sums: dict[tuple[int, int], int] = NOTHING
        #: How many more count on which day than when anyone last looked.
        self._fresh: dict[int, int] = NOTHING
        #: How many orders have come, and of how many a ratio (as a bit) has a count that may come to another stage.
        self._taken = 0
        self._looks: dict[int, int] = NOTHING
        self._first_look = NEVER

    def add(self, day: int) -> bool:
        """One more order counts on a day: whether no count of any ratio can have come to another stage by it, if it is
        good. Most come and go without a look at the sums in between."""
        if not self._fresh:
            self._fresh = {day: 1}
        else:
            self._fresh[day] = self._fresh.get(day, 0) + 1
        self._taken += 1
        return self._taken < self._first_look

    def remove(self, day: int) -> None:
        """One order less counts on a day."""
        self._fresh = self._fresh or {}
        self._fresh[day] = self._fresh.get(day, 0) - 1

    def watchful(self) -> int:
        """The ratios (as bits) of which a count may have come to another stage by the good orders taken."""
        return sum([ratio for ratio, number in self._looks.items() if number <= self._taken])

    def watch(self, ratio: int, slack: int) -> None:
        """So many more good orders are sure to bring no count of a ratio (as a bit) to another stage."""
        if slack < NEVER:
            self._looks = self._looks or {}
            self._looks[ratio] = self._taken + slack + 1
        elif self._looks.pop(ratio, None) is None:
            return  # nobody waited for it
        self._first_look = min(self._looks.values(), default=NEVER)

    @property
    def by_day(self) -> dict[int, int]:
        if self._fresh:
            fresh, self._fresh = self._fresh, NOTHING
            self._by_day = self._by_day or {}
            for day, number in fresh.items():
                self._count(day, number)
        return self._by_day

    def _count(self, day: int, more: int) -> None:
        by_day, sums = self._by_day, self._sums
        if there := by_day.get(day, 0) + more:
            by_day[day] = there
        else:
            by_day.pop(day, None)
        for days, total in sums.items():
            if days[0] <= day <= days[1]:
                sums[days] = total + more

    def of(self, period: Period) -> int:
        by_day = self.by_day
        return sum([by_day[day] for day in _inside(period, by_day)])

    def running(self, period: Period) -> int:
        """The same, for a period that is asked for again and again: its sum is kept, until it slides."""
        days, by_day = (period.first, period.last), self.by_day
        total = self._sums.get(days)
        if total is None:
            self._sums = self._sums or {}
            total = self._sums[days] = sum(by_day[day] for day in _inside(period, by_day))
        return total

    def forget(self, periods: Iterable[Period]) -> None:
        """Nobody asks for these again and again any more."""
        for period in periods:
            self._sums.pop((period.first, period.last), None)
        self._sums = self._sums or NOTHING

    def slide(self, before: Period, after: Period) -> None:
        """A window that was asked for again and again has moved on."""
        by_day = self.by_day
        total = self._sums.pop((before.first, before.last), None)
        days = after.first, after.last
        if total is None or days in self._sums or not before.first <= after.first <= before.last <= after.last:
            return
        total -= sum(by_day.get(day, 0) for day in range(before.first, after.first))
        total += sum(by_day.get(day, 0) for day in range(before.last + 1, after.last + 1))
        self._sums[days] = total


class RatioCounter:
    """One shop's counts for one ratio: its `bad` orders by local day, the `totals` that they are of, and the sums of
    the periods being judged. Of a rolling window that is computed at boundaries, that is what the next computation will
    look at. `idle`: nothing bad lies in what is judged now or later, so nobody sums up what else does until something
    is; its `counts` are those of every shop that sleeps, and not to be changed."""

    __slots__ = ("bad", "counts", "idle", "next_eval_ms", "ratio", "staged", "stages", "totals")

    def __init__(self, ratio: CompiledRatio, totals: DayBuckets) -> None:
        self.ratio = ratio
        self.totals = totals
        self.bad: dict[int, dict[str, OrderFacts]] = NOTHING
        self.counts: tuple[Count, ...] = ()
        #: What each of them had come to when it was last judged.
        self.stages: tuple[str | None, ...] = ()
        self.staged = self.idle = False
        self.next_eval_ms = MIN_MS

    def add_bad(self, day: int, order: str, facts: OrderFacts) -> None:
        """An order that counts on a day is bad."""
        self.bad = self.bad or {}
        self.bad.setdefault(day, {})[order] = facts
        if self.idle:
            self.idle = False
            self.counts = tuple([Count(count.period) for count in self.counts])
        self._count(day, 1)

    def remove_bad(self, day: int, order: str) -> None:
        """It is no longer."""
        del self.bad[day][order]
        if not self.bad[day]:
            del self.bad[day]
        self._count(day, -1)

    def _count(self, day: int, more: int) -> None:
        for count in self.counts:
            if count.period.first <= day <= count.period.last:
                count.bad += more

    def covers(self, day: int | None) -> bool:
        """Whether a local day lies in what is judged now: not after a lag, or long ago."""
        if day is not None:
            for count in self.counts:
                if count.period.first <= day <= count.period.last:
                    return True
        return False

    def stage_changed(self) -> bool:
        """Whether a count has come to another stage since it was last judged."""
        return bool(self.counts) and not self.idle and self._look() != self.stages

    def advance(self, at_ms: int) -> int:
        """Slides the window to `at_ms` and looks what its counts have come to; when it slides next (epoch ms)."""
        if at_ms >= self.next_eval_ms:
            current = self.ratio.current(at_ms)
            self.next_eval_ms = current.until_ms
            self.counts = current.idle_counts if self.idle else self._slid(current.periods)
        if not self.idle:
            self.stages = self._look()
            self.staged = any(self.stages)
            self._go_idle(at_ms)
        return self.next_eval_ms

    def _slid(self, periods: list[Period]) -> tuple[Count, ...]:
        """The counts of the periods that are judged from now on."""
        for count in self.counts:
            if count.period not in periods:
                self.totals.slide(count.period, periods[0])
        return tuple([Count(period, self.bad_in(period)) for period in periods])

    def _go_idle(self, at_ms: int) -> None:
        """Where nothing is bad in what is judged now or later. (What counts disputes has no orders to go by.)"""
        if self.ratio.bad_when is None or any(count.bad for count in self.counts):
            return
        first = min(count.period.first for count in self.counts)
        self.idle = max(self.bad, default=MIN_MS) < first
        if self.idle:
            self.totals.forget(count.period for count in self.counts)
            self.counts = self.ratio.current(at_ms).idle_counts

    def tells_apart(self, one: int, other: int) -> bool:
        """Whether it makes a difference to a count on which of two days an order lies."""
        for count in self.counts:
            first, last = count.period.first, count.period.last
            if (first <= one <= last) != (first <= other <= last):
                return True
        return False

    def _look(self) -> tuple[str | None, ...]:
        """What the counts have come to, with their totals as they are by now."""
        stages, ratio, slack = [], self.ratio, NEVER
        for count in self.counts:
            bad, total = count.bad, self.totals.running(count.period)
            count.total = total
            stage = ratio.stage(bad, total)
            stages.append(stage)
            slack = min(slack, ratio.slack(bad, total, stage))
        self.totals.watch(ratio.bit, slack)
        return _alike(tuple(stages))

    def bad_in(self, period: Period) -> int:
        """How many of a period's orders are bad."""
        return sum([len(self.bad[day]) for day in _inside(period, self.bad)])

    def bad_on(self, day: int) -> int:
        """How many of a local day's orders are bad."""
        orders = self.bad.get(day)
        return 0 if orders is None else len(orders)

    def running(self, at_ms: int) -> Count:
        """The sum of the period that runs at a moment."""
        if at_ms < self.next_eval_ms and self.ratio.rule.window.align != "rolling":
            found = self.counts[0]
            return Count(found.period, 0, self.totals.of(found.period)) if self.idle else self._so_far(found)
        return self.sum(self.ratio.rule.window.periods(at_ms, self.ratio.zone)[0])

    def counts_at(self, at_ms: int) -> list[Count]:
        """The sums of the periods that the window gives at a moment."""
        return [self.sum(period) for period in self.ratio.rule.window.periods(at_ms, self.ratio.zone)]

    def current_count(self, period: Period) -> Count | None:
        """The sum of a period that is being judged, which is at hand, and not to be changed; None for another."""
        found = None if self.idle else next((count for count in self.counts if count.period == period), None)
        return None if found is None else self._so_far(found)

    def _so_far(self, count: Count) -> Count:
        count.total = self.totals.running(count.period)
        return count

    def next_period_count(self, at_ms: int) -> Count | None:
        """The sum, so far, of what the next computation will look at; None for what is judged as it goes."""
        period = self.ratio.next_period(at_ms)
        return None if period is None else self.sum(period)

    def sum(self, period: Period) -> Count:
        return Count(period, self.bad_in(period), self.totals.of(period))

    def bad_facts(self, period: Period) -> Iterator[OrderFacts]:
        """The facts of the bad orders, in any order."""
        return (facts for day in _inside(period, self.bad) for facts in self.bad[day].values())

    def bad_orders(self, period: Period) -> Iterator[tuple[str, OrderFacts]]:
        """The bad orders, oldest day first, whichever order they came in."""
        for day in sorted(_inside(period, self.bad)):
            orders = self.bad[day]
            yield from ((order, orders[order]) for order in sorted(orders))


@lru_cache(maxsize=1_000)
def _alike(stages: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """One object for all shops whose counts have come to the same, which are most."""
    return stages


def _inside(period: Period, days: Collection[int]) -> list[int]:
    """Those of some days that lie in a period."""
    if period.last - period.first < len(days):
        return [day for day in range(period.first, period.last + 1) if day in days]
    return [day for day in days if period.first <= day <= period.last]
