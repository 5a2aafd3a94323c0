"""What is to be evaluated later: instants, and whose they are."""

from collections.abc import Iterator
from heapq import heappop, heappush, merge
from operator import attrgetter, itemgetter

from rules.calendar.instants import HOUR_MS, MIN_MS, NEVER
from rules.state.shop import Order, Shop


class TimerQueue:
    """Holds instants and no findings: whatever comes due looks at its facts again. What is further off than the next
    timer's hour lies by hours, in no order."""

    def __init__(self) -> None:
        #: Those of the nearest hour, the soonest last, and their instants below zero, so that these rise.
        self._near: list[Order | Shop] = []
        self._instants: list[int] = []
        self._near_hour = MIN_MS
        #: A heap of those that came to be of this hour later: `(instant, number, target)`. Thousands may come at once,
        #: and a list takes long to insert each.
        self._near_new: list[tuple[int, int, Order | Shop]] = []
        self._scheduled = 0
        self._hours: list[int] = []  # a heap of those with something further on, which needs no order yet
        self._later: dict[int, list[Order | Shop]] = {}

    def schedule(self, target: Order | Shop, next_eval_ms: int) -> None:
        """Has an order or shop come due at an instant (epoch ms), or earlier."""
        # An entry that comes too early is cheaper than moving it: it looks at the facts again when it fires.
        if next_eval_ms >= target.scheduled_ms:
            return
        target.scheduled_ms = next_eval_ms
        hour = next_eval_ms // HOUR_MS
        if hour < self._near_hour:
            self._put_back()
        if hour == self._near_hour:
            self._scheduled += 1
            heappush(self._near_new, (next_eval_ms, self._scheduled, target))
            return
        entries = self._later.get(hour)
        if entries is None:
            self._later[hour] = [target]
            heappush(self._hours, hour)
        else:
            entries.append(target)

    def next_ms(self) -> int:
        """When the next timer fires (epoch ms)."""
        while self._hours and not self._instants and not self._near_new:
            self._come_near()
        at_ms = -self._instants[-1] if self._instants else NEVER
        return min(at_ms, self._near_new[0][0]) if self._near_new else at_ms

    def _come_near(self) -> None:
        """Puts the next hour's timers in order."""
        self._near_hour = hour = heappop(self._hours)
        self._near = _of_hour(hour, self._later.pop(hour))
        self._near.reverse()
        self._instants = [-target.scheduled_ms for target in self._near]

    def _put_back(self) -> None:
        """An hour before the one that is near has a timer now, and maybe many more are to come."""
        if self._near or self._near_new:
            self._later[self._near_hour] = [*reversed(self._near), *(target for _, _, target in sorted(self._near_new))]
            heappush(self._hours, self._near_hour)
        self._near, self._instants, self._near_new, self._near_hour = [], [], [], MIN_MS

    def pop(self) -> Order | Shop | None:
        """Takes the target of the timer that fires at `next_ms` out; None where it is scheduled for earlier by now, or
        has fired."""
        target: Order | Shop
        if self._near_new and not (self._instants and -self._instants[-1] <= self._near_new[0][0]):
            at_ms, _, target = heappop(self._near_new)
        else:
            at_ms, target = -self._instants.pop(), self._near.pop()
        if target.scheduled_ms != at_ms:
            return None
        target.scheduled_ms = NEVER
        return target

    def waiting(self) -> Iterator[Order]:
        """Orders that wait for an instant, the soonest first."""
        told: set[int] = set()  # an order scheduled for earlier and then for this again has two entries
        for due_ms, target in self._by_instant():
            if isinstance(target, Order) and target.scheduled_ms == due_ms and id(target) not in told:
                told.add(id(target))
                yield target

    def _by_instant(self) -> Iterator[tuple[int, Order | Shop]]:
        near = zip(reversed(self._instants), reversed(self._near), strict=True)
        new = ((at_ms, target) for at_ms, _, target in sorted(self._near_new))
        yield from merge(((-at, target) for at, target in near), new, key=itemgetter(0))
        for hour in sorted(self._later):
            yield from ((target.scheduled_ms, target) for target in _of_hour(hour, self._later[hour]))


def _of_hour(hour: int, targets: list[Order | Shop]) -> list[Order | Shop]:
    """An hour's timers, the soonest first, without what is scheduled for earlier by now and so has another entry."""
    return sorted([each for each in targets if each.scheduled_ms // HOUR_MS == hour], key=attrgetter("scheduled_ms"))
