"""Schedules: when things are computed or posted, at the beginning of each local day, week, month or quarter."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from rules.calendar.days import (
    day_of,
    first_monday_quarter_of,
    month_of,
    quarter_of,
    start_of_day,
    week_of,
    year_of,
)

Every = Literal["day", "week", "month", "quarter"]
"""How often something is computed: at the first instant of each local day, Monday, month or quarter."""


BOUNDARIES: dict[str, Callable[[int], tuple[int, int]]] = {
    "day": lambda day: (day, day + 1),
    "week": week_of,
    "month": month_of,
    "quarter": quarter_of,
    "year": year_of,
    "first_monday_of_quarter": first_monday_quarter_of,
}
"""The first day of the period that `day` lies in, and the first day of the next."""


def boundaries(every: str, from_ms: int, to_ms: int, zone: str, lag_ms: int = 0) -> Iterator[int]:
    """The instants in `(from_ms, to_ms]` that lie `lag_ms` after the beginning of a local day, week…"""
    following = BOUNDARIES[every](day_of(from_ms - lag_ms, zone))[1]
    while (at := start_of_day(following, zone) + lag_ms) <= to_ms:
        if at > from_ms:
            yield at
        following = BOUNDARIES[every](following)[1]


def last_boundary(every: str, at_ms: int, zone: str, lag_ms: int = 0) -> int:
    """The last boundary up to an instant (epoch ms), `lag_ms` after the beginning of a local day, week…"""
    return start_of_day(BOUNDARIES[every](day_of(at_ms - lag_ms, zone))[0], zone) + lag_ms


def next_boundary(every: str, at_ms: int, zone: str, lag_ms: int = 0) -> int:
    """The first boundary after an instant (epoch ms), `lag_ms` after the beginning of a local day, week…"""
    return start_of_day(BOUNDARIES[every](day_of(at_ms - lag_ms, zone))[1], zone) + lag_ms


@lru_cache(maxsize=4_096)
def is_boundary(every: str, at_ms: int, zone: str, lag_ms: int) -> bool:
    """Whether an instant lies `lag_ms` after the beginning of a local day, week…"""
    return next_boundary(every, at_ms - 1, zone, lag_ms) == at_ms


class Schedule(Struct, frozen=True):
    """When something is computed: `lag_ms` after the beginning of each local day, week… of `zone`."""

    every: Every
    zone: str
    lag_ms: int = 0

    def between(self, from_ms: int, to_ms: int) -> Iterator[int]:
        """The instants in `(from_ms, to_ms]`."""
        return boundaries(self.every, from_ms, to_ms, self.zone, self.lag_ms)

    def last_by(self, at_ms: int) -> int:
        """The last instant up to a moment (epoch ms)."""
        return last_boundary(self.every, at_ms, self.zone, self.lag_ms)

    def next_after(self, at_ms: int) -> int:
        """The first instant after a moment (epoch ms)."""
        return next_boundary(self.every, at_ms, self.zone, self.lag_ms)

    def first_from(self, at_ms: int) -> int:
        """The first instant that doesn't lie before a moment (epoch ms)."""
        return self.next_after(at_ms - 1)

    def nearest(self, at_ms: int) -> int:
        """The instant that is nearest to a moment (epoch ms)."""
        before_ms, after_ms = self.last_by(at_ms), self.next_after(at_ms)
        return before_ms if at_ms - before_ms <= after_ms - at_ms else after_ms

    def has(self, at_ms: int) -> bool:
        return is_boundary(self.every, at_ms, self.zone, self.lag_ms)
