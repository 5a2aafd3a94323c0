"""Weeks by name."""

from datetime import date

import pytest

from streams.reporting.week import Week


def test_a_week_goes_from_monday_to_sunday_and_is_named_as_iso_names_it() -> None:
    week = Week.named("2026-W01")
    assert (week.monday, week.sunday) == (date(2025, 12, 29), date(2026, 1, 4))
    assert str(week) == "2026-W01"
    assert week.has("2025-12-29") and week.has("2026-01-04")
    assert not week.has("2025-12-28") and not week.has("2026-01-05")


@pytest.mark.parametrize("day", ["2026-01-12", "2026-01-15", "2026-01-18"])
def test_the_newest_complete_week_is_over_when_the_day_begins(day: str) -> None:
    assert str(Week.before(date.fromisoformat(day))) == "2026-W02"


@pytest.mark.parametrize("name", ["2026-48", "W48", "2026-W54", "2026-W00", "0000-W01", "2026-W48 ", "newest week", ""])
def test_what_names_no_week_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="week"):
        Week.named(name)
