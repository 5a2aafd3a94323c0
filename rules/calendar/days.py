"""Days, months and business days in a platform's own zone."""

from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import chinese_calendar
import holidays

from rules.calendar.counting import PLAIN, Counting, WorkingWeek
from rules.calendar.instants import DAY_MS, EARLIEST_MS, LATEST_MS
from rules.codegen import Written

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MS = timedelta(milliseconds=1)


def day_of(at_ms: int, zone: str) -> int:
    """The local date of an instant, as a proleptic ordinal (`date.fromordinal`)."""
    since_ms, offset_ms = _steady(zone)
    if at_ms >= since_ms:
        return (at_ms + offset_ms) // DAY_MS + _EPOCH_DAY
    return datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone)).toordinal()


def day_expression(at: str, zone: str) -> str:
    """`day_of` as an expression. `at` is an expression that may be written twice. It calls `day_of` only for days long
    past and in zones that still change their clocks."""
    since_ms, offset_ms = _steady(zone)
    offset = f" + {offset_ms}" if offset_ms else ""
    steady = f"({at}{offset}) // {DAY_MS} + {_EPOCH_DAY}"
    return steady if since_ms <= EARLIEST_MS else f"({steady} if {at} >= {since_ms} else day_of({at}, {zone!r}))"


@lru_cache
def _steady(zone: str) -> tuple[int, int]:
    """The offset of a zone's clocks from UTC up to 2100, and since when (epoch ms) they have had it; shortly before
    2100 for zones that go on changing their clocks."""
    weeks = range(LATEST_MS // 1000, EARLIEST_MS // 1000, -7 * 86_400)
    last = _ahead(weeks[0], zone)
    changed = next((at for at in weeks if _ahead(at, zone) != last), None)
    if changed is None:
        return EARLIEST_MS, last // _MS
    since = bisect_left(range(changed, changed + 7 * 86_400), True, key=lambda at: _ahead(at, zone) == last) + changed
    return since * 1000, last // _MS


def _ahead(at: int, zone: str) -> timedelta:
    """How far a zone's clocks are ahead of UTC at an instant (epoch s)."""
    return datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset() or timedelta()


@lru_cache(maxsize=65_536)
def start_of_day(day: int, zone: str) -> int:
    """The first instant (epoch ms) of a local date."""
    if zone == "UTC":
        return (day - _EPOCH_DAY) * DAY_MS
    midnight = datetime.combine(date.fromordinal(day), time(), ZoneInfo(zone))
    return round(midnight.timestamp() * 1000)


@lru_cache(maxsize=4_096)
def month_of(day: int) -> tuple[int, int]:
    """First day of the month that `day` is in, and first day of the next."""
    first = date.fromordinal(day).replace(day=1)
    return first.toordinal(), (first + timedelta(days=32)).replace(day=1).toordinal()


def week_of(day: int) -> tuple[int, int]:
    """Monday of the ISO week that `day` is in, and the next Monday."""
    monday = day - (day - 1) % 7
    return monday, monday + 7


@lru_cache(maxsize=4_096)
def quarter_of(day: int) -> tuple[int, int]:
    """First day of the calendar quarter that `day` is in, and first day of the next."""
    at = date.fromordinal(day)
    first = at.replace(month=at.month - (at.month - 1) % 3, day=1)
    return first.toordinal(), (first + timedelta(days=95)).replace(day=1).toordinal()


@lru_cache(maxsize=4_096)
def year_of(day: int) -> tuple[int, int]:
    """First day of the year that `day` is in, and first day of the next."""
    year = date.fromordinal(day).year
    return date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()


@lru_cache(maxsize=4_096)
def first_monday_quarter_of(day: int) -> tuple[int, int]:
    """The quarter that begins on its first Monday: the one that `day` is in, and the beginning of the next."""
    first, following = quarter_of(day)
    if day < _first_monday(first):
        first, following = quarter_of(first - 1)
    return _first_monday(first), _first_monday(following)


def _first_monday(day: int) -> int:
    return day + (1 - day) % 7


@lru_cache(maxsize=4_096)
def month_name(day: int) -> str:
    """`2026-11`"""
    return f"{date.fromordinal(day):%Y-%m}"


@lru_cache(maxsize=4_096)
def quarter_name(day: int) -> str:
    """`2026-Q4`"""
    at = date.fromordinal(day)
    return f"{at.year}-Q{(at.month + 2) // 3}"


@lru_cache(maxsize=4_096)
def week_name(day: int) -> str:
    """`2026-W48`"""
    year, week, _ = date.fromordinal(day).isocalendar()
    return f"{year}-W{week:02d}"


def add_business_days(at_ms: int, days: int, country: str, zone: str, counting: Counting = PLAIN) -> int:
    """The same local time of day, `days` working days later. Weekends and the country's holidays don't count; China's
    working weekends do. A start on a day off counts from the beginning of the next working day. `counting` says what is
    otherwise."""
    day = day_of(at_ms, zone)
    counts_for = day + (counting.cutoff is not None and _past_midnight_ms(at_ms, zone) >= counting.cutoff)
    if counting.ends == "day":
        return _end_of_term(counts_for, days, country, zone, counting)
    begins_ms, shift_ms, last = _working_days_on(counts_for, days, country, zone, counting.week)
    if counts_for != day and begins_ms is None:  # from the beginning of the next day, which is a working day
        return start_of_day(last, zone)
    if begins_ms is not None:
        return begins_ms
    if shift_ms is not None:
        return at_ms + shift_ms
    clock = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).time()
    return round(datetime.combine(date.fromordinal(last), clock, ZoneInfo(zone)).timestamp() * 1000)


def business_days_expression(
    at: str, name: str, days: int, country: str, zone: str, counting: Counting = PLAIN
) -> Written:
    """`add_business_days` as an expression. `at` is an expression that may be written several times. It calls a
    function only for days long past and in zones that change their clocks. `name` begins the names it uses."""
    since_ms, offset_ms = _steady(zone)
    exactly = partial(add_business_days, days=days, country=country, zone=zone, counting=counting)
    # what comes after the cut-off is looked up under the next day
    ahead_ms = offset_ms if counting.cutoff is None else offset_ms + DAY_MS - counting.cutoff
    looked_up = f"{name}_on[({at} + {ahead_ms}) // {DAY_MS}]"
    table: dict[int, Any]
    if counting.ends == "day":
        steady, table = looked_up, _Ends(days, country, zone, counting)
    else:
        steady = f"max({at}, ({name} := {looked_up})[0]) + {name}[1]"
        # of what counts from a day's beginning, no cut-off has passed
        begun = partial(
            add_business_days, days=days, country=country, zone=zone, counting=counting._replace(cutoff=None)
        )
        table = _Terms(begun, country, zone, counting.week)
    if since_ms > EARLIEST_MS:  # the day on which clocks changed last began before that
        steady = f"({steady} if {at} >= {since_ms + DAY_MS} else {name}_exactly({at}))"
    return Written(steady, {f"{name}_on": table, f"{name}_exactly": exactly})


class _Terms(dict[int, tuple[int, int]]):
    """By local day (0 is 1970-01-01, in a zone whose clocks don't change): when the first working day from that day on
    begins (epoch ms), and how much longer (ms) than from that day on a term lasts."""

    def __init__(self, exactly: Callable[[int], int], country: str, zone: str, week: WorkingWeek | None) -> None:
        self._exactly, self._country, self._zone, self._week = exactly, country, zone, week

    def __missing__(self, day: int) -> tuple[int, int]:
        begins_ms = start_of_day(_working_day(day + _EPOCH_DAY, self._country, self._week), self._zone)
        found = self[day] = begins_ms, self._exactly(begins_ms) - begins_ms
        return found


class _Ends(dict[int, int]):
    """By local day (0 is 1970-01-01): when a term ends (epoch ms) that ends with a day, of what counts for that day."""

    def __init__(self, days: int, country: str, zone: str, counting: Counting) -> None:
        self._days, self._country, self._zone, self._counting = days, country, zone, counting

    def __missing__(self, day: int) -> int:
        found = self[day] = _end_of_term(day + _EPOCH_DAY, self._days, self._country, self._zone, self._counting)
        return found


@lru_cache(maxsize=8_192)
def _end_of_term(day: int, days: int, country: str, zone: str, counting: Counting) -> int:
    """When the last day ends (epoch ms) of a term whose start counts for a day. A start on a day off begins it with the
    next working day; where there is a cut-off it counts for that day, as what comes after the cut-off does."""
    last = _working_day(day, country, counting.week)
    more = days - 1 if last != day and counting.cutoff is None else days
    for _ in range(more):
        last = _working_day(last + 1, country, counting.week)
    return start_of_day(last + 1, zone)


def _past_midnight_ms(at_ms: int, zone: str) -> int:
    """The time of day by the local clock (ms)."""
    clock = datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone))
    return (clock.hour * 3600 + clock.minute * 60 + clock.second) * 1000


@lru_cache(maxsize=8_192)
def _working_days_on(
    day: int, days: int, country: str, zone: str, week: WorkingWeek | None
) -> tuple[int | None, int | None, int]:
    """For a start on a working day: how many ms later the term ends if the clocks don't change, and on which day. For a
    start on a day off: when the day begins on which the term ends (epoch ms), and that day."""
    first = _working_day(day, country, week)
    last = first
    for _ in range(days):
        last = _working_day(last + 1, country, week)
    if first != day:
        return start_of_day(last, zone), None, last
    plain = _has_24_hours(day, zone) and _has_24_hours(last, zone)
    return None, start_of_day(last, zone) - start_of_day(day, zone) if plain else None, last


def _working_day(day: int, country: str, week: WorkingWeek | None) -> int:
    """The first working day from `day` on."""
    while not is_working_day(date.fromordinal(day), country, week):
        day += 1
    return day


def _has_24_hours(day: int, zone: str) -> bool:
    return start_of_day(day + 1, zone) - start_of_day(day, zone) == DAY_MS


@lru_cache(maxsize=8_192)
def is_working_day(day: date, country: str, week: WorkingWeek | None = None) -> bool:
    """Whether a day is in the `week` (the country's own, where none is given) and no holiday, or a weekend on which the
    country works. Raises NotImplementedError for a country whose holidays aren't known."""
    if week is not None:
        holiday = day in _holidays(country)  # asked first: it works out the year
        return day in _holidays(country).weekend_workdays or (day.weekday() in week.days and not holiday)
    if country == "CN":
        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError:
            pass  # years the State Council hasn't announced yet: only weekends and fixed holidays are known
    return bool(_holidays(country).is_working_day(day))


@lru_cache(maxsize=64)
def _holidays(country: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country)


def knows_country(country: str) -> bool:
    return country in holidays.list_supported_countries(include_aliases=False)


def unknown_calendar(calendar: str | None) -> str | None:
    """The message if `calendar` is a name that isn't known; None otherwise."""
    if calendar is None or knows_country(calendar):
        return None
    return f"{calendar} is no country whose holidays are known; write it like CN"
