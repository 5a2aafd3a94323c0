"""Names of orders in few bytes, for queues that hold very many."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from rules.state.shop import Shop

Name = TypeVar("Name", str, str | None)


class OrderNames(Generic[Name]):
    """Shops and, beside each, the id of one of its orders, in the order in which they were added: 16 bytes each.

    A name says the same whether its order is encoded, leaves memory or comes back; an order held itself would have to
    be found and replaced each time.
    """

    __slots__ = ("ids", "shops")

    def __init__(self) -> None:
        self.shops: list[Shop] = []
        self.ids: list[Name] = []

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[Shop, Name]]:
        return zip(self.shops, self.ids, strict=True)

    def add(self, shop: Shop, order_id: Name) -> None:
        self.shops.append(shop)
        self.ids.append(order_id)

    def take_last(self, most: int) -> list[tuple[Shop, Name]]:
        """Removes and returns those added last, at most so many."""
        first = max(0, len(self.ids) - most)
        taken = list(zip(self.shops[first:], self.ids[first:], strict=True))
        del self.shops[first:], self.ids[first:]
        return taken
