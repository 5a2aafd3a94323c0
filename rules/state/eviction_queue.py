"""Orders by the hour from which they may leave memory."""

from heapq import heappop, heappush

from rules.calendar.instants import HOUR_MS
from rules.state.order_names import OrderNames
from rules.state.shop import OrderInMemory, Shop


class EvictionQueue:
    """Names of orders by the first full hour at which each may leave: at it none needs to be put back for being early.
    A name may be in several lists, and its order may no longer be one to leave: whoever takes it looks again."""

    __slots__ = ("_by_hour", "_hours")

    def __init__(self) -> None:
        self._by_hour: dict[int, OrderNames[str]] = {}
        self._hours: list[int] = []  # a heap

    def add(self, order: OrderInMemory, at_ms: int) -> None:
        """Adds an order that may leave from a moment on (epoch ms)."""
        hour = -(-at_ms // HOUR_MS)
        names = self._by_hour.get(hour)
        if names is None:
            names = self._by_hour[hour] = OrderNames()
            heappush(self._hours, hour)
        names.add(order.shop, order.id)

    def take(self, at_ms: int, most: int) -> list[tuple[Shop, str]]:
        """Removes and returns the orders of hours that have begun, at most so many."""
        taken: list[tuple[Shop, str]] = []
        while self._hours and self._hours[0] <= at_ms // HOUR_MS and len(taken) < most:
            names = self._by_hour[self._hours[0]]
            taken += names.take_last(most - len(taken))
            if not names:
                del self._by_hour[heappop(self._hours)]
        return taken
