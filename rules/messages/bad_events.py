"""Errors of records that can't be applied as events."""

from collections.abc import Sequence
from typing import Any

from rules.calendar.instants import DAY_MS, rfc3339
from rules.messages.text import visible

LONGEST_REASON = 300
"""The most characters of a reason. It quotes the record, and must fit into a header beside it."""

UNREADABLE = "unreadable"
LEAP = "leap"
KEPT = "kept"
TOO_OLD = "too old"
UNFORESEEN = "unforeseen"
"""Kinds of bad records: something is wrong with the record itself, with its time, with a detail of an event that counts
all the same; it is of an order that isn't known, from before what is kept; or an unexpected error was raised."""


class BadEvent(ValueError):
    """A record that can't be applied as an event. The text says why, on one line and without control characters. `kind`
    is one of few, for grouping."""

    def __init__(self, reason: str, kind: str = UNREADABLE) -> None:
        shown = visible(reason[: LONGEST_REASON + 1])
        super().__init__(shown if len(shown) <= LONGEST_REASON else f"{shown[:LONGEST_REASON]}…")
        self.kind = kind


class KeptWithout(BadEvent):
    """Of an event that counts (`event`, with its time `at_ms`) something was left out, and why."""

    def __init__(self, event: Any, at_ms: int, left_out: Sequence[str]) -> None:
        super().__init__(f"kept without {'; '.join(left_out)}", KEPT)
        self.event = event
        self.at_ms = at_ms


def as_bad_event(error: Exception) -> BadEvent:
    """Any error raised for one record, as the reason to set it aside."""
    if isinstance(error, BadEvent):
        return error
    return BadEvent(f"can't be applied: {type(error).__name__}: {error}", UNFORESEEN)


def leap(at_ms: int, max_leap_ms: int) -> BadEvent:
    """The error of an event that lies too far after everything before it."""
    days = max_leap_ms // DAY_MS
    return BadEvent(f"time {rfc3339(at_ms)} leaps more than {days:,} days past everything before it", LEAP)


def too_old(at_ms: int, kept_ms: int) -> BadEvent:
    """The error of an event of an order that isn't known, from before the time that orders are kept."""
    return BadEvent(
        f"time {rfc3339(at_ms)} is older than the {kept_ms // DAY_MS} days kept, and its order isn't known", TOO_OLD
    )
