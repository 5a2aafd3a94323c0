"""Instants as epoch milliseconds, and how they are written."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final

from msgspec import Meta

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

NEVER: Final = 1 << 62
"""Later than any instant: nothing is due."""

MIN_MS: Final = -(1 << 62)
"""Earlier than any instant: a clock that hasn't started."""

EARLIEST_MS: Final = 978_307_200_000
"""2001-01-01. Senders that mean "no time" write 2000-01-01; epoch seconds taken for milliseconds land in 1970."""

LATEST_MS: Final = 4_102_444_800_000
"""2100-01-01. Anything later is a unit mixed up (microseconds), not a date."""

LONGEST_LEAP_MS: Final = 366 * DAY_MS
"""An event further than this past everything before it comes from a wrong clock."""

Instant = Annotated[datetime, Meta(tz=True)] | int
"""As events carry it: RFC 3339 with a zone, or epoch milliseconds."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(instant: datetime | int) -> int:
    """Epoch milliseconds of an instant as events carry it; parts of a millisecond are dropped."""
    if isinstance(instant, int):
        return instant
    since = instant - EPOCH
    return since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000


def date_ms(day: date) -> int:
    """When a date begins in UTC (epoch ms); local days begin up to 14 hours before or after it."""
    return (day.toordinal() - EPOCH.toordinal()) * DAY_MS


def is_believable(at_ms: int) -> bool:
    """False for times that stand for "no time", or were written in seconds or microseconds."""
    return EARLIEST_MS <= at_ms < LATEST_MS


@lru_cache(maxsize=4_096)  # an alert and the next ones name the same few; a burst, each ms of a second
def rfc3339(at_ms: int) -> str:
    """`2026-01-04T00:00:00Z`, with milliseconds only where there are any."""
    seconds = at_ms // 1000
    return f"{_hour(seconds // 3600)}{_PAST_THE_HOUR[seconds % 3600]}{_PARTS[at_ms % 1000]}"


@lru_cache(maxsize=4_096)
def _hour(hour: int) -> str:
    """`2026-01-04T00:`; cached, as the rest differs each time."""
    return (EPOCH + timedelta(hours=hour)).isoformat()[:14]


_PAST_THE_HOUR: Final = tuple(f"{second // 60:02d}:{second % 60:02d}" for second in range(3600))
_PARTS: Final = ("Z", *(f".{part:03d}Z" for part in range(1, 1000)))


def from_rfc3339(text: str) -> int:
    """Epoch milliseconds of a date-time with a zone. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return to_ms(at)
