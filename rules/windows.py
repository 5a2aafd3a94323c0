"""Which days a ratio or a count looks at, at a given moment."""

from typing import Literal

from msgspec import Struct

from rules.calendars import day_of, month_name, month_of, start_of_day, week_name, week_of
from rules.durations import Duration
from rules.instants import DAY_MS


class Period(Struct, frozen=True):
    """Local days `first..last`, both in it, under the name that goes into alert ids."""

    name: str
    first: int
    last: int


class Window(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """`length` counts for rolling windows, which end today less `lag`. Calendar months and ISO weeks go on being
    judged for `lag` after their end, because their last orders fall due only then."""

    align: Literal["rolling", "month", "week"] = "rolling"
    length: Duration = Duration(30 * DAY_MS)
    lag: Duration = Duration(0)

    def periods(self, at_ms: int, zone: str) -> list[Period]:
        """The periods judged at this moment, newest first."""
        today = day_of(at_ms, zone)
        if self.align == "rolling":
            last = today - self.lag // DAY_MS
            return [Period("-", last - self.length // DAY_MS + 1, last)]
        bounds, name = (month_of, month_name) if self.align == "month" else (week_of, week_name)
        periods: list[Period] = []
        first, following = bounds(today)
        while not periods or start_of_day(following, zone) + self.lag > at_ms:
            periods.append(Period(name(first), first, following - 1))
            first, following = bounds(first - 1)
        return periods

    def next_change(self, at_ms: int, zone: str) -> int:
        """When `periods` next gives another answer (epoch ms)."""
        if self.align == "rolling":
            return start_of_day(day_of(at_ms, zone) + 1, zone)
        ends = [start_of_day(period.last + 1, zone) for period in self.periods(at_ms, zone)]
        return min(at for at in (ends[0], *(end + self.lag for end in ends)) if at > at_ms)

    def span_ms(self) -> int:
        """How far back a day can lie and still be counted."""
        longest = {"rolling": self.length, "month": 31 * DAY_MS, "week": 7 * DAY_MS}[self.align]
        return longest + self.lag + DAY_MS
