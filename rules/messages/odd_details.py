"""Events with a detail that can't be read: they count without it."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields, replace

from rules.calendar.instants import is_believable, to_ms
from rules.messages.bad_events import BadEvent
from rules.messages.bounds import (
    MOST_ITEMS,
    NAMES,
    check_amount,
    check_currency,
    check_quantity,
    check_ship_by,
    is_reckonable,
    quoted,
    unbelievable,
)
from rules.messages.envelope import Event
from rules.messages.text import has_hidden

EXACT: Final = 2**53
"""Whole numbers below this survive every sender's JSON library to the digit, so they may stand for text."""

DECISIVE: Final = (NAMES - {"site", "programme"}) | {"score", "price", "value", "total", "preorder", "state", "cause"}
"""What a shop's event is about, or all it says: without it nothing would be left of the event."""

_OF_ORDERS: Final = frozenset({"line", "parcel", "replaces", "into"})
"""Names in an order's events, beside those in `NAMES`."""

_generic = msgspec.json.Decoder(float_hook=Decimal)
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PLACE = re.compile(r" - at `[^`]*`$")


def read_leniently(raw: bytes, error: Exception, types: Mapping[str, type[Event]]) -> tuple[Any, list[str]]:
    """An event without the details of its `data` that can't be read, and what was left out, with the reason. Numbers
    for text, and text for numbers, are read where there is no doubt; null says nothing.

    Raises BadEvent where what is wrong lies elsewhere: `error` is what was found first.
    """
    try:
        message = _generic.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError):
        raise BadEvent(str(error)) from None
    found = types.get(message["type"]) if isinstance(message, dict) and isinstance(message.get("type"), str) else None
    if found is None:
        raise BadEvent(str(error))
    return _Reader(found, error).read(message)


class _Reader:
    def __init__(self, kind: type[Event], error: Exception) -> None:
        self._kind = kind
        self._data_type: type[Struct] = kind.__annotations__["data"]
        self._error = error
        self._of_shop = not any(field.name == "order" and field.required for field in fields(kind))
        self._odd: list[str] = []

    def read(self, message: dict[str, Any]) -> tuple[Any, list[str]]:
        clean = self._struct(self._data_type, self._data(message.get("data")), "data")
        day = clean.get("ship_by")
        if type(day) is date:
            clean["ship_by"] = 0
        try:
            event = msgspec.convert({**message, "data": clean}, self._kind)
        except msgspec.ValidationError as error:
            raise BadEvent(str(self._error if "`$.data" not in str(self._error) else error)) from None
        if type(day) is date:
            event = replace(event, data=replace(event.data, ship_by=day))  # type: ignore[attr-defined]
        return event, self._odd

    def _data(self, data: Any) -> dict[str, Any]:
        """The fields of `data`; null says nothing. Raises BadEvent where a shop's event has no fields."""
        if isinstance(data, dict):
            return data
        if data is not None:
            try:
                msgspec.convert(data, self._data_type)
            except msgspec.ValidationError as error:
                if self._of_shop:
                    raise BadEvent(str(self._error)) from None
                self._odd.append(f"data: {error}")
        return {}

    def _struct(self, kind: type[Struct], written: dict[str, Any], path: str) -> dict[str, Any]:
        """The fields that can be read, as `msgspec.convert` takes them."""
        clean = {}
        for field in fields(kind):
            value = written.get(field.encode_name)
            if value is None:
                continue
            here = f"{path}.{field.encode_name}"
            try:
                clean[field.encode_name] = self._value(field, value, here)
            except (msgspec.ValidationError, BadEvent) as error:
                self._leave_out(field, here, error)
        return clean

    def _leave_out(self, field: FieldInfo, here: str, error: Exception) -> None:
        if field.required or (self._of_shop and field.name in DECISIVE):
            raise BadEvent(f"{_PLACE.sub('', str(error))} - at `$.{here}`")
        self._odd.append(f"{here}: {_PLACE.sub('', str(error))}")

    def _value(self, field: FieldInfo, value: Any, here: str) -> Any:
        """A field's value as it can be taken. Raises ValidationError or BadEvent."""
        if field.name == "items":
            return self._items(field, value, here)
        if field.name == "ship_by" and isinstance(value, str) and _DATE.fullmatch(value):
            return self._checked("ship_by", _day(value), value)
        try:
            return self._checked(field.name, msgspec.convert(value, field.type), value)
        except msgspec.ValidationError:
            other = _other_form(field.name, value)
            if other is None:
                raise
            read = _converted(other, field)
            if read is None:
                raise
            return self._checked(field.name, read, other)

    def _items(self, field: FieldInfo, value: Any, here: str) -> list[dict[str, Any]]:
        if not isinstance(value, list) or len(value) > MOST_ITEMS:
            msgspec.convert(value, field.type)
        item_type = next(kind for kind in _parts(field.type) if isinstance(kind, type) and issubclass(kind, Struct))
        clean = []
        for n, item in enumerate(value):
            if isinstance(item, dict):
                clean.append(self._struct(item_type, item, f"{here}[{n}]"))
            else:
                self._odd.append(f"{here}[{n}]: {quoted(item)} is no item")
        return clean

    def _checked(self, name: str, value: Any, written: Any) -> Any:
        """What was `written`, where the value is one that can be meant. Raises BadEvent."""
        if name == "amount" and not self._of_shop:
            check_amount(value)
        elif name in ("amount", "price", "score", "value") and not is_reckonable(value):
            raise BadEvent(f"{name} {quoted(value)} is no number to reckon with")
        elif name == "currency":
            check_currency(value)
        elif name == "qty":
            check_quantity(value)
        elif name == "ship_by":
            check_ship_by(value, required=self._data_type.__name__ == "DeadlineData")
            return value if type(value) is date else written
        elif name == "starts_at" and not is_believable(to_ms(value)):
            raise BadEvent(unbelievable(name, to_ms(value), "$"))
        elif (name in NAMES or name in _OF_ORDERS) and has_hidden(value):
            raise BadEvent(f"{name} '{quoted(value)}' has control, bidirectional or zero-width characters")
        return written


def _converted(other: Any, field: FieldInfo) -> Any:
    """Another form of a value, as its field takes it; None where it is of no type that the field takes, so that what is
    said is said of the value as it was sent. Raises ValidationError where it is out of bounds."""
    try:
        return msgspec.convert(other, field.type)
    except msgspec.ValidationError as error:
        if ", got `" in str(error):
            return None
        raise


def _other_form(name: str, value: Any) -> Any:
    """A number as text, or text as a number; None where there is doubt."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < EXACT else None
    if isinstance(value, str) and name != "ship_by" and _NUMBER.fullmatch(value.strip()):
        number = Decimal(value.strip())
        return int(number) if number == number.to_integral_value() else number
    return None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadEvent(f"ship_by {text}: {error}") from None


def _parts(kind: Any) -> list[Any]:
    """A type and all that it is made of."""
    return [kind, *(part for inner in get_args(kind) for part in _parts(inner))]
