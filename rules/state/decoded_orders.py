"""The orders in memory that may be encoded, those decoded for longest first."""

from collections.abc import Iterator

from rules.state.shop import Order


class DecodedOrders:
    """A queue from which any order can be removed: else those that have left memory would stay until their turn came.

    Two plain dicts take a quarter of an `OrderedDict`'s memory; and they become small again with the number of orders,
    as they are made anew each time all have been looked at.
    """

    __slots__ = ("_back", "_front")

    def __init__(self) -> None:
        self._front: dict[Order, None] = {}  # the next is the last, which a dict gives up at once
        self._back: dict[Order, None] = {}

    def __len__(self) -> int:
        return len(self._front) + len(self._back)

    def __iter__(self) -> Iterator[Order]:
        yield from reversed(self._front)
        yield from self._back

    def add(self, order: Order) -> None:
        """Adds an order that isn't among them."""
        self._back[order] = None

    def discard(self, order: Order) -> None:
        """Removes an order, if it is among them."""
        self._front.pop(order, None)
        self._back.pop(order, None)

    def take_first(self) -> Order:
        """Removes and returns the order that was added first. Raises KeyError if there is none."""
        if not self._front:
            self._front, self._back = dict.fromkeys(reversed(self._back)), {}
        return self._front.popitem()[0]
