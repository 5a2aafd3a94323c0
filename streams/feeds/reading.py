"""Reads the value that a source file's `Value` describes from a record."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rules.calendar.instants import rfc3339
from streams.feeds import values
from streams.feeds.expressions import Value, look_up
from streams.feeds.paths import Path

Tables = Mapping[str, Mapping[str, str | None]]


def value(name: str, wanted: Value, scope: Mapping[str, Any], tables: Tables, zone: ZoneInfo) -> Any:
    """The value of the field `name`; None if the record has none. Raises ValueError, saying what is wrong with it."""
    how = wanted.reading
    if how.fields:
        return _items(wanted, scope, tables, zone) or None
    if how.table is not None:
        return _from_table(wanted, scope, tables[how.table])
    found = [each for raw in _raw(wanted, scope) if (each := values.read(name, raw, zone)) is not None]
    if not found:
        return None
    if how.take == "sum":
        return _scaled(name, sum((values.number(each) for each in found), Decimal(0)), wanted)
    if how.take == "first":
        return _scaled(name, found[0], wanted)
    instants = [at_ms for each in found if (at_ms := values.time_ms(each, zone)) is not None]
    return rfc3339(min(instants) if how.take == "earliest" else max(instants))


def _raw(wanted: Value, scope: Mapping[str, Any]) -> Iterator[Any]:
    """The values at the paths; a list is read part by part."""
    how = wanted.reading
    if how.each is not None:
        yield from (_reckoned(wanted, each) for each in _listed(how.each, scope))
        return
    for path in wanted.paths:
        found = path.search(scope)
        if isinstance(found, list):
            yield from found
        else:
            yield found


def _reckoned(wanted: Value, each: Any) -> Any:
    """The computed value of one part of a list."""
    how = wanted.reading
    found = next((raw for path in wanted.paths if (raw := path.search(each)) is not None), None)
    if found is None or how.times is how.less is None:
        return found
    times = 1 if how.times is None else values.number(how.times.search(each))
    less = 0 if how.less is None else values.number(how.less.search(each) or 0)
    return values.number(found) * times - less


def _listed(path: Path, scope: Mapping[str, Any]) -> list[Any]:
    found = path.search(scope)
    return found if isinstance(found, list) else []


def _scaled(name: str, found: Any, wanted: Value) -> Any:
    how = wanted.reading
    if how.multiply == how.divide == 1 and how.take != "sum":
        return found
    scaled = values.number(found) * how.multiply / how.divide
    return values.money(scaled) if name in values.MONEY else values.plain(scaled)


def _from_table(wanted: Value, scope: Mapping[str, Any], table: Mapping[str, str | None]) -> str | None:
    found = next((word for raw in _raw(wanted, scope) if (word := values.text(raw, values.LONGEST_TEXT))), "")
    known, meant = look_up(table, found)
    if not known and found:
        raise ValueError(f"{found!r} is not known")
    return meant


def _items(wanted: Value, scope: Mapping[str, Any], tables: Tables, zone: ZoneInfo) -> list[dict[str, Any]]:
    """The items of a list; those that differ only in their quantity are one."""
    how = wanted.reading
    items: dict[tuple[tuple[str, Any], ...], Decimal] = {}
    for each in _listed(how.each, scope) if how.each is not None else ():
        fields = {name: value(name, field, each, tables, zone) for name, field in how.fields.items()}
        quantity = fields.pop("qty", None)
        same = tuple((name, found) for name, found in fields.items() if found is not None)
        items[same] = items.get(same, Decimal(0)) + Decimal(1 if quantity is None else str(quantity))
    return [_in_order(dict(same), values.plain(quantity)) for same, quantity in items.items()]


def _in_order(fields: dict[str, Any], quantity: int | float) -> dict[str, Any]:
    return {"sku": fields.pop("sku"), "qty": quantity} | fields if "sku" in fields else fields | {"qty": quantity}
