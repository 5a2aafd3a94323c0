"""Windows: which local days a ratio or a count covers at a given moment."""

from collections.abc import Callable, Iterator
from typing import Literal

from msgspec import Struct, field

from rules.calendar.days import (
    day_of,
    month_name,
    month_of,
    quarter_name,
    quarter_of,
    start_of_day,
    week_name,
    week_of,
)
from rules.calendar.durations import Duration
from rules.calendar.instants import DAY_MS

_ALIGNED: dict[str, tuple[Callable[[int], tuple[int, int]], Callable[[int], str], int]] = {
    "month": (month_of, month_name, 31),
    "week": (week_of, week_name, 7),
    "quarter": (quarter_of, quarter_name, 92),
}


class Period(Struct, frozen=True):
    """Local days `first..last`, both included. `name` goes into alert ids."""

    name: str
    first: int
    last: int


class Window(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A rolling window is `length` long and ends today less `lag`. Calendar months, quarters and ISO weeks are still
    evaluated for `lag` after their end, because their last orders fall due only then."""

    align: Literal["rolling", "month", "week", "quarter"] = "rolling"
    # Factories, because a JSON Schema can't show defaults of our own types.
    length: Duration = field(default_factory=lambda: Duration(30 * DAY_MS))
    lag: Duration = field(default_factory=Duration)

    def periods(self, at_ms: int, zone: str) -> list[Period]:
        """The periods evaluated at a moment, the newest first."""
        today = day_of(at_ms, zone)
        if self.align == "rolling":
            last = today - self.lag // DAY_MS
            return [Period("-", last - self.length // DAY_MS + 1, last)]
        bounds, name, _ = _ALIGNED[self.align]
        periods: list[Period] = []
        first, following = bounds(today)
        while not periods or start_of_day(following, zone) + self.lag > at_ms:
            periods.append(Period(name(first), first, following - 1))
            first, following = bounds(first - 1)
        return periods

    def before(self, period: Period) -> Period:
        """The calendar period before this one."""
        bounds, name, _ = _ALIGNED[self.align]
        first, following = bounds(period.first - 1)
        return Period(name(first), first, following - 1)

    def named(self, name: str, at_ms: int, zone: str) -> Period | None:
        """The period of this name, if it is evaluated at this moment or was within a year before."""
        current = self.periods(at_ms, zone)
        found = next((period for period in current if period.name == name), None)
        if found is not None or self.align == "rolling":
            return found
        period = current[-1]
        while period.name != name:
            if period.first < current[0].first - 366:
                return None
            period = self.before(period)
        return period

    def next_change(self, at_ms: int, zone: str) -> int:
        """When `periods` changes next (epoch ms)."""
        if self.align == "rolling":
            return start_of_day(day_of(at_ms, zone) + 1, zone)
        ends = [start_of_day(period.last + 1, zone) for period in self.periods(at_ms, zone)]
        return min(at for at in (ends[0], *(end + self.lag for end in ends)) if at > at_ms)

    def closed_at(self, at_ms: int, zone: str) -> Period:
        """The period that a computation at this boundary covers: for a rolling window, up to the day before (or up to
        `lag` ago, if that is longer); for a calendar window, the last period that ended `lag` ago."""
        today = day_of(at_ms, zone)
        lag = self.lag // DAY_MS
        if self.align == "rolling":
            last = today - max(lag, 1)
            return Period("-", last - self.length // DAY_MS + 1, last)
        bounds, name, _ = _ALIGNED[self.align]
        first, following = bounds(today - lag - 1)
        return Period(name(first), first, following - 1)

    def so_far(self, at_ms: int, boundary_ms: int, zone: str) -> Period:
        """The part up to now of the (rolling) period that the computation at a coming boundary will cover. A lag of
        more than one day is kept, since orders need that time now as well."""
        period = self.closed_at(boundary_ms, zone)
        wait = self.lag // DAY_MS if self.lag > DAY_MS else 0
        return Period(period.name, period.first, min(period.last, day_of(at_ms, zone) - wait))

    def span_ms(self) -> int:
        """How long ago a day can be and still be counted."""
        longest = self.length if self.align == "rolling" else _ALIGNED[self.align][2] * DAY_MS
        return longest + self.lag + DAY_MS

    def diagnostics(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the window, as (`.field`, message)."""
        if self.align == "rolling":
            for field, length in ((".length", self.length), (".lag", self.lag)):
                if length % DAY_MS:
                    yield field, "must be whole days"
            if self.length < DAY_MS:
                yield ".length", "must be at least a day"
