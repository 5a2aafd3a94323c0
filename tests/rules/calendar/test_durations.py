"""Lengths of time and shares as packs write them."""

from fractions import Fraction

import pytest

from rules.calendar.durations import BusinessDays, Duration, Share, Span
from rules.calendar.instants import DAY_MS, HOUR_MS


@pytest.mark.parametrize(
    ("text", "length"),
    [("72h", 72 * HOUR_MS), ("1d12h", 36 * HOUR_MS), ("2w", 14 * DAY_MS), ("90m", 90 * 60_000), ("0h", 0), ("5ms", 5)],
)
def test_a_duration_is_read(text, length):
    assert Duration.parse(text) == length


@pytest.mark.parametrize("text", ["", "72", "h", "72 h", "-1h", "1.5h", "2bd", "1h!", "9999999999d"])
def test_what_is_no_duration_says_so(text):
    with pytest.raises(ValueError, match=r"72h|longer than"):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("text", "shown"), [("72h", "3 d"), ("48h", "48 h"), ("90m", "90 m"), ("1500ms", "1500 ms"), ("14d", "14 d")]
)
def test_a_duration_is_shown_in_the_unit_people_use(text, shown):
    assert f"{Duration.parse(text)}" == shown


def test_working_days_are_told_from_durations_by_their_unit():
    assert isinstance(Span.parse("2bd"), BusinessDays)
    assert isinstance(Span.parse("2d"), Duration)


@pytest.mark.parametrize("text", ["bd", "-2bd", "1.5bd", "9999999bd"])
def test_what_is_no_number_of_working_days_says_so(text):
    with pytest.raises(ValueError, match=r"2bd|longer than"):
        Span.parse(text)


@pytest.mark.parametrize(
    ("written", "part"),
    [("5%", (1, 20)), ("0.05", (1, 20)), (0.05, (1, 20)), ("2.5 %", (1, 40)), ("100%", (1, 1)), (0, (0, 1))],
)
def test_a_share_is_exact(written, part):
    assert Share.parse(written) == Fraction(*part)


@pytest.mark.parametrize("written", ["5", "101%", "-1%", "five", "nan", "1/0", "", True, None, 1.5])
def test_what_is_no_share_says_so(written):
    with pytest.raises(ValueError, match="no share"):
        Share.parse(written)
