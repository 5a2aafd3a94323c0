"""Days, months, weeks and working days in a platform's own zone, at their boundaries."""

from datetime import date
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.counting import Counting, Ends, TimeOfDay, WorkingWeek
from rules.calendar.days import (
    add_business_days,
    business_days_expression,
    day_of,
    is_working_day,
    knows_country,
    month_name,
    month_of,
    start_of_day,
    week_name,
    week_of,
)
from rules.calendar.instants import DAY_MS, EARLIEST_MS, HOUR_MS, LATEST_MS, from_rfc3339, rfc3339
from rules.codegen import function

LAST_CHANGES = from_rfc3339("2019-02-17T02:00:00Z"), from_rfc3339("2014-10-25T22:00:00Z")
"""When the clocks of São Paulo and of Moscow were last changed."""

SHANGHAI, JAKARTA, BERLIN, NEW_YORK = "Asia/Shanghai", "Asia/Jakarta", "Europe/Berlin", "America/New_York"


def day(at: str, zone: str) -> str:
    return str(date.fromordinal(day_of(from_rfc3339(at), zone)))


def ordinal(text: str) -> int:
    return date.fromisoformat(text).toordinal()


@pytest.mark.parametrize(
    ("at", "zone", "local"),
    [
        ("2026-01-31T23:59:59.999Z", "UTC", "2026-01-31"),
        ("2026-02-01T00:00:00Z", "UTC", "2026-02-01"),
        ("2026-01-31T15:59:59.999Z", SHANGHAI, "2026-01-31"),
        ("2026-01-31T16:00:00Z", SHANGHAI, "2026-02-01"),
        ("2024-02-29T23:59:59.999Z", "UTC", "2024-02-29"),
        ("2024-02-28T17:00:00Z", JAKARTA, "2024-02-29"),
        ("2026-03-29T21:59:59.999Z", BERLIN, "2026-03-29"),
        ("2026-10-24T22:00:00Z", BERLIN, "2026-10-25"),
        ("2026-10-25T22:59:59.999Z", BERLIN, "2026-10-25"),
        ("2026-01-01T18:14:59.999Z", "Asia/Kathmandu", "2026-01-01"),
        ("2026-01-01T18:15:00Z", "Asia/Kathmandu", "2026-01-02"),
    ],
)
def test_the_local_date_of_an_instant(at, zone, local):
    assert day(at, zone) == local


@pytest.mark.parametrize(
    ("local", "zone", "at"),
    [
        ("2026-02-01", "UTC", "2026-02-01T00:00:00Z"),
        ("2026-02-01", SHANGHAI, "2026-01-31T16:00:00Z"),
        ("2026-03-29", BERLIN, "2026-03-28T23:00:00Z"),
        ("2026-03-30", BERLIN, "2026-03-29T22:00:00Z"),
        # Midnight never comes: the clock leaps from 23:59:59 to 1:00.
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z"),
        # Midnight comes twice: the day begins the first time.
        ("2026-11-01", "America/Havana", "2026-11-01T04:00:00Z"),
        # The day before midnight comes round again: 23:00 to 24:00 twice.
        ("2018-02-18", "America/Sao_Paulo", "2018-02-18T03:00:00Z"),
    ],
)
def test_the_first_instant_of_a_local_date(local, zone, at):
    first = start_of_day(ordinal(local), zone)
    assert rfc3339(first) == at
    assert (day_of(first, zone), day_of(first - 1, zone)) == (ordinal(local), ordinal(local) - 1)


@pytest.mark.parametrize(("local", "length"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_is_as_long_as_its_clock_changes_make_it(local, length):
    start, end = (start_of_day(ordinal(local) + n, BERLIN) for n in (0, 1))
    assert end - start == length * HOUR_MS


@pytest.mark.parametrize(
    ("local", "first", "following"),
    [
        ("2024-02-29", "2024-02-01", "2024-03-01"),
        ("2026-02-28", "2026-02-01", "2026-03-01"),
        ("2026-12-31", "2026-12-01", "2027-01-01"),
        ("2026-01-01", "2026-01-01", "2026-02-01"),
    ],
)
def test_the_month_of_a_day(local, first, following):
    assert month_of(ordinal(local)) == (ordinal(first), ordinal(following))


def test_a_week_runs_from_monday_to_sunday():
    sunday, monday = ordinal("2026-11-29"), ordinal("2026-11-30")
    assert week_of(sunday) == (monday - 7, monday)
    assert week_of(monday) == (monday, monday + 7)


def test_weeks_are_named_by_the_year_their_thursday_is_in():
    assert week_name(ordinal("2027-01-03")) == "2026-W53"
    assert week_name(ordinal("2027-01-04")) == "2027-W01"
    assert month_name(ordinal("2026-11-30")) == "2026-11"


def working(at: str, days: int, country: str, zone: str) -> str:
    return rfc3339(add_business_days(from_rfc3339(at), days, country, zone))


def test_working_days_step_over_a_weekend_at_the_same_time_of_day():
    friday = "2026-11-27T15:30:00Z"
    assert working(friday, 1, "US", "UTC") == "2026-11-30T15:30:00Z"
    assert working(friday, 2, "US", "UTC") == "2026-12-01T15:30:00Z"


def test_a_start_on_a_day_off_counts_from_the_next_working_days_beginning():
    assert working("2026-11-28T15:30:00Z", 2, "US", "UTC") == "2026-12-02T00:00:00Z"


def test_weekends_are_those_of_the_platforms_zone():
    # 22:00 on Friday in UTC is Saturday morning in Shanghai.
    assert working("2026-11-27T22:00:00Z", 1, "CN", SHANGHAI) == "2026-11-30T16:00:00Z"


def test_china_works_on_the_weekends_that_make_up_for_a_holiday():
    assert is_working_day(date(2025, 9, 28), "CN")  # a Sunday, for National Day
    assert not is_working_day(date(2025, 10, 8), "CN")  # a Wednesday off
    # From Friday before National Day: the make-up Sunday and Monday count.
    assert working("2025-09-26T02:00:00Z", 2, "CN", SHANGHAI) == "2025-09-29T02:00:00Z"
    # From the last working day: eight days off in between.
    assert working("2025-09-30T02:00:00Z", 1, "CN", SHANGHAI) == "2025-10-09T02:00:00Z"


def test_china_after_the_years_announced_falls_back_on_weekends_and_fixed_holidays():
    assert not is_working_day(date(2060, 10, 1), "CN")
    assert not is_working_day(date(2060, 7, 3), "CN")  # a Saturday
    assert is_working_day(date(2060, 7, 5), "CN")


def test_a_working_days_hour_that_never_comes_is_the_one_after():
    # Sunday 29 March 2026, 2:30 does not exist in Berlin; Israel works on Sundays.
    friday = "2026-03-26T01:30:00Z"  # Thursday 2:30 in Berlin
    assert working(friday, 1, "IL", BERLIN) == "2026-03-29T01:30:00Z"  # Sunday 3:30


def test_a_working_days_hour_that_comes_twice_is_the_first():
    thursday = "2026-10-22T00:30:00Z"  # 2:30 in Berlin
    assert working(thursday, 1, "IL", BERLIN) == "2026-10-25T00:30:00Z"  # 2:30 for the first time


def test_the_last_believable_instant_has_working_days_after_it():
    assert working("2099-12-31T23:59:59Z", 5, "CN", SHANGHAI) > "2100-01"


@given(
    st.integers(EARLIEST_MS, LATEST_MS - 1)
    | st.builds(add, st.sampled_from(LAST_CHANGES), st.integers(-3 * DAY_MS, 3 * DAY_MS)),
    st.integers(0, 5),
    st.sampled_from([("CN", SHANGHAI), ("BR", "America/Sao_Paulo"), ("IL", "Europe/Moscow"), ("DE", BERLIN)]),
)
def test_working_days_are_the_same_written_as_an_expression(at_ms: int, days: int, of: tuple[str, str]):
    due = function("at", business_days_expression("at", "due", days, *of))
    assert due(at_ms) == due(at_ms) == add_business_days(at_ms, days, *of)


def test_countries_are_known_by_their_code():
    assert knows_country("CN")
    assert not knows_country("Atlantis")


def test_every_instant_of_a_day_is_on_it_in_zones_that_change_their_clocks():
    for zone in (BERLIN, NEW_YORK, "Australia/Lord_Howe", SHANGHAI, "UTC"):
        for local in range(ordinal("2026-01-01"), ordinal("2027-01-01")):
            start, end = start_of_day(local, zone), start_of_day(local + 1, zone)
            assert {day_of(at, zone) for at in (start, start + (end - start) // 2, end - 1)} == {local}
            assert abs(end - start - DAY_MS) <= HOUR_MS


# -- how working days are counted ------------------------------------------------------------------------------


def counting(ends: Ends | None = None, cutoff: str | None = None, week: str | None = None) -> Counting:
    return Counting(
        ends,
        None if cutoff is None else TimeOfDay.parse(cutoff),
        None if week is None else WorkingWeek.parse(week),
    )


@pytest.mark.parametrize(
    ("start", "days", "how", "due"),
    [
        # 2026-01-09 is a Friday; midnight in Jakarta is 17:00 of the day before
        pytest.param("2026-01-09T03:00:00Z", 2, counting("day"), "2026-01-13T17:00:00Z", id="ends with Tuesday"),
        pytest.param("2026-01-08T17:00:00Z", 2, counting("day"), "2026-01-13T17:00:00Z", id="from Friday's beginning"),
        pytest.param("2026-01-10T03:00:00Z", 2, counting("day"), "2026-01-13T17:00:00Z", id="Saturday"),
        pytest.param("2026-01-15T03:00:00Z", 1, counting("day"), "2026-01-19T17:00:00Z", id="the 16th is a holiday"),
        pytest.param(
            "2026-01-09T06:59:59Z", 2, counting(cutoff="14:00"), "2026-01-13T06:59:59Z", id="just before the cut-off"
        ),
        pytest.param("2026-01-09T07:00:00Z", 2, counting(cutoff="14:00"), "2026-01-13T17:00:00Z", id="at the cut-off"),
        pytest.param(
            "2026-01-10T03:00:00Z", 2, counting(cutoff="14:00"), "2026-01-13T17:00:00Z", id="cut-off, Saturday"
        ),
        pytest.param(
            "2026-01-07T03:00:00Z", 1, counting("day", "14:00"), "2026-01-08T17:00:00Z", id="ends with Thursday"
        ),
        pytest.param(
            "2026-01-07T08:00:00Z", 1, counting("day", "14:00"), "2026-01-09T17:00:00Z", id="late, ends with Friday"
        ),
        pytest.param("2026-01-09T03:00:00Z", 1, counting(week="mon-sat"), "2026-01-10T03:00:00Z", id="to Saturday"),
        pytest.param("2026-01-10T03:00:00Z", 1, counting(week="mon-sat"), "2026-01-12T03:00:00Z", id="not Sunday"),
        pytest.param("2026-01-15T03:00:00Z", 1, counting(week="mon-sat"), "2026-01-17T03:00:00Z", id="nor a holiday"),
        pytest.param(
            "2026-01-07T03:00:00Z", 2, counting(week="sun-thu"), "2026-01-11T03:00:00Z", id="Thursday, Sunday"
        ),
    ],
)
def test_working_days_counted_in_a_pack_s_own_way(start: str, days: int, how: Counting, due: str):
    assert rfc3339(add_business_days(from_rfc3339(start), days, "ID", JAKARTA, how)) == due


def test_a_weekend_on_which_china_works_is_in_every_week():
    assert is_working_day(date(2026, 2, 14), "CN", WorkingWeek.parse("mon-fri"))  # a Saturday before the holidays
    assert not is_working_day(date(2026, 2, 17), "CN", WorkingWeek.parse("mon-sun"))


@given(
    st.integers(EARLIEST_MS, LATEST_MS - 1),
    st.integers(0, 4 * DAY_MS),
    st.integers(1, 3),
    st.sampled_from([None, "day"]),
    st.sampled_from([None, "00:00", "14:00"]),
    st.sampled_from([None, "mon-sat"]),
)
def test_what_starts_later_is_never_due_earlier(
    start: int, later: int, days: int, ends: Ends | None, cutoff: str | None, week: str | None
):
    how = counting(ends, cutoff, week)
    due, then = (add_business_days(at, days, "ID", JAKARTA, how) for at in (start, start + later))
    assert start < due <= then


@pytest.mark.parametrize("text", ["14", "24:00", "2pm", "", "14:00:00", 840])
def test_what_is_no_time_of_day(text: object):
    with pytest.raises(ValueError, match='like "14:00"'):
        TimeOfDay.parse(text)


@pytest.mark.parametrize("text", ["mon", "mon-", "monday-friday", "Mon-Sat", "", 7])
def test_what_is_no_working_week(text: object):
    with pytest.raises(ValueError, match="like mon-sat"):
        WorkingWeek.parse(text)
