"""Values as platforms write them, read as the event field of that name wants them."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from rules.calendar.instants import is_believable, rfc3339, to_ms
from rules.messages.bounds import is_reckonable

TIMES = frozenset({"ship_by", "starts_at"})
MONEY = frozenset({"amount", "price"})
NUMBERS = frozenset(
    {
        "qty",
        "handling_h",
        "value",
        "on_hand",
        "score",
        "count",
        "target",
        "total",
        "preorder",
        "numerator",
        "denominator",
    }
)
AS_GIVEN = frozenset({"metric_id", "violation_type"})
"""Names of the platform's own; anything else is text."""

LONGEST_ID, LONGEST_TEXT = 128, 256
"""Characters."""

_IDS = frozenset({"order", "shop", "platform", "sku", "line", "parcel", "product", "tracking_no"})

FEWEST_MS = 100_000_000_000
"""Epoch times from here on are milliseconds: as seconds they would lie in the year 5138."""

_CENT = Decimal("0.01")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def read(name: str, raw: Any, zone: ZoneInfo) -> Any:
    """A value for the field `name`; None where it says nothing. Raises ValueError, saying what is wrong with it."""
    if raw is None or raw == "":
        return None
    if name in TIMES:
        at_ms = _end_of_day_ms(raw, zone) if name == "ship_by" and _is_date(raw) else time_ms(raw, zone)
        return None if at_ms is None else rfc3339(at_ms)
    if name in MONEY:
        return money(number(raw))
    if name in NUMBERS:
        return plain(_not_below_zero(name, number(raw)))
    if name == "currency":
        return _currency(text(raw))
    if isinstance(raw, bool):
        return raw
    if name in AS_GIVEN and isinstance(raw, int | Decimal):
        return plain(Decimal(raw))
    return text(raw, LONGEST_ID if name in _IDS else LONGEST_TEXT) or None


def text(raw: Any, longest: int = LONGEST_TEXT) -> str:
    """A scalar as text; whole numbers digit by digit. Raises ValueError for what no name can be."""
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, dict | list):
        raise ValueError("is a list" if isinstance(raw, list) else "is an object, and a text is wanted")
    written = str(raw).strip()
    if len(written) > longest:
        raise ValueError(f"has {len(written)} characters; at most {longest} are taken")
    for character in written:
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            raise ValueError(f"holds the character U+{ord(character):04X}, which can't be seen")
    return written


def number(raw: Any) -> Decimal:
    try:
        read = Decimal("NaN") if isinstance(raw, bool | dict | list) else Decimal(str(raw).strip())
    except InvalidOperation:
        read = Decimal("NaN")
    if not is_reckonable(read):
        raise ValueError(f"{_quoted(raw)} is no number to reckon with")
    return read


def money(amount: Decimal) -> str:
    """Two places: `12.50`."""
    if amount < 0:
        raise ValueError(f"{amount} is not a sum of money")
    return str(amount.quantize(_CENT, ROUND_HALF_UP))


def plain(read: Decimal) -> int | float:
    """As JSON writes it."""
    return int(read) if read == read.to_integral_value() else float(read)


def _not_below_zero(name: str, read: Decimal) -> Decimal:
    if name in ("qty", "handling_h") and read < 0:
        raise ValueError(f"{read} is below 0")
    return read


def _currency(code: str) -> str:
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise ValueError(f"{_quoted(code)} is no currency like USD")
    return code.upper()


def time_ms(raw: Any, zone: ZoneInfo) -> int | None:
    """Epoch milliseconds; None for what stands for "no time" (0, "", 2000-01-01).

    Numbers are epoch seconds or milliseconds, by their size; written times without a zone are those of `zone`.
    """
    if raw is None or raw == "" or raw == "0":
        return None
    at_ms = _epoch_ms(raw)
    if at_ms is None:
        try:
            at = datetime.fromisoformat(str(raw).strip())
            at_ms = to_ms(at if at.tzinfo else at.replace(tzinfo=zone).astimezone(UTC))
        except (ValueError, OverflowError):
            raise ValueError(f"{_quoted(raw)} is no time") from None
    return at_ms if is_believable(at_ms) else None


def _is_date(raw: Any) -> bool:
    return isinstance(raw, str) and _DATE.fullmatch(raw.strip()) is not None


def _end_of_day_ms(raw: str, zone: ZoneInfo) -> int | None:
    """A deadline that is a date ends with that day."""
    try:
        day = datetime.fromisoformat(raw.strip()) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise ValueError(f"{_quoted(raw)} is no time") from None
    at_ms = to_ms(day.replace(tzinfo=zone).astimezone(UTC))
    return at_ms if is_believable(at_ms) else None


def _epoch_ms(raw: Any) -> int | None:
    if isinstance(raw, bool | dict | list) or (isinstance(raw, str) and not raw.strip().lstrip("-").isdecimal()):
        return None
    epoch = number(raw)
    return int(epoch * 1000 if abs(epoch) < FEWEST_MS else epoch)


def _quoted(raw: Any) -> str:
    """Short, for a message: a payload may hold anything, and much of it."""
    shown = ascii(raw) if isinstance(raw, str | int | Decimal) else type(raw).__name__
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
