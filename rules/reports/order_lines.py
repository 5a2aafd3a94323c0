"""An order's lines: how much of each was ordered, cancelled and shipped, and how much is left to ship."""

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET, Struct

from rules.facts.lines import line_name
from rules.facts.order_facts import DetailedFacts, OrderFacts
from rules.messages.bounds import exact


class Line(Struct):
    """Quantities are numbers of pieces, which may be fractions. `amount` is what the line costs in all, as text."""

    line: str
    sku: str | None
    product: str | None
    amount: str | None
    ordered: float
    cancelled: float
    shipped: float

    def left(self) -> float:
        """How much is still to be shipped."""
        return max(0, self.ordered - self.cancelled - self.shipped)

    def as_json(self) -> dict[str, Any]:
        return {
            "line": self.line,
            "sku": self.sku,
            "product": self.product,
            "amount": self.amount,
            "ordered": _whole(self.ordered),
            "cancelled": _whole(self.cancelled),
            "shipped": _whole(self.shipped),
        }


def lines_of(facts: OrderFacts) -> list[Line]:
    """The lines as they were ordered; none where no items are known."""
    counts = {name: rest for name, *rest in facts.lines} if isinstance(facts, DetailedFacts) else {}
    lines: dict[str, Line] = {}
    for n, item in enumerate(facts.terms.items if facts.terms is not None else ()):
        name = line_name(n, None if item.line is UNSET else item.line, item.sku)
        line = lines.get(name)
        if line is None:
            amount = None if item.amount is UNSET else str(item.amount)
            line = lines[name] = Line(name, item.sku, item.product, amount, 0, 0, 0)
        line.ordered += float(exact(item.qty))
    for name, line in lines.items():
        if name in counts:
            _, cancelled, shipped = counts[name]
            line.cancelled, line.shipped = float(cancelled), float(shipped)
        if facts.cancelled is not None and facts.shipped is None:
            line.cancelled = line.ordered - line.shipped
        elif facts.shipped is not None:
            line.shipped = line.ordered - line.cancelled
    return list(lines.values())


def to_ship(facts: OrderFacts) -> list[dict[str, Any]]:
    """The SKUs that are still to be shipped, each once, with how much of it."""
    left: dict[str, float] = {}
    for line in lines_of(facts):
        if line.sku is not None and line.left():
            left[line.sku] = left.get(line.sku, 0) + line.left()
    return [{"sku": sku, "qty": _whole(qty)} for sku, qty in sorted(left.items())]


def _whole(qty: float) -> float | int:
    """A quantity as people write it."""
    return int(qty) if qty == int(qty) else round(qty, 6)


def numbers_of(facts: OrderFacts) -> Iterator[str]:
    """The parcels' names and tracking numbers, as they were written."""
    for view in facts.parcels or (facts,):
        if view.parcel is not None:
            yield view.parcel
        if view.shipment is not None and view.shipment.tracking_no:
            yield view.shipment.tracking_no
