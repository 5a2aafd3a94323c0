"""A timeline: when something happened to a shop's orders, by order and sorted by time."""

from bisect import bisect_left, insort

from rules.calendar.instants import NEVER
from rules.kinds.nothing import NOTHING

OrderInstant = tuple[int, str]

_NONE: list[OrderInstant] = []
"""Like `NOTHING`."""

FEW = 16
"""Up to so many changes are applied to the sorted list one by one; more of them all at once."""


class Timeline:
    """Each order's instants (epoch ms), some of which may lie after the clock.

    They are sorted only when that is asked for: thousands of orders may be late at once, and inserting each into a long
    list takes long. `rewrites` counts how often one was removed then, or put before the last; else the list only grew
    at its end.
    """

    __slots__ = ("_in_time", "_moves", "by_order", "rewrites")

    def __init__(self) -> None:
        self.by_order: dict[str, tuple[int, ...]] = NOTHING
        self.rewrites = 0
        self._in_time: list[OrderInstant] = _NONE
        #: How many more of each entry there are than in the sorted list (negative: fewer).
        self._moves: dict[OrderInstant, int] = NOTHING

    def put(self, order: str, instants: tuple[int, ...]) -> bool:
        """Replaces an order's instants. Returns whether they differ."""
        before = self.by_order.get(order, ())
        if instants == before:
            return False
        if not self.by_order:
            self.rewrites += 1
            self.by_order, self._in_time, self._moves = {}, [], {}
        for at_ms in before:
            self._move((at_ms, order), -1)
        for at_ms in instants:
            self._move((at_ms, order), 1)
        if instants:
            self.by_order[order] = instants
        else:
            del self.by_order[order]
        return True

    def _move(self, entry: OrderInstant, more: int) -> None:
        more += self._moves.pop(entry, 0)
        if more:
            self._moves[entry] = more

    def in_time(self) -> list[OrderInstant]:
        """All entries sorted by time."""
        if self._moves:
            moves, self._moves = self._moves, {}
            if min(moves.values()) < 0 or (self._in_time and min(moves) < self._in_time[-1]):
                self.rewrites += 1
            if len(moves) > FEW:
                self._in_time = _moved(self._in_time, moves)
            else:
                for entry, more in moves.items():
                    for _ in range(more):
                        insort(self._in_time, entry)
                    for _ in range(-more):
                        del self._in_time[bisect_left(self._in_time, entry)]
        return self._in_time

    def since(self, at_ms: int) -> list[OrderInstant]:
        """The entries from a moment on, the oldest first."""
        entries = self.in_time()
        return entries[bisect_left(entries, (at_ms,)) :]

    def next_after(self, at_ms: int) -> int:
        """The first instant after a moment (epoch ms); `NEVER` if there is none."""
        entries = self.in_time()
        n = bisect_left(entries, (at_ms + 1,))
        return entries[n][0] if n < len(entries) else NEVER

    def copy(self) -> "Timeline":
        copied = Timeline()
        copied.by_order, copied._in_time, copied._moves = self.by_order.copy(), self.in_time().copy(), {}
        return copied


def _moved(entries: list[OrderInstant], moves: dict[OrderInstant, int]) -> list[OrderInstant]:
    """Entries with some added and some removed."""
    kept = []
    for entry in entries:
        if moves.get(entry, 0) < 0:
            moves[entry] += 1
        else:
            kept.append(entry)
    kept += [entry for entry, more in moves.items() for _ in range(more)]
    kept.sort()
    return kept
