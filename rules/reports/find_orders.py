"""Orders by their own number, or by the number of one of their parcels."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rules.messages.names import parcel_name
from rules.reports.order_lines import numbers_of
from rules.state.shop import Shop

FOUND = 20
"""How many orders a search names."""

STRETCH = 5_000
"""Orders looked at before the caller may do something else; some 5 ms."""


class FoundOrder(NamedTuple):
    """An order, and whether it was found by its own number, or by its parcel's."""

    platform: str
    shop: str
    order: str
    by: str


class Search:
    """Looks for a number, trimmed and in any case, among the orders of several shops.

    `work` does it and yields after each stretch of orders, so that the caller can do something else.
    """

    def __init__(self, number: str) -> None:
        self._number = number.strip()
        self._folded = parcel_name(number)
        self.found: list[FoundOrder] = []

    def work(self, shops: Iterable[Shop]) -> Iterator[None]:
        seen = 0
        for shop in list(shops):
            seen += 1
            for order in shop.every_order():
                order_id, facts = order.id, order.facts
                seen += 1
                if order_id == self._number or order_id.upper() == self._folded:
                    self._add(shop, order_id, "order")
                elif any(parcel_name(number) == self._folded for number in numbers_of(facts)):
                    self._add(shop, order_id, "parcel")
                if len(self.found) >= FOUND:
                    return
                if seen % STRETCH == 0:
                    yield

    def _add(self, shop: Shop, order_id: str, by: str) -> None:
        self.found.append(FoundOrder(shop.platform, shop.name, order_id, by))
