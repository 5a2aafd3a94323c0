"""When something happened to a shop's orders, by order and in time."""

from bisect import bisect_left, insort

from rules.calendar.instants import NEVER
from rules.kinds.nothing import NOTHING

Entry = tuple[int, str]

_NONE: list[Entry] = []
"""Like `NOTHING`."""

FEW = 16
"""So many entries are put into the list, or taken out, one by one; more of them all at once."""


class Timeline:
    """The instants (epoch ms) of each order at which it happened, some of which may lie ahead of the clock.

    They are put in time when that is asked for: thousands of orders may be late at once, and a long list takes long to
    insert each. `rewrites`: how often one was then taken out, or put before the last; else it only grew at its end.
    """

    __slots__ = ("_in_time", "_moves", "by_order", "rewrites")

    def __init__(self) -> None:
        self.by_order: dict[str, tuple[int, ...]] = NOTHING
        self.rewrites = 0
        self._in_time: list[Entry] = _NONE
        #: How many more of an entry there are than in that list, or less.
        self._moves: dict[Entry, int] = NOTHING

    def put(self, order: str, instants: tuple[int, ...]) -> bool:
        """These are an order's instants now; whether that is news."""
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

    def _move(self, entry: Entry, more: int) -> None:
        more += self._moves.pop(entry, 0)
        if more:
            self._moves[entry] = more

    def in_time(self) -> list[Entry]:
        """All entries in time."""
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

    def since(self, at_ms: int) -> list[Entry]:
        """When it happened from a moment on, and to which order, the oldest first."""
        entries = self.in_time()
        return entries[bisect_left(entries, (at_ms,)) :]

    def next_after(self, at_ms: int) -> int:
        """When it happens next, as far as is known (epoch ms); `NEVER` where it doesn't."""
        entries = self.in_time()
        n = bisect_left(entries, (at_ms + 1,))
        return entries[n][0] if n < len(entries) else NEVER

    def copy(self) -> "Timeline":
        copied = Timeline()
        copied.by_order, copied._in_time, copied._moves = self.by_order.copy(), self.in_time().copy(), {}
        return copied


def _moved(entries: list[Entry], moves: dict[Entry, int]) -> list[Entry]:
    """Entries in time, with some more, and some less."""
    kept = []
    for entry in entries:
        if moves.get(entry, 0) < 0:
            moves[entry] += 1
        else:
            kept.append(entry)
    kept += [entry for entry, more in moves.items() for _ in range(more)]
    kept.sort()
    return kept
