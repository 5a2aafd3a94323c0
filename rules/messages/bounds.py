"""Bounds on the values in events. deploy/docs/limits.md lists them for those who write events."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta

from rules.calendar.instants import date_ms, is_believable, to_ms
from rules.messages.bad_events import BadEvent
from rules.messages.text import has_hidden

LARGEST_BYTES = 256 * 1024
"""A larger record is a mistake."""

LONGEST_H = 366 * 24
"""No seller is given more than a year to ship; a larger number has a wrong unit."""

WHOLE_DIGITS = 15
"""The most digits before the decimal point. No order costs more, and sums of smaller amounts stay exact."""

SMALLEST_EXPONENT = -40
"""Numbers closer to 0 than 1E-40 are not measured by anybody, and can't be written out."""

LONGEST_NUMBER = 50
"""The most characters of a number."""

MOST_ITEMS = 1_000
"""The most lines of one order."""

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Sku = Annotated[str, Meta(max_length=128)]
Text = Annotated[str, Meta(max_length=256)]
"""Longer text, repeated in alerts and standings, would not fit into a record."""

AlertId = Annotated[str, Meta(max_length=2_048)]
"""It contains several percent-encoded ids."""

Currency = Annotated[str, Meta(min_length=3, max_length=3, extra_json_schema={"pattern": "^[A-Z]{3}$"})]
"""`check_currency` checks the pattern: in msgspec it would take a fifth of the decoding time."""

Line = Annotated[str, Meta(min_length=1, max_length=128)]
"""Names a line of an order."""

Quantity = Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[float, Meta(ge=-(2**53), le=2**53)]
"""A decimal. That it is above 0 is held by `check_line` and `check_portions`: older facts are read as they are."""

ShipBy = Annotated[datetime, Meta(tz=True)] | int
"""An instant. Where a sender wrote a date, `odd_details` has put a `date` there, which ends with that local day."""

Whole = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""What JSON carries without loss, and every store can hold."""


def too_large(length: int) -> BadEvent:
    """The error of a record whose value has so many bytes."""
    return BadEvent(f"the record has {length:,} bytes; an event may have {LARGEST_BYTES:,}")


def check_names(named: Any, *fields: str, path: str = "$") -> None:
    """Raises BadEvent for names with invisible characters.

    Names of shops and orders are checked when the engine first meets them, since most events are of known ones.
    """
    for field in fields:
        name = getattr(named, field)
        if name is not None and has_hidden(name):
            raise BadEvent(
                f"{field} '{quoted(name)}' has control, bidirectional or zero-width characters - at `{path}.{field}`"
            )


def check_data(data: Any) -> None:
    """Raises BadEvent for bad numbers, times and names in an event of one of the rarer types."""
    for name in ("amount", "price", "score", "value"):
        number = getattr(data, name, None)
        if number is not None and not is_reckonable(number):
            raise BadEvent(f"{name} {quoted(number)} is no number to reckon with - at `$.data.{name}`")
    starts_at = getattr(data, "starts_at", None)
    if starts_at is not None and not is_believable(to_ms(starts_at)):
        raise BadEvent(unbelievable("starts_at", to_ms(starts_at), "$.data.starts_at"))
    if getattr(data, "currency", None) is not None:
        check_currency(data.currency)
    check_names(data, *(field for field in data.__struct_fields__ if field in NAMES), path="$.data")


def check_line(item: Any) -> None:
    """Raises BadEvent for a line of an order that can't be meant."""
    check_names(item, *("sku",) if item.line is UNSET else ("sku", "line"), path="$.data.items[...]")
    check_quantity(item.qty)
    if item.amount is not UNSET:
        check_amount(item.amount)


def check_portions(items: Iterable[Any]) -> None:
    """Raises BadEvent for parts of an order's lines that can't be meant."""
    for item in items:
        check_names(item, "sku", "line", path="$.data.items[...]")
        if item.qty is not None:
            check_quantity(item.qty)


def exact(qty: float) -> int | Decimal:
    """A quantity to reckon with: 0.1 is a tenth."""
    return qty if isinstance(qty, int) else Decimal(repr(qty))


def check_quantity(qty: float) -> None:
    """Raises BadEvent for nothing, or less."""
    if qty <= 0:
        raise BadEvent(f"qty {qty} is not above 0 - at `$.data.items[...].qty`")


NAMES: Final = frozenset(
    {"sku", "carrier", "region", "provider", "name", "kind", "buyer", "site", "programme", "task", "alert"}
    | {"period", "scope"}
)
"""Text of a shop's events that goes into ids and keys, or is compared; not text written for people."""


def check_amount(amount: Decimal) -> None:
    """Raises BadEvent for an amount that is no sum of money (NaN, negative, too large)."""
    if not is_reckonable(amount) or (amount.is_signed() and amount):
        raise BadEvent(f"amount {quoted(amount)} is not a sum of money - at `$.data.amount`")


def is_reckonable(number: Decimal) -> bool:
    """False for NaN, infinity, and numbers with so many digits or such an exponent that calculating with them or
    writing them out fails or takes long. Checks without calculating."""
    return (
        number.is_finite()
        and SMALLEST_EXPONENT <= number.adjusted() < WHOLE_DIGITS
        and len(str(number)) <= LONGEST_NUMBER
    )


good_currencies: Final[set[str]] = set()
"""Currencies seen so far; there are only so many of three letters."""


def check_currency(currency: str) -> None:
    """Raises BadEvent for a currency that isn't three capital letters."""
    if not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise BadEvent(f"currency '{currency}' is not three capitals - at `$.data.currency`")
    good_currencies.add(currency)


def quoted(value: object) -> str:
    """As much of a value as fits into a reason."""
    text = str(value)
    return text if len(text) <= LONGEST_NUMBER else f"{text[:LONGEST_NUMBER]}..."


def check_ship_by(ship_by: date | datetime | int, *, required: bool) -> None:
    """Raises BadEvent for epoch seconds, and if it is `required`, for what stands for no time."""
    at_ms = date_ms(ship_by) if type(ship_by) is date else to_ms(ship_by)  # type: ignore[arg-type]
    if not is_believable(at_ms) and (required or is_believable(at_ms * 1000)):
        raise BadEvent(unbelievable("ship_by", at_ms, "$.data.ship_by"))


def unbelievable(name: str, at_ms: int, path: str) -> str:
    """The message for a time that can't be meant (epoch ms)."""
    if is_believable(at_ms * 1000):
        return f"{name} {at_ms} looks like seconds; epoch milliseconds are wanted - at `{path}`"
    return f"{name} {at_ms} ms is outside 2001-2100, so it stands for no time - at `{path}`"
