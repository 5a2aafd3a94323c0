"""Days, weeks, months and quarters begin on the instant, in each zone's own time."""

from datetime import UTC, datetime

import pytest

from rules.calendar.days import add_business_days, day_of, first_monday_quarter_of, month_of, start_of_day
from rules.calendar.instants import HOUR_MS, from_rfc3339, rfc3339
from rules.calendar.schedule import boundaries, last_boundary, next_boundary
from rules.calendar.windows import Window


@pytest.mark.parametrize(
    ("every", "at", "zone", "begins"),
    [
        ("month", "2026-01-31T23:59:59Z", "UTC", "2026-02-01T00:00:00Z"),
        ("month", "2026-02-01T00:00:00Z", "UTC", "2026-03-01T00:00:00Z"),
        ("month", "2024-02-29T12:00:00Z", "UTC", "2024-03-01T00:00:00Z"),
        ("day", "2024-02-28T23:59:59Z", "UTC", "2024-02-29T00:00:00Z"),
        ("month", "2026-01-31T15:59:59Z", "Asia/Shanghai", "2026-01-31T16:00:00Z"),
        ("week", "2026-01-04T23:59:59Z", "UTC", "2026-01-05T00:00:00Z"),
        ("week", "2026-01-05T00:00:00Z", "UTC", "2026-01-12T00:00:00Z"),
        ("week", "2026-01-04T16:59:59Z", "Asia/Jakarta", "2026-01-04T17:00:00Z"),
        ("quarter", "2026-03-31T23:59:59Z", "UTC", "2026-04-01T00:00:00Z"),
        ("first_monday_of_quarter", "2026-04-05T23:59:59Z", "UTC", "2026-04-06T00:00:00Z"),
        ("first_monday_of_quarter", "2026-04-06T00:00:00Z", "UTC", "2026-07-06T00:00:00Z"),
        ("first_monday_of_quarter", "2026-01-02T00:00:00Z", "UTC", "2026-01-05T00:00:00Z"),
        ("year", "2025-12-31T16:00:00Z", "Asia/Shanghai", "2026-12-31T16:00:00Z"),
        # Clocks go forward on 29 March and back on 25 October 2026 in Berlin.
        ("day", "2026-03-28T23:00:00Z", "Europe/Berlin", "2026-03-29T22:00:00Z"),
        ("day", "2026-10-24T22:00:00Z", "Europe/Berlin", "2026-10-25T23:00:00Z"),
        # In Santiago the hour that doesn't come is the one after midnight.
        ("day", "2026-09-05T12:00:00Z", "America/Santiago", "2026-09-06T04:00:00Z"),
    ],
)
def test_the_next_border(every, at, zone, begins):
    assert rfc3339(next_boundary(every, from_rfc3339(at), zone)) == begins
    last = last_boundary(every, from_rfc3339(at), zone)
    assert last <= from_rfc3339(at) < next_boundary(every, last, zone) == from_rfc3339(begins)
    assert last_boundary(every, from_rfc3339(begins), zone) == from_rfc3339(begins)


def test_borders_lie_behind_the_first_instant_and_up_to_the_last():
    first, last = from_rfc3339("2026-01-05T00:00:00Z"), from_rfc3339("2026-01-19T00:00:00Z")
    assert [rfc3339(at)[:10] for at in boundaries("week", first, last, "UTC")] == ["2026-01-12", "2026-01-19"]
    assert [rfc3339(at)[:10] for at in boundaries("week", first - 1, last - 1, "UTC")] == ["2026-01-05", "2026-01-12"]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "Europe/Berlin", "America/Santiago", "Asia/Jakarta"])
def test_every_hour_of_a_year_lies_in_the_day_that_has_begun(zone):
    start = from_rfc3339("2024-01-01T00:00:00Z")
    for hour in range(366 * 24):
        at = start + hour * HOUR_MS
        day = day_of(at, zone)
        assert start_of_day(day, zone) <= at < start_of_day(day + 1, zone)


def test_february_of_a_leap_year_has_29_days():
    first, following = month_of(datetime(2024, 2, 29, tzinfo=UTC).toordinal())
    assert following - first == 29


@pytest.mark.parametrize("year", range(2019, 2031))
def test_a_quarter_begins_on_a_monday_within_its_first_week(year):
    for month in (1, 4, 7, 10):
        first, following = first_monday_quarter_of(datetime(year, month, 8, tzinfo=UTC).toordinal())
        begins = datetime.fromordinal(first)
        assert (begins.weekday(), begins.month, begins.day <= 7) == (0, month, True)
        assert datetime.fromordinal(following).weekday() == 0


def test_what_is_computed_on_monday_is_of_the_days_before_it():
    monday = from_rfc3339("2026-01-12T00:00:00Z")
    period = Window(length=7 * 24 * HOUR_MS).closed_at(monday, "UTC")
    assert [datetime.fromordinal(day).isoformat()[:10] for day in (period.first, period.last)] == [
        "2026-01-05",
        "2026-01-11",
    ]


def test_what_is_computed_on_the_first_of_march_is_february():
    assert Window(align="month").closed_at(from_rfc3339("2024-03-01T00:00:00Z"), "UTC").name == "2024-02"


@pytest.mark.parametrize(
    ("placed", "days", "due"),
    [
        ("2026-02-13T10:00:00+08:00", 1, "2026-02-14T10:00:00+08:00"),  # a Saturday to make up for the New Year
        ("2026-02-14T10:00:00+08:00", 1, "2026-02-24T10:00:00+08:00"),  # over the nine days off
        ("2026-02-18T10:00:00+08:00", 1, "2026-02-25T00:00:00+08:00"),  # begins with the first working day
    ],
)
def test_working_days_in_china_with_those_that_make_up_for_holidays(placed, days, due):
    assert add_business_days(from_rfc3339(placed), days, "CN", "Asia/Shanghai") == from_rfc3339(due)


def test_working_days_keep_the_time_of_day_over_a_change_of_clocks():
    friday = from_rfc3339("2026-03-27T12:00:00+01:00")
    assert add_business_days(friday, 1, "DE", "Europe/Berlin") == from_rfc3339("2026-03-30T12:00:00+02:00")


def test_the_hour_that_comes_twice_is_one_day_and_two_instants():
    first, second = from_rfc3339("2026-10-25T00:30:00Z"), from_rfc3339("2026-10-25T01:30:00Z")
    assert day_of(first, "Europe/Berlin") == day_of(second, "Europe/Berlin")
    due = [add_business_days(at, 1, "DE", "Europe/Berlin") for at in (first, second)]
    assert due == [from_rfc3339("2026-10-27T00:00:00+01:00")] * 2, "a Sunday counts from Monday on"
