"""Which orders have left memory, by their hashes."""

from typing import Final, Protocol

from rules.messages.names import shop_key
from rules.state.hashed_keys import HashedKeys

OrderKey = tuple[str, str]
"""A shop's key and the order's id."""

FIRST: Final = b""
"""Before every place in the store."""


class CountedOrders(Protocol):
    """The orders in the store that checkpoints count, shop by shop, each at a place that sorts."""

    def counted_of(self, platform: str, shop: str, start: bytes, most: int) -> tuple[list[str], bytes | None]:
        """The next of a shop's, from the place `start` on, and where those after them start; None where there are
        none."""


class EvictedOrders(HashedKeys):
    """Those that have left since the start are added as they do. Those that had left before, and that a checkpoint
    counts, are added later, some at a time (`fill`): until all of a shop's are, whether an order of it has left is
    known only by asking the store (`may_have`).

    `unfilled`: the shops of which that holds, by key. The last is the one that is being gone through, up to the place
    `_start`. `_came_back`: their orders that have come back or were dropped since the start, of which it is known.
    """

    __slots__ = ("_came_back", "_start", "_yet_to_add", "unfilled")

    def __init__(self) -> None:
        super().__init__()
        self.unfilled: dict[str, tuple[str, str]] = {}
        self._came_back: set[OrderKey] = set()
        self._start = FIRST
        self._yet_to_add = 0

    def __len__(self) -> int:
        return super().__len__() + self._yet_to_add

    def restore(self, platform: str, shop: str, number: int) -> None:
        """So many orders of a shop had left before the start."""
        self.unfilled[shop_key(platform, shop)] = platform, shop
        self._start = FIRST
        self._yet_to_add += number

    def may_have(self, key: OrderKey) -> bool:
        """Whether an order that isn't in here may have left, so that the store is to be asked."""
        return key[0] in self.unfilled and key not in self._came_back

    def take_back(self, key: OrderKey, place: bytes | None) -> None:
        """An order has come back. `place`: where it lies in the store, if a checkpoint counts it."""
        if key[0] in self.unfilled:
            is_first = key not in self._came_back
            self._came_back.add(key)
            if is_first and place is not None and not self._has_passed(key[0], place):
                self._yet_to_add -= 1
                return
        self.remove(key)

    def note_back(self, key: OrderKey) -> None:
        """An order that a checkpoint counts had come back before the start."""
        self._came_back.add(key)
        self._yet_to_add -= 1

    def note_dropped(self, key: OrderKey) -> None:
        """An order in memory was dropped; the store may still have it."""
        if key[0] in self.unfilled:
            self._came_back.add(key)

    def _has_passed(self, shop: str, place: bytes) -> bool:
        return shop == next(reversed(self.unfilled)) and place < self._start

    def fill(self, store: CountedOrders, most: int) -> None:
        """Adds some of the orders that had left before the start; looks at `most`."""
        while most > 0 and self.unfilled:
            key = next(reversed(self.unfilled))
            orders, following = store.counted_of(*self.unfilled[key], self._start, most)
            for order in orders:
                if (key, order) not in self._came_back:
                    self.add((key, order))
                    self._yet_to_add -= 1
            most -= 1 + len(orders)
            self._start = FIRST if following is None else following
            if following is None:
                del self.unfilled[key]
        if not self.unfilled:
            self._came_back.clear()
