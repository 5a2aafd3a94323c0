"""Quantities: what of an order's lines is open, shipped, paid back."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rules.messages.bounds import exact

Quantities = dict[str, int | Decimal]
"""By line."""

ONLY_LINE = "-"
"""The line of an order of which no items are known."""

Item = Mapping[str, Any]


class Lines:
    """An order's lines: by `line`, else by `sku`. Where no items are known it is one line, and what events say
    of items is about that one."""

    def __init__(self, items: Sequence[Item] | None) -> None:
        self.ordered: Quantities = {}
        self._by_sku: dict[str, list[str]] = {}
        for n, item in enumerate(items or ()):
            sku = item.get("sku")
            name = line_name(n, item.get("line"), sku)
            self.ordered[name] = self.ordered.get(name, 0) + exact(item.get("qty") or 1)
            if sku:
                names = self._by_sku.setdefault(sku, [])
                names += [] if name in names else [name]
        self.known = bool(self.ordered)
        if not self.known:
            self.ordered[ONLY_LINE] = 1

    def names(self, item: Item) -> list[str]:
        """The lines that a part of an order may be of; none where the order doesn't have such a line."""
        if not self.known:
            return [ONLY_LINE]
        line = item.get("line")
        if line in self.ordered:
            return [line]
        return self._by_sku.get(item.get("sku") or "", [])

    def add(self, to: Quantities, items: Iterable[Item], limit: Quantities | None = None) -> None:
        """Adds parts of lines to what there is, up to a `limit` (all that was ordered): nothing is cancelled or paid
        back more than once."""
        limit = self.ordered if limit is None else limit
        for item in items:
            names = self.names(item)
            qty = item.get("qty")
            left = None if qty is None else exact(qty)
            for name in names:
                room = max(limit.get(name, 0) - to.get(name, 0), 0)
                more = room if left is None else min(room, left)
                to[name] = to.get(name, 0) + more
                left = None if left is None else left - more

    def open(self, cancelled: Quantities) -> Quantities:
        """What was ordered and not cancelled."""
        left = {name: qty - cancelled.get(name, 0) for name, qty in self.ordered.items()}
        return {name: qty for name, qty in left.items() if qty > 0}


def line_name(n: int, line: str | None, sku: str | None) -> str:
    """What the item at position `n` of an order is called."""
    return line or sku or f"{n}"


def covers(has: Quantities, wanted: Quantities) -> bool:
    """Whether nothing of what is wanted is missing."""
    return all(has.get(name, 0) >= qty for name, qty in wanted.items())
