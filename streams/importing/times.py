"""Times as files write them, read into instants (epoch ms)."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from rules.calendar.instants import is_believable, to_ms

ISO = "iso"
EPOCH_S = "epoch_s"
EPOCH_MS = "epoch_ms"
SPREADSHEET = "spreadsheet"
"""Days since 30 December 1899 as spreadsheets count them, such as 46027.75 for 18:00 on 5 January 2026."""

_SERIAL = re.compile(r"\d{5}([.,]\d+)?")
_DAY_0 = datetime(1899, 12, 30)


def instant_ms(text: str, form: str, zone: ZoneInfo | None) -> int:
    """Read one time. `form` is iso, epoch_s, epoch_ms, spreadsheet or a strptime format; `zone` is for times without.

    A time that the clocks passed twice (end of summer time) is taken as the first of the two. Raises
    ValueError with a message a person understands.
    """
    match form:
        case "epoch_s" | "epoch_ms":
            at_ms = _epoch_ms(text, form)
        case "spreadsheet":
            at_ms = _in_zone(text, _of_spreadsheet(text), zone)
        case _:
            at_ms = _in_zone(text, _written(text, form), zone)
    if not is_believable(at_ms):
        raise ValueError(f"{text!r} read as {form} is not in 2001-2100")
    return at_ms


def _epoch_ms(text: str, form: str) -> int:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number ({form})") from None
    # Beyond 10^18 nothing is a time, and 1e999999999 would take the machine's memory as an int.
    if not number.is_finite() or number.adjusted() > 18:
        raise ValueError(f"{text!r} read as {form} is out of range")
    return round(number * 1000 if form == EPOCH_S else number)


def _of_spreadsheet(text: str) -> datetime:
    try:
        days = float(text.replace(",", "."))
        return _DAY_0 + timedelta(seconds=round(days * 86_400))  # a double is exact to some microseconds
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a spreadsheet's number of days") from None


def _written(text: str, form: str) -> datetime:
    try:
        return datetime.fromisoformat(text) if form == ISO else datetime.strptime(text, form)
    except ValueError:
        wanted = "like 2026-01-31 18:30:00" if form == ISO else f"in the form {form!r}"
        hint = "; a spreadsheet's number of days is read by `time: spreadsheet`" if _SERIAL.fullmatch(text) else ""
        raise ValueError(f"{text!r} is not a time {wanted}{hint}") from None


def _in_zone(text: str, read: datetime, zone: ZoneInfo | None) -> int:
    if read.tzinfo is None and zone is None:
        raise ValueError(f"{text!r} has no zone, and none is given for the file")
    try:
        return to_ms(read if read.tzinfo else read.replace(tzinfo=zone).astimezone(UTC))
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None
