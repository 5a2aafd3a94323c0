"""A shop's orders counted by local day, and the counts of each ratio's current periods."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache

from rules.calendar.instants import MIN_MS, NEVER
from rules.calendar.windows import Period
from rules.facts.order_facts import OrderFacts, Terms
from rules.facts.statements import Stamp
from rules.kinds.nothing import NOTHING
from rules.kinds.ratio.compiled import CompiledRatio, Count
from rules.kinds.ratio.figure_limits import FigureLimits


class DayBuckets:
    """The number of a shop's orders per local day; shared by ratios with the same population."""

    __slots__ = ("_added", "_by_day", "_changes", "_first_limit", "_limits", "_sums")

    def __init__(self) -> None:
        self._by_day: dict[int, int] = NOTHING
        self._sums: dict[tuple[int, int], int] = NOTHING
        #: Changes per day since the sums were last looked at.
        self._changes: dict[int, int] = NOTHING
        #: How many orders were added, and at which number a ratio (as a bit) may come to another stage.
        self._added = 0
        self._limits: dict[int, int] = NOTHING
        self._first_limit = NEVER

    def add(self, day: int) -> bool:
        """Adds a good order to a day bucket. True if no ratio can have changed stage by that (the slack isn't used
        up)."""
        changes = self._changes
        if changes:
            changes[day] = changes.get(day, 0) + 1
        else:
            self._changes = {day: 1}
        added = self._added = self._added + 1
        return added < self._first_limit

    def remove(self, day: int) -> None:
        """Removes an order from a day bucket."""
        self._changes = self._changes or {}
        self._changes[day] = self._changes.get(day, 0) - 1

    def add_all(self, by_day: Mapping[int, int]) -> None:
        """Adds orders to day buckets before anything was asked of them."""
        self._changes = self._changes or {}
        for day, number in by_day.items():
            self._changes[day] = self._changes.get(day, 0) + number

    def take_used_up(self) -> int:
        """The ratios (as bits) whose slack is used up, which are to be checked. The check sets their slack anew; until
        then they have none, so of orders added before it none asks again."""
        if self._added < self._first_limit:
            return 0
        used_up = [ratio for ratio, number in self._limits.items() if number <= self._added]
        for ratio in used_up:
            self.set_slack(ratio, NEVER)
        return sum(used_up)

    def set_slack(self, ratio: int, slack: int) -> None:
        """Sets a ratio's slack: so many more good orders can't bring it to another stage."""
        if slack < NEVER:
            self._limits = self._limits or {}
            self._limits[ratio] = self._added + slack + 1
        elif self._limits.pop(ratio, None) is None:
            return  # it had no slack set
        self._first_limit = min(self._limits.values(), default=NEVER)

    def lower_slack(self, ratio: int, slack: int) -> None:
        """Sets a ratio's slack if it is less than that set."""
        if self._added + slack + 1 < self._limits.get(ratio, NEVER):
            self.set_slack(ratio, slack)

    @property
    def by_day(self) -> dict[int, int]:
        if self._changes:
            changes, self._changes = self._changes, NOTHING
            self._by_day = self._by_day or {}
            for day, number in changes.items():
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
        return sum(map(by_day.__getitem__, _inside(period, by_day)))

    def running(self, period: Period) -> int:
        """The same, for a period that is asked for again and again: its sum is kept until the window slides."""
        days, by_day = (period.first, period.last), self.by_day
        total = self._sums.get(days)
        if total is None:
            self._sums = self._sums or {}
            total = self._sums[days] = sum(map(by_day.__getitem__, _inside(period, by_day)))
        return total

    def forget(self, periods: Iterable[Period]) -> None:
        """Drops the kept sums of these periods."""
        for period in periods:
            self._sums.pop((period.first, period.last), None)
        self._sums = self._sums or NOTHING

    def slide(self, before: Period, after: Period) -> None:
        """Moves a kept sum on to the window's next period."""
        by_day = self.by_day
        total = self._sums.pop((before.first, before.last), None)
        days = after.first, after.last
        if total is None or days in self._sums or not before.first <= after.first <= before.last <= after.last:
            return
        total -= sum(by_day.get(day, 0) for day in range(before.first, after.first))
        total += sum(by_day.get(day, 0) for day in range(before.last + 1, after.last + 1))
        self._sums[days] = total


class RatioCounter:
    """One shop's counts for one ratio: its `bad` orders by local day, the `buckets` of its population, and the
    `counts` of the current periods. For a rolling window computed at boundaries, that is the period of the next
    computation.

    `idle`: nothing is bad in the current periods or later, so orders are not summed up, and no stage can be reached
    however the window slides: it isn't evaluated again until an order goes bad. Its `counts` are those of when it was
    last evaluated, shared by all idle counters, and must not be changed.
    """

    __slots__ = ("bad", "buckets", "counts", "figure_limits", "idle", "next_eval_ms", "ratio", "staged", "stages")

    def __init__(self, ratio: CompiledRatio, buckets: DayBuckets) -> None:
        self.ratio = ratio
        self.buckets = buckets
        self.bad: dict[int, dict[str, OrderFacts]] = NOTHING
        self.counts: tuple[Count, ...] = ()
        #: The stage of each count when it was last evaluated; None where it was idle until an order went bad.
        self.stages: tuple[str | None, ...] | None = ()
        #: The limits round the figures of the open alerts, by count. Empty where there are none, or where the figures
        #: are going to be compared at the next full hour.
        self.figure_limits: Mapping[Period, FigureLimits] = NOTHING
        self.staged = self.idle = False
        self.next_eval_ms = MIN_MS

    def add_bad(self, day: int, order: str, facts: OrderFacts) -> bool:
        """Adds a bad order to a day. Returns whether that lies in a current period, or may, as it was idle."""
        self.bad = self.bad or {}
        self.bad.setdefault(day, {})[order] = facts
        if self.idle:
            self.idle, self.stages = False, None
            self.counts = tuple([Count(count.period) for count in self.counts])
        return self._count(day, 1) or self.stages is None

    def wake(self, passed_ms: int) -> int | None:
        """Slides the window of one that was idle until an order went bad to the instant that has passed, as if it had
        been evaluated all along. Returns when to evaluate it (epoch ms) if that changes no stage; None of others."""
        if self.stages is not None:
            return None
        if passed_ms >= self.next_eval_ms:
            current = self.ratio.current(passed_ms)
            self.next_eval_ms = current.until_ms
            self.counts = tuple([Count(period, self.bad_in(period)) for period in current.periods])
        self.stages = (None,) * len(self.counts)
        return self.next_eval_ms

    def remove_bad(self, day: int, order: str) -> bool:
        """Removes a bad order from a day. Returns whether that lies in a current period."""
        del self.bad[day][order]
        if not self.bad[day]:
            del self.bad[day]
        return self._count(day, -1)

    def _count(self, day: int, more: int) -> bool:
        is_current = False
        for count in self.counts:
            period = count.period
            if period.first <= day <= period.last:
                count.bad += more
                is_current = True
        return is_current

    def covers(self, day: int | None) -> bool:
        """Whether a local day lies in a current period."""
        if day is not None:
            for count in self.counts:
                if count.period.first <= day <= count.period.last:
                    return True
        return False

    def has_changed_stage(self) -> bool:
        """Whether a count has come to another stage since it was last evaluated."""
        return bool(self.counts) and not self.idle and self._current_stages() != self.stages

    def has_passed_limits(self) -> bool:
        """Whether figures of an open alert may have moved by a tenth since the limits were set, which are no longer
        needed then. Asked after `has_changed_stage`, which takes the counts' totals."""
        for count in self.counts if self.figure_limits and not self.idle else ():
            limits = self.figure_limits.get(count.period)
            if limits is not None and limits.passed(count.bad, count.total):
                self.figure_limits = NOTHING
                return True
        return False

    def watch_figures(self, limits: Mapping[Period, FigureLimits]) -> None:
        """Sets the limits round the figures of the open alerts. Called after `advance`."""
        self.figure_limits = limits or NOTHING
        if limits:
            slack = min(
                [limits[each.period].slack(each.bad, each.total) for each in self.counts if each.period in limits]
            )
            self.buckets.lower_slack(self.ratio.bit, slack)

    def advance(self, at_ms: int) -> int:
        """Slides the window to `at_ms` and finds the counts' stages. Returns when to do so again (epoch ms)."""
        if at_ms >= self.next_eval_ms:
            current = self.ratio.current(at_ms)
            self.next_eval_ms = current.until_ms
            self.counts = current.idle_counts if self.idle else self._slid(current.periods)
        if not self.idle:
            self.stages = self._current_stages()
            self.staged = any(self.stages)
            self._go_idle(at_ms)
        return NEVER if self.idle else self.next_eval_ms

    def _slid(self, periods: list[Period]) -> tuple[Count, ...]:
        """The counts of the new current periods."""
        for count in self.counts:
            if count.period not in periods:
                self.buckets.slide(count.period, periods[0])
        return tuple([Count(period, self._bad_after_sliding_to(period)) for period in periods])

    def _bad_after_sliding_to(self, period: Period) -> int:
        """How many orders of a period are bad: by the count of the one that it follows, if it reaches into that."""
        for count in self.counts:
            before = count.period
            if before.first <= period.first <= before.last <= period.last:
                gone = [self.bad_on(day) for day in range(before.first, period.first)]
                come = [self.bad_on(day) for day in range(before.last + 1, period.last + 1)]
                return count.bad - sum(gone) + sum(come)
        return self.bad_in(period)

    def _go_idle(self, at_ms: int) -> None:
        """Goes idle if nothing is bad in the current periods or later. (Ratios of disputes have no bad orders to tell
        by.)"""
        if self.ratio.bad_when is None or any(count.bad for count in self.counts):
            return
        first = min(count.period.first for count in self.counts)
        self.idle = max(self.bad, default=MIN_MS) < first
        if self.idle:
            self.buckets.forget(count.period for count in self.counts)
            self.counts = self.ratio.current(at_ms).idle_counts

    def distinguishes(self, one: int, other: int) -> bool:
        """Whether it makes a difference to a count on which of two days an order lies."""
        for count in self.counts:
            first, last = count.period.first, count.period.last
            if (first <= one <= last) != (first <= other <= last):
                return True
        return False

    def _current_stages(self) -> tuple[str | None, ...]:
        """The stages of the counts with their current totals; sets the slack."""
        stages, ratio, slack = [], self.ratio, NEVER
        for count in self.counts:
            bad, total = count.bad, self.buckets.running(count.period)
            count.total = total
            stage = ratio.stage(bad, total)
            stages.append(stage)
            slack = min(slack, ratio.slack(bad, total, stage))
            if (limits := self.figure_limits.get(count.period)) is not None:
                slack = min(slack, limits.slack(bad, total))
        self.buckets.set_slack(ratio.bit, slack)
        return _alike(tuple(stages))

    def bad_in(self, period: Period) -> int:
        """How many of a period's orders are bad."""
        return sum([len(self.bad[day]) for day in _inside(period, self.bad)])

    def bad_on(self, day: int) -> int:
        """How many of a local day's orders are bad."""
        orders = self.bad.get(day)
        return 0 if orders is None else len(orders)

    def running(self, at_ms: int) -> Count:
        """The count of the period that contains a moment."""
        if at_ms < self.next_eval_ms and self.ratio.rule.window.align != "rolling":
            found = self.counts[0]
            return Count(found.period, 0, self.buckets.of(found.period)) if self.idle else self._so_far(found)
        return self.sum(self.ratio.periods(at_ms)[0])

    def counts_at(self, at_ms: int) -> list[Count]:
        """The counts of the window's periods at a moment. Those of current periods are the kept ones, which must not be
        changed."""
        return [self.current_count(period) or self.sum(period) for period in self.ratio.periods(at_ms)]

    def current_count(self, period: Period) -> Count | None:
        """The kept count of a current period, which must not be changed; None for another period."""
        if not self.idle:
            for count in self.counts:
                if count.period == period:
                    return self._so_far(count)
        return None

    def _so_far(self, count: Count) -> Count:
        count.total = self.buckets.running(count.period)
        return count

    def next_period_count(self, at_ms: int) -> Count | None:
        """The count so far of the next computation's period, which must not be changed; None if nothing is computed
        from a rolling period."""
        period = self.ratio.next_period(at_ms)
        return None if period is None else self.current_count(period) or self.sum(period)

    def sum(self, period: Period) -> Count:
        return Count(period, self.bad_in(period), self.buckets.of(period))

    def bad_facts(self, period: Period) -> Iterator[OrderFacts]:
        """The facts of the bad orders, in any order; of some no more than `evidence_of` keeps."""
        return (facts for day in _inside(period, self.bad) for facts in self.bad[day].values())

    def bad_orders(self, period: Period) -> Iterator[tuple[str, OrderFacts]]:
        """The bad orders, the oldest day first, in an order that doesn't depend on arrival."""
        for day in sorted(_inside(period, self.bad)):
            orders = self.bad[day]
            yield from ((order, orders[order]) for order in sorted(orders))


def evidence_of(facts: OrderFacts) -> OrderFacts:
    """What is looked at in the facts of a bad order: what it comes to, and when and why it ended. Kept of one that has
    left memory, in a quarter of the bytes."""
    if not facts.plain:
        return facts
    terms = facts.terms
    if terms is not None:
        if terms.amount is None:
            terms = Terms(currency=terms.currency, items=terms.items)
        else:
            terms = _amount(terms.amount, terms.currency)
    return OrderFacts(
        terms=terms,
        shipped=_instant(facts.shipped),
        cancelled=_instant(facts.cancelled),
        cancelled_for=facts.cancelled_for,
    )


def _instant(stamp: Stamp | None) -> Stamp | None:
    return None if stamp is None else (stamp[0], "", "")


@lru_cache(maxsize=10_000)
def _amount(amount: str, currency: str | None) -> Terms:
    """The same terms for all orders that come to as much, which saves memory; nobody may change them."""
    return Terms(amount, currency)


@lru_cache(maxsize=1_000)
def _alike(stages: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """The same tuple for all shops whose counts have the same stages, which saves memory."""
    return stages


def _inside(period: Period, days: Collection[int]) -> Iterable[int]:
    """Those days that lie in a period."""
    if period.last - period.first < 3 * len(days):  # looking a day up takes a third of comparing one
        return filter(days.__contains__, range(period.first, period.last + 1))
    return [day for day in days if period.first <= day <= period.last]
