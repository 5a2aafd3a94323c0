"""The summary of a resolved alert: what ended it, with the figures as of then."""

from typing import Final

from rules.calendar.instants import HOUR_MS
from rules.messages.alerts import Reason

_MINUTE_MS = 60_000
_IN_DAYS_MS = 72 * HOUR_MS

ENDINGS: Final[dict[Reason, str]] = {
    "fulfilled": "It is done",
    "cancelled": "It was cancelled",
    "voided": "It was voided",
    "deadline_moved": "Its deadline was moved",
    "evidence_arrived": "Evidence has arrived that it isn't so",
    "fell_back": "It is no longer so",
    "period_ended": "Its time is over",
    "sanction_ended": "The sanction has ended",
    "no_longer_applies": "The rule no longer applies",
    "too_many": "From now on only counted among the others: too many are open",
    "threshold_crossed": "The next step was reached, which is an alert of its own",
}
"""By the reason, for kinds that have no words of their own."""


def ending(reason: Reason) -> str:
    return ENDINGS.get(reason, "It has ended")


def lateness(at_ms: int, due_ms: int | None) -> str:
    """`3 h late`, or `in time`."""
    late_ms = 0 if due_ms is None else at_ms - due_ms
    if late_ms <= 0:
        return "in time"
    if late_ms < HOUR_MS:
        return f"{max(round(late_ms / _MINUTE_MS), 1)} min late"
    if late_ms < _IN_DAYS_MS:
        return f"{round(late_ms / HOUR_MS, 1):g} h late"
    return f"{round(late_ms / HOUR_MS / 24, 1):g} days late"
