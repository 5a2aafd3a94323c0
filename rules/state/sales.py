"""A shop's sales: units per SKU and local day, from which the pace of a stock follows."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import structs

from rules.calendar.days import day_of
from rules.facts.lines import line_name
from rules.facts.order_facts import DetailedFacts, OrderFacts
from rules.kinds.nothing import NOTHING
from rules.messages.bounds import exact
from rules.messages.events import Item

Sale = tuple[int, tuple[Item, ...]]
"""What one order sold: its local day, and its items."""

SEEN_BEFORE_DAYS = 30
"""How many days before the days asked for a SKU's first sale is looked for; orders are kept that long in any case."""


class Sales:
    """Units sold, `by_sku` and local day; goods sold by weight have decimals. Nothing is counted before the first stock
    level is known (`counting`), since nothing else asks for sales."""

    __slots__ = ("by_sku", "counting")

    def __init__(self) -> None:
        self.counting = False
        self.by_sku: dict[str, dict[int, int | Decimal]] = NOTHING

    def clear(self) -> None:
        """Forgets all sales, before orders are counted anew."""
        self.by_sku = NOTHING

    def replace(self, before: Sale | None, after: Sale | None) -> list[str]:
        """Replaces what an order sold. Returns the SKUs whose sales have changed."""
        self.by_sku = self.by_sku or {}
        changed: list[str] = []
        for sale, sign in ((before, -1), (after, 1)):
            day, items = sale or (0, ())
            for item in items:
                self._add(item.sku or "-", day, sign * exact(item.qty))
                changed.append(item.sku or "-")
        return changed

    def add_all(self, by_sku: Mapping[str, Mapping[int, int | Decimal]]) -> None:
        """Adds units sold, by SKU and local day."""
        for sku, by_day in by_sku.items():
            self.by_sku = self.by_sku or {}
            for day, units in by_day.items():
                self._add(sku, day, units)

    def _add(self, sku: str, day: int, units: int | Decimal) -> None:
        by_day = self.by_sku.setdefault(sku, {})
        by_day[day] = by_day.get(day, 0) + units
        if not by_day[day]:
            del by_day[day]
        if not by_day:
            del self.by_sku[sku]

    def __contains__(self, sku: object) -> bool:
        """Whether any units of a SKU were sold."""
        return sku in self.by_sku

    def of(self, sku: str | None, days: int, today: int) -> tuple[float, int]:
        """Units of a SKU sold in so many local days, and on how many of these it was on sale. Today isn't over, so it
        only counts if it makes sales faster."""
        by_day = self.by_sku.get(sku or "-", {})
        return max((_in_days(by_day, days, last) for last in (today - 1, today)), key=_pace)


def sale_of(facts: OrderFacts, zone: str) -> Sale | None:
    """What an order sold; None if it was cancelled, or too little is known of it."""
    if facts.placed is None or facts.terms is None or facts.cancelled is not None:
        return None
    return day_of(facts.placed[0], zone), facts.terms.items if facts.plain else _not_cancelled(facts)


def _not_cancelled(facts: OrderFacts) -> tuple[Item, ...]:
    """An order's items, without what was cancelled of them."""
    assert isinstance(facts, DetailedFacts) and facts.terms is not None
    gone = {name: cancelled for name, _, cancelled, _ in facts.lines}
    kept: list[Item] = []
    for n, item in enumerate(facts.terms.items):
        name, qty = line_name(n, item.line or None, item.sku), exact(item.qty)
        less = min(qty, gone.get(name, 0))
        if less:
            gone[name] -= less
            item = structs.replace(item, qty=qty - less)
        kept += [item] if qty > less else []
    return tuple(kept)


def _in_days(by_day: dict[int, int | Decimal], days: int, last: int) -> tuple[float, int]:
    """Units sold in the days up to `last`, and on how many of these the SKU was on sale: since its first sale in them
    or shortly before."""
    inside = [units for day, units in by_day.items() if last - days < day <= last]
    if not inside:
        return 0, 0
    first = min(day for day in by_day if day > last - days - SEEN_BEFORE_DAYS)
    units = sum(inside)
    return int(units) if units == int(units) else float(units), min(days, last - first + 1)


def _pace(sold: tuple[float, int]) -> float:
    units, days = sold
    return units / days if days else 0.0
