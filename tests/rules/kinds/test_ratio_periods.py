"""Ratios by calendar period: what is said when one is over."""

import pytest

from rules.calendar.days import month_of
from rules.calendar.instants import from_rfc3339
from rules.calendar.windows import Window
from tests.rules.history import book, late_ship, placed, rule, run

MONTHLY = rule(
    "ratio", "share", numerator={"late": "joom.late"}, window={"align": "month", "lag": "10d"}, threshold="5%"
)


def test_the_last_word_on_a_month_says_how_it_ended() -> None:
    alerts = run(book(late_ship(), MONTHLY), [placed("1"), placed("2", "700h")], "1000h")
    (last,) = [each.data for each in alerts if each.data.rule == "joom.share" and each.type == "alert.resolved"]
    assert (last.reason, last.value, last.evidence["numerator"], last.evidence["denominator"]) == (
        "period_ended",
        1,
        2,
        2,
    )
    assert last.evidence["orders"] == ["1", "2"]


@pytest.mark.parametrize("name", ["2026-03", "2026-02", "2025-04"])
def test_a_period_is_found_by_its_name_for_a_year(name: str) -> None:
    period = Window(align="month").named(name, from_rfc3339("2026-03-15T00:00:00Z"), "UTC")
    assert period is not None and period.name == name
    assert month_of(period.first) == (period.first, period.last + 1)


@pytest.mark.parametrize("name", ["2026-04", "2020-01", "-", "2026-Q1"])
def test_other_periods_are_not(name: str) -> None:
    assert Window(align="month").named(name, from_rfc3339("2026-03-15T00:00:00Z"), "UTC") is None
