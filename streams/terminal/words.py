"""Times, money and ids as short words for a terminal."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from rules.messages.text import visible

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

WHOLE_MONEY = 1000
"""From this amount on, cents only cost room."""

WHOLE_ID = 12
"""An order id up to this long is shown whole."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def moment(at_ms: int) -> datetime:
    """Epoch milliseconds as a UTC date-time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def instant_ms(text: str) -> int:
    """An RFC 3339 time as epoch milliseconds."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def day_and_time(at_ms: int) -> str:
    """`04 Jan 13:42`, in UTC."""
    return f"{moment(at_ms):%d %b %H:%M}"


def with_short_times(text: str) -> str:
    """A summary with its instants as days and times, as they stand elsewhere on the board."""
    return _INSTANT.sub(lambda found: day_and_time(instant_ms(found[0])), text)


def span(length_ms: int) -> str:
    """`03h12m`, or `2d 03h` from two days on; never negative."""
    if length_ms >= 2 * DAY_MS:
        return f"{length_ms // DAY_MS}d {length_ms % DAY_MS // HOUR_MS:02}h"
    return f"{length_ms // HOUR_MS:02}h{length_ms % HOUR_MS // MINUTE_MS:02}m"


def countdown(left_ms: int) -> str:
    """`in 03h12m`, or `03h12m ago` once it has passed."""
    return f"in {span(left_ms)}" if left_ms >= 0 else f"{span(-left_ms)} ago"


def money(amount: str | Decimal, currency: str) -> str:
    """`12.50 USD`, `1,234 USD`."""
    value = Decimal(amount)
    return f"{value:,.2f} {currency}" if abs(value) < WHOLE_MONEY else f"{value:,.0f} {currency}"


def short_id(order: str) -> str:
    """The head and tail of a long order id, `6921…104417`; the tail is longer since ids differ there."""
    order = visible(order)
    return order if len(order) <= WHOLE_ID else f"{order[:4]}…{order[-6:]}"
