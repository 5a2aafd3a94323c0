"""When something happened to a shop's orders, by order and in time."""

from bisect import bisect_left, insort

from rules.instants import NEVER
from rules.nothing import NOTHING

_NONE: list[tuple[int, str]] = []
"""Like `NOTHING`."""


class Timeline:
    """The instants (epoch ms) of each order at which it happened, some of which may lie ahead of the clock."""

    __slots__ = ("_in_time", "by_order")

    def __init__(self) -> None:
        self.by_order: dict[str, tuple[int, ...]] = NOTHING
        self._in_time: list[tuple[int, str]] = _NONE

    def put(self, order: str, instants: tuple[int, ...]) -> bool:
        """These are an order's instants now; whether that is news."""
        before = self.by_order.get(order, ())
        if instants == before:
            return False
        if not self.by_order:
            self.by_order, self._in_time = {}, []
        for at_ms in before:
            del self._in_time[bisect_left(self._in_time, (at_ms, order))]
        for at_ms in instants:
            insort(self._in_time, (at_ms, order))
        if instants:
            self.by_order[order] = instants
        else:
            del self.by_order[order]
        return True

    def since(self, at_ms: int) -> list[tuple[int, str]]:
        """When it happened from a moment on, and to which order, the oldest first."""
        return self._in_time[bisect_left(self._in_time, (at_ms,)) :]

    def next_after(self, at_ms: int) -> int:
        """When it happens next, as far as is known (epoch ms); `NEVER` where it doesn't."""
        n = bisect_left(self._in_time, (at_ms + 1,))
        return self._in_time[n][0] if n < len(self._in_time) else NEVER

    def copy(self) -> "Timeline":
        copied = Timeline()
        copied.by_order, copied._in_time = self.by_order.copy(), self._in_time.copy()
        return copied
