"""Orders by their own number, or by the number of one of their parcels."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rules.messages.names import parcel_name
from rules.reports.order_lines import numbers_of
from rules.state.shop import Order, Shop

FOUND = 20
"""How many orders a search names."""

STRETCH = 1_000
"""Orders looked at before the caller may do something else; some 5 ms where they aren't in memory."""


class FoundOrder(NamedTuple):
    """An order, and whether it was found by its own number, or by its parcel's."""

    platform: str
    shop: str
    order: str
    by: str


class Search:
    """Looks for a number, trimmed and in any case, among the orders of several shops: first for orders of exactly that
    number, which takes no time, and only where there are none among all orders and their parcels.

    `work` does it and yields after each stretch of orders, so that the caller can do something else, or end it.
    """

    def __init__(self, number: str) -> None:
        self._number = number.strip()
        self._folded = parcel_name(number)
        self.found: list[FoundOrder] = []

    def work(self, shops: Iterable[Shop]) -> Iterator[None]:
        shops = list(shops)
        for shop in shops:
            if len(self.found) < FOUND and shop.order_facts(self._number) is not None:
                self._add(shop, self._number, "order")
        if not self.found:
            yield from self._search(shops)

    def _search(self, shops: list[Shop]) -> Iterator[None]:
        seen = 0
        for shop in shops:
            for order in shop.every_order():
                seen += 1
                if order is not None:
                    self._compare(shop, order)
                if len(self.found) >= FOUND:
                    return
                if seen % STRETCH == 0:
                    yield

    def _compare(self, shop: Shop, order: Order) -> None:
        if order.id.upper() == self._folded:
            self._add(shop, order.id, "order")
        elif any(parcel_name(number) == self._folded for number in numbers_of(order.facts)):
            self._add(shop, order.id, "parcel")

    def _add(self, shop: Shop, order_id: str, by: str) -> None:
        self.found.append(FoundOrder(shop.platform, shop.name, order_id, by))
