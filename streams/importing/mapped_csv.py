"""A CSV of one's own as canonical events, by a mapping (see `mapping`).

A row is an order or one line of it: rows with the same platform, shop and order are one order, their lines
its items. Where the lines' times differ:

- the order is placed, and due, with the earliest of its lines;
- it is shipped, collected or delivered with the last of them, and not while one of them isn't;
- a cancelled line is waited for no more, and the order is cancelled when all of its lines are;
- a line without any time only adds its item, as in exports that tell the times on an order's first line.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, get_args

from rules.calendar.instants import rfc3339
from rules.messages.events import CancelReason, Party
from streams.importing.history import Fact, Order, Timeline, What
from streams.importing.mapping import INSTANTS, Column, Constant, Mapping
from streams.importing.report import Report
from streams.importing.table import rows
from streams.importing.times import instant_ms


@dataclass(slots=True)
class _Line:
    """One CSV row: the order's own cells and the times found in it."""

    times_ms: dict[What, int]
    ship_by_ms: int | None
    amount: Decimal | None
    sku: str
    qty: int
    cells: dict[str, str]


@dataclass(slots=True)
class _Gathered:
    """The lines of one order so far; `spoiled` when one of them could not be read."""

    currency: str
    lines: list[_Line] = field(default_factory=list)
    spoiled: bool = False


def events(file: Path, mapping: Mapping, report: Report) -> Timeline:
    """Read `file` into events sorted by time.

    Rows that can't be read go to `report`, and the order they belong to is left out: half an order's lines
    would say wrong things about the whole. Raises UnreadableError when the file or a mapped column is
    missing.
    """
    orders = _gather(file, mapping, report)
    return Timeline(
        fact for order, gathered in orders.items() if not gathered.spoiled for fact in _facts(order, gathered, mapping)
    )


def _gather(file: Path, mapping: Mapping, report: Report) -> dict[Order, _Gathered]:
    orders: dict[Order, _Gathered] = {}
    table = rows(file, mapping.csv_columns(), report, delimiter=mapping.delimiter, encoding=mapping.encoding)
    for number, row in table:
        cells = {name: row[column] for name, column in mapping.columns.items()}
        platform, shop = _value(mapping.platform, row), _value(mapping.shop, row)
        empty = [n for n, v in (("platform", platform), ("shop", shop), ("order", cells["order"])) if not v]
        if empty:
            report.bad_row(file, number, f"{empty[0]} is empty")
            continue
        currency = _value(mapping.currency, row) if mapping.currency else ""
        order = Order(mapping.source, platform, shop, cells["order"])
        gathered = orders.setdefault(order, _Gathered(currency))
        try:
            line = _line(cells, mapping)
            _agree(gathered, line, currency)
        except ValueError as error:
            report.bad_row(file, number, str(error))
            gathered.spoiled = True
            continue
        gathered.lines.append(line)
    return orders


def _value(place: Constant | Column, row: dict[str, str]) -> str:
    return place.value if isinstance(place, Constant) else row[place.name]


def _line(cells: dict[str, str], mapping: Mapping) -> _Line:
    times_ms: dict[What, int] = {}
    for what in INSTANTS:
        at_ms = _time_ms(cells, what, mapping)
        if at_ms is not None:
            times_ms[what] = at_ms
    _check_word(cells, "cancelled_by", get_args(Party))
    _check_word(cells, "cancel_reason", get_args(CancelReason))
    return _Line(
        times_ms=times_ms,
        ship_by_ms=_time_ms(cells, "ship_by", mapping),
        amount=_number(cells, "order_amount" if "order_amount" in cells else "amount", mapping.decimal),
        sku=cells.get("sku", ""),
        qty=_quantity(cells, mapping.decimal),
        cells=cells,
    )


def _check_word(cells: dict[str, str], name: str, words: tuple[str, ...]) -> None:
    if cells.get(name) and cells[name] not in words:
        raise ValueError(f"{name}: {cells[name]!r} is none of {', '.join(words)}")


def _agree(gathered: _Gathered, line: _Line, currency: str) -> None:
    """Raise ValueError where a line contradicts those before it on something an order has only one of."""
    if currency != gathered.currency:
        raise ValueError(f"currency: {currency!r}, but {gathered.currency!r} on an earlier line of the order")
    if line.amount is not None and "order_amount" in line.cells:
        before = _first(gathered.lines, line.amount)
        if before != line.amount:
            raise ValueError(f"order_amount: {line.amount}, but {before} on an earlier line of the order")


def _first(lines: list[_Line], default: Decimal) -> Decimal:
    return next((line.amount for line in lines if line.amount is not None), default)


def _time_ms(cells: dict[str, str], name: str, mapping: Mapping) -> int | None:
    text = cells.get(name, "")
    if not text or any(text == none or text.startswith((f"{none} ", f"{none}T")) for none in mapping.no_time):
        return None
    try:
        return instant_ms(text, mapping.time, mapping.zone)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _number(cells: dict[str, str], name: str, decimal: str) -> Decimal | None:
    text = cells.get(name, "")
    if not text:
        return None
    try:
        number = Decimal(text.replace(decimal, "."))
    except InvalidOperation:
        raise ValueError(f"{name}: {text!r} is not a number") from None
    if not number.is_finite() or number < 0 or number.adjusted() > 15:
        raise ValueError(f"{name}: {text!r} is out of range")
    return number


def _quantity(cells: dict[str, str], decimal: str) -> int:
    number = _number(cells, "qty", decimal)
    if number is None:
        return 1
    if number != number.to_integral_value():
        raise ValueError(f"qty: {cells['qty']!r} is not a whole number")
    return int(number)


def _facts(order: Order, gathered: _Gathered, mapping: Mapping) -> Iterator[Fact]:
    parcel = _filled(gathered.lines, {"carrier": "carrier", "tracking_no": "tracking_no"})
    tracking = _filled(gathered.lines, {"tracking_no": "tracking_no"})
    own: dict[What, dict[str, Any]] = {
        "placed": _placed_data(gathered),
        "shipped": parcel,
        "collected": parcel,
        "delivered": tracking | {"status": "delivered"},
        "cancelled": _filled(gathered.lines, {"by": "cancelled_by", "reason": "cancel_reason"}),
    }
    for what, at_ms in _order_times_ms(gathered.lines).items():
        yield Fact(order, what, at_ms, mapping.constants.get(what, {}) | own[what])


def _order_times_ms(lines: list[_Line]) -> dict[What, int]:
    timed = [line.times_ms for line in lines if line.times_ms]
    live = [times_ms for times_ms in timed if "cancelled" not in times_ms]
    found: dict[What, int] = {}
    placed = [times_ms["placed"] for times_ms in timed if "placed" in times_ms]
    if placed:
        found["placed"] = min(placed)
    if timed and not live:
        found["cancelled"] = max(times_ms["cancelled"] for times_ms in timed)
    moves: tuple[What, ...] = ("shipped", "collected", "delivered")
    for what in moves:
        # A cancelled line may have moved before it was cancelled; while there are live lines only those
        # count.
        moved = [times_ms[what] for times_ms in live or timed if what in times_ms]
        if moved and len(moved) >= len(live):
            found[what] = max(moved)
    return found


def _placed_data(gathered: _Gathered) -> dict[str, Any]:
    lines = gathered.lines
    data: dict[str, Any] = {}
    amounts = [line.amount for line in lines if line.amount is not None]
    if amounts:
        of_order = "order_amount" in lines[0].cells
        data["amount"] = format(amounts[0] if of_order else sum(amounts, Decimal(0)), "f")
    if gathered.currency:
        data["currency"] = gathered.currency
    items = [{"sku": line.sku, "qty": line.qty} for line in lines if line.sku]
    if items:
        data["items"] = items
    limits_ms = [line.ship_by_ms for line in lines if line.ship_by_ms is not None and "cancelled" not in line.times_ms]
    if limits_ms:
        data["ship_by"] = rfc3339(min(limits_ms))
    return data


def _filled(lines: list[_Line], fields: dict[str, str]) -> dict[str, Any]:
    """The first line's non-empty cell for each field; fields no line fills are left out."""
    data = {}
    for name, column in fields.items():
        cell = next((line.cells[column] for line in lines if line.cells.get(column)), None)
        if cell is not None:
            data[name] = cell
    return data
