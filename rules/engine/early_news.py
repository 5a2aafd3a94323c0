"""News of parcels that come before what they are about: the order, its shipment.

Topics have no order among them, so this is common in a backlog. Merged at once, such news makes an order more than a
plain one for a while, at a hundred times the cost of plain news. So it waits until rules are evaluated or changes are
drained; by then the rest has mostly come. `tests/rules/engine/test_early_news.py` holds that nothing differs by it.
"""

from collections.abc import Iterator
from typing import Any, Final

from rules.messages.events import PickupCollected, PickupFailed, TrackingUpdated
from rules.state.shop import Order

NEWS: Final = frozenset({PickupCollected, PickupFailed, TrackingUpdated})

Kept = tuple[Order, Any, int]
"""An order, an event of it and its time (epoch ms)."""


class EarlyNews:
    """What waits, of all orders of a partition."""

    __slots__ = ("_is_taken", "_kept")

    def __init__(self) -> None:
        self._kept: list[Kept] = []
        self._is_taken = False

    def keep(self, order: Order, event: Any, at_ms: int) -> bool:
        """Has an event wait that an order can't take as a plain one. False where waiting brings nothing."""
        if self._is_taken or type(event) not in NEWS or not order.facts.plain:
            return False
        self._kept.append((order, event, at_ms))
        return True

    def take(self) -> Iterator[Kept]:
        """What has waited, each once; meanwhile nothing is kept."""
        if self._kept:
            kept, self._kept = self._kept, []
            self._is_taken = True
            try:
                yield from kept
            finally:
                self._is_taken = False
