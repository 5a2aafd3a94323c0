"""Which days are judged, and until when."""

from datetime import date

import pytest

from rules.calendar.durations import Duration
from rules.calendar.instants import DAY_MS, from_rfc3339, rfc3339
from rules.calendar.windows import Window

SHANGHAI = "Asia/Shanghai"


def days(text: str) -> Duration:
    return Duration.parse(text)


def shown(window: Window, at: str, zone: str = "UTC") -> list[str]:
    return [
        f"{period.name} {date.fromordinal(period.first)}..{date.fromordinal(period.last)}"
        for period in window.periods(from_rfc3339(at), zone)
    ]


def test_a_rolling_window_is_today_and_the_days_before():
    window = Window(length=days("30d"))
    assert shown(window, "2026-01-30T12:00:00Z") == ["- 2026-01-01..2026-01-30"]


def test_a_rolling_window_ends_as_long_ago_as_its_lag():
    window = Window(length=days("14d"), lag=days("1d"))
    assert shown(window, "2026-01-30T23:59:59Z") == ["- 2026-01-16..2026-01-29"]


def test_a_rolling_window_slides_at_local_midnight():
    window = Window(length=days("1d"))
    assert shown(window, "2026-01-31T15:59:59.999Z", SHANGHAI) == ["- 2026-01-31..2026-01-31"]
    assert shown(window, "2026-01-31T16:00:00Z", SHANGHAI) == ["- 2026-02-01..2026-02-01"]


def test_a_month_without_lag_ends_with_its_last_instant():
    window = Window(align="month")
    assert shown(window, "2026-01-31T23:59:59.999Z") == ["2026-01 2026-01-01..2026-01-31"]
    assert shown(window, "2026-02-01T00:00:00Z") == ["2026-02 2026-02-01..2026-02-28"]


def test_a_month_goes_on_being_judged_for_its_lag():
    window = Window(align="month", lag=days("10d"))
    both = ["2026-02 2026-02-01..2026-02-28", "2026-01 2026-01-01..2026-01-31"]
    assert shown(window, "2026-02-01T00:00:00Z") == both
    assert shown(window, "2026-02-10T23:59:59.999Z") == both
    assert shown(window, "2026-02-11T00:00:00Z") == both[:1]


def test_a_lag_longer_than_a_month_keeps_three_months_judged():
    window = Window(align="month", lag=days("40d"))
    assert [each[:7] for each in shown(window, "2026-03-05T00:00:00Z")] == ["2026-03", "2026-02", "2026-01"]


def test_a_period_that_is_over_can_still_be_named():
    window, at_ms = Window(align="month"), from_rfc3339("2026-03-05T00:00:00Z")
    names = [window.named(name, at_ms, "UTC") for name in ("2026-03", "2025-12", "2020-01")]
    assert [period and str(date.fromordinal(period.last)) for period in names] == ["2026-03-31", "2025-12-31", None]


def test_february_of_a_leap_year_has_its_29th():
    assert shown(Window(align="month"), "2024-02-29T23:59:59Z") == ["2024-02 2024-02-01..2024-02-29"]


def test_a_week_turns_from_sunday_to_monday():
    window = Window(align="week")
    assert shown(window, "2026-11-29T23:59:59.999Z") == ["2026-W48 2026-11-23..2026-11-29"]
    assert shown(window, "2026-11-30T00:00:00Z") == ["2026-W49 2026-11-30..2026-12-06"]


def change(window: Window, at: str, zone: str = "UTC") -> str:
    return rfc3339(window.next_change(from_rfc3339(at), zone))


def test_a_rolling_window_changes_at_midnight_and_others_when_a_period_or_its_lag_ends():
    assert change(Window(), "2026-01-30T12:00:00Z") == "2026-01-31T00:00:00Z"
    assert change(Window(), "2026-01-30T12:00:00Z", SHANGHAI) == "2026-01-30T16:00:00Z"
    assert change(Window(align="month"), "2026-01-30T12:00:00Z") == "2026-02-01T00:00:00Z"
    assert change(Window(align="week"), "2026-11-27T12:00:00Z") == "2026-11-30T00:00:00Z"
    half_day = Window(align="month", lag=days("12h"))
    assert change(half_day, "2026-02-01T01:00:00Z") == "2026-02-01T12:00:00Z"


@pytest.mark.parametrize("align", ["rolling", "month", "week"])
@pytest.mark.parametrize("lag", ["0h", "12h", "1d", "10d", "45d"])
@pytest.mark.parametrize("zone", ["UTC", SHANGHAI, "Europe/Berlin", "America/Sao_Paulo"])
def test_between_two_changes_the_periods_stay_and_a_change_always_lies_ahead(align, lag, zone):
    window = Window(align=align, lag=days(lag))
    at_ms, end_ms = (from_rfc3339(f"{year}-02-10T05:00:00Z") for year in (2018, 2019))
    while at_ms < end_ms:
        next_ms = window.next_change(at_ms, zone)
        assert next_ms > at_ms
        assert window.periods(next_ms - 1, zone) == window.periods(at_ms, zone)
        at_ms = next_ms


@pytest.mark.parametrize("align", ["rolling", "month", "week"])
@pytest.mark.parametrize("lag", ["0h", "1d", "10d", "45d"])
def test_no_judged_day_lies_further_back_than_the_span(align, lag):
    window = Window(align=align, lag=days(lag))
    for day in range(0, 400, 3):
        at_ms = from_rfc3339("2026-01-01T00:00:00Z") + day * DAY_MS
        earliest = min(period.first for period in window.periods(at_ms, "UTC"))
        assert (date.fromordinal(earliest) - date(1970, 1, 1)).days * DAY_MS >= at_ms - window.span_ms()
