"""Instants as text and back."""

import pytest

from rules.calendar.instants import from_rfc3339, is_believable, rfc3339


@pytest.mark.parametrize(
    "text", ["2026-01-04T00:00:00Z", "2024-02-29T23:59:59Z", "2026-01-04T00:00:00.001Z", "2099-12-31T23:59:59.999Z"]
)
def test_an_instant_survives_being_written(text):
    assert rfc3339(from_rfc3339(text)) == text


def test_milliseconds_are_written_only_where_there_are_any():
    assert rfc3339(1_767_225_600_000) == "2026-01-01T00:00:00Z"
    assert rfc3339(1_767_225_600_050) == "2026-01-01T00:00:00.050Z"


def test_a_text_without_a_zone_is_no_instant():
    with pytest.raises(ValueError, match="time zone"):
        from_rfc3339("2026-01-01T00:00:00")


@pytest.mark.parametrize(
    ("text", "believed"),
    [
        ("2000-01-01T00:00:00Z", False),
        ("2000-12-31T23:59:59.999Z", False),
        ("2001-01-01T00:00:00Z", True),
        ("2099-12-31T23:59:59.999Z", True),
        ("2100-01-01T00:00:00Z", False),
    ],
)
def test_only_this_century_is_believed(text, believed):
    assert is_believable(from_rfc3339(text)) is believed
