"""Orders by the hour from which they may leave memory."""

from collections.abc import Iterator
from heapq import heappop, heappush

from rules.calendar.instants import HOUR_MS
from rules.state.hourly_cursor import HourlyCursor
from rules.state.shop import OrderInMemory


class EvictionQueue:
    """Lists of orders by the first full hour at which each may leave: at it none needs to be put back for being early.
    An order may be in several, and may no longer be one to leave: whoever takes it looks again."""

    __slots__ = ("_by_hour", "_cursor", "_hours")

    def __init__(self) -> None:
        self._by_hour: dict[int, list[OrderInMemory]] = {}
        self._hours: list[int] = []  # a heap
        self._cursor: HourlyCursor[OrderInMemory] = HourlyCursor()

    def add(self, order: OrderInMemory, at_ms: int) -> None:
        """Adds an order that may leave from a moment on (epoch ms)."""
        hour = -(-at_ms // HOUR_MS)
        orders = self._by_hour.get(hour)
        if orders is None:
            orders = self._by_hour[hour] = []
            heappush(self._hours, hour)
        orders.append(order)

    def parts(self, most: int) -> Iterator[list[OrderInMemory]]:
        """The next `most` entries in lists that may be changed, as in `HourlyCursor`."""
        for _, orders in self._cursor.parts(self._by_hour, most):
            yield orders

    def take(self, at_ms: int, most: int) -> list[OrderInMemory]:
        """Removes and returns the orders of hours that have begun, at most so many."""
        taken: list[OrderInMemory] = []
        while self._hours and self._hours[0] <= at_ms // HOUR_MS and len(taken) < most:
            orders = self._by_hour[self._hours[0]]
            room = most - len(taken)
            taken += orders[-room:]
            del orders[-room:]
            if not orders:
                del self._by_hour[heappop(self._hours)]
        return taken
