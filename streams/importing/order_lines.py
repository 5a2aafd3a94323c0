"""An order's lines as facts of the order, its parcels and its lines.

- The order is placed, and due, with the earliest of its lines.
- Lines that went out under one parcel are one parcel. It is shipped, collected or delivered with the last of them, and
  not while one of them isn't. An order with one parcel, that all its lines are in, says nothing of parcels.
- A cancelled line is waited for no more. The order is cancelled when all of its lines are; else the lines are.
- A line without any time only adds its item, as in exports that tell the times on an order's first line.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from rules.calendar.instants import rfc3339
from streams.importing.history import Fact, Order, What

MOVES: tuple[What, ...] = ("shipped", "collected", "delivered")


@dataclass(slots=True)
class Line:
    """One row: the order's own cells and the times (epoch ms) found in it. `name` names it in the order."""

    name: str
    times_ms: dict[What, int]
    ship_by_ms: int | None
    amount: Decimal | None
    sku: str
    qty: float
    cells: dict[str, str]

    @property
    def parcel(self) -> str:
        return self.cells.get("parcel") or self.cells.get("tracking_no", "").upper()

    def item(self) -> dict[str, Any]:
        """It among several: with its name."""
        sku = {"sku": self.sku} if self.sku else {}
        return {"line": self.name, **sku, "qty": self.qty}


def facts(order: Order, lines: list[Line], currency: str, constants: dict[str, dict[str, Any]]) -> Iterator[Fact]:
    """`constants` are more data for every fact of a kind."""
    timed = [line for line in lines if line.times_ms]
    live = [line for line in timed if "cancelled" not in line.times_ms]
    gone = [line for line in timed if "cancelled" in line.times_ms]
    parcels = _parcels(live)
    is_split = len(parcels) > 1 or (any("shipped" not in line.times_ms for line in live) and bool(parcels))
    in_parts = is_split or bool(live and gone)
    placed = [line.times_ms["placed"] for line in timed if "placed" in line.times_ms]
    if placed:
        data = constants.get("placed", {}) | _placed_data(lines, currency, in_parts)
        yield Fact(order, "placed", min(placed), data)
    if live and gone:
        yield from _part_cancelled(order, gone, constants.get("cancelled", {}))
    elif gone:
        data = constants.get("cancelled", {}) | _cells(lines, {"by": "cancelled_by", "reason": "cancel_reason"})
        yield Fact(order, "cancelled", max(line.times_ms["cancelled"] for line in gone), data)
    if is_split:
        for number, parcel in enumerate(parcels, 1):
            yield from _moves(order, parcel, parcel, constants, parcel[0].parcel or str(number))
    else:
        yield from _moves(order, live or timed, lines, constants)


def _parcels(live: list[Line]) -> list[list[Line]]:
    """The lines that were shipped, by the parcel they are in."""
    shipped = sorted((line for line in live if "shipped" in line.times_ms), key=lambda line: line.parcel)
    return [list(lines) for _, lines in groupby(shipped, key=lambda line: line.parcel)]


def _moves(
    order: Order, moved: list[Line], filled: list[Line], constants: dict[str, dict[str, Any]], parcel: str = ""
) -> Iterator[Fact]:
    """What became of some lines that travel together; `filled` are those whose cells count."""
    names = {"parcel": "parcel", "tracking_no": "tracking_no"}
    of: dict[What, dict[str, Any]] = {
        "shipped": _cells(filled, {**names, "carrier": "carrier"}),
        "collected": _cells(filled, {**names, "carrier": "carrier"}),
        "delivered": {**_cells(filled, names), "status": "delivered"},
    }
    if parcel:
        of["shipped"]["items"] = [line.item() for line in moved]
    for what in MOVES:
        times_ms = [line.times_ms[what] for line in moved if what in line.times_ms]
        # Lines that were cancelled all the same may have moved before that: they needn't all have.
        all_have = len(times_ms) == len(moved) or "cancelled" in moved[0].times_ms
        if times_ms and all_have:
            yield Fact(order, what, max(times_ms), constants.get(what, {}) | of[what], parcel)


def _part_cancelled(order: Order, gone: list[Line], constants: dict[str, Any]) -> Iterator[Fact]:
    """Lines cancelled while others go on, those of one moment, party and reason together."""

    def how(line: Line) -> tuple[int, str, str]:
        return line.times_ms["cancelled"], line.cells.get("cancelled_by", ""), line.cells.get("cancel_reason", "")

    for (at_ms, _, _), group in groupby(sorted(gone, key=how), key=how):
        lines = list(group)
        data = constants | _cells(lines, {"by": "cancelled_by", "reason": "cancel_reason"})
        data["items"] = [line.item() for line in lines]
        yield Fact(order, "cancelled", at_ms, data, "+".join(line.name for line in lines))


def _placed_data(lines: list[Line], currency: str, in_parts: bool) -> dict[str, Any]:
    data: dict[str, Any] = {}
    amounts = [line.amount for line in lines if line.amount is not None]
    of_order = "order_amount" in lines[0].cells
    if amounts:
        data["amount"] = format(amounts[0] if of_order else sum(amounts, Decimal(0)), "f")
    if currency:
        data["currency"] = currency
    if in_parts:
        data["items"] = [_with_amount(line, of_order) for line in lines]
    elif items := [{"sku": line.sku, "qty": line.qty} for line in lines if line.sku]:
        data["items"] = items
    limits_ms = [line.ship_by_ms for line in lines if line.ship_by_ms is not None and "cancelled" not in line.times_ms]
    if limits_ms:
        data["ship_by"] = rfc3339(min(limits_ms))
    return data


def _with_amount(line: Line, of_order: bool) -> dict[str, Any]:
    if of_order or line.amount is None:
        return line.item()
    return line.item() | {"amount": format(line.amount, "f")}


def _cells(lines: list[Line], fields: dict[str, str]) -> dict[str, Any]:
    """The first line's non-empty cell for each field; fields no line fills are left out."""
    data = {}
    for name, column in fields.items():
        cell = next((line.cells[column] for line in lines if line.cells.get(column)), None)
        if cell is not None:
            data[name] = cell
    return data
