"""The timer queue: orders and shops by the instant at which they are evaluated next."""

from collections.abc import Iterator
from heapq import heappop, heappush, merge
from operator import attrgetter, itemgetter

from rules.calendar.instants import HOUR_MS, MIN_MS, NEVER
from rules.state.hourly_cursor import HourlyCursor
from rules.state.shop import OrderInMemory, Shop

Target = OrderInMemory | Shop


class TimerQueue:
    """Holds instants and targets only; a target that comes due is evaluated from its facts. The timers of the hour that
    has begun are sorted; later ones lie unsorted by hour, since most are scheduled for earlier before they fire."""

    def __init__(self) -> None:
        #: That hour's targets, the soonest last, and their instants negated, so that these ascend.
        self._near: list[Target] = []
        self._instants: list[int] = []
        self._near_hour = MIN_MS
        #: A heap of those added to this hour later: `(instant, number, target)`. Thousands may be added at one time,
        #: and inserting each into a list would take long.
        self._near_new: list[tuple[int, int, Target]] = []
        self._scheduled = 0
        self._hours: list[int] = []  # a heap of the later hours that have timers
        self._later: dict[int, list[Target]] = {}
        self._cursor: HourlyCursor[Target] = HourlyCursor()

    def schedule(self, target: Target, next_eval_ms: int) -> None:
        """Schedules an order or shop for an instant (epoch ms), unless it is scheduled for earlier."""
        # Moving an entry to later would cost more than letting it fire early, when the facts are looked at again.
        if next_eval_ms >= target.scheduled_ms:
            return
        target.scheduled_ms = next_eval_ms
        hour = next_eval_ms // HOUR_MS
        if hour < self._near_hour:
            self._unsort_hour()
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

    def next_ms(self, by_ms: int) -> int:
        """When the next timer fires (epoch ms), if it does by `by_ms`; else an instant after that."""
        while not self._instants and not self._near_new:
            if not self._hours:
                return NEVER
            if self._hours[0] * HOUR_MS > by_ms:
                return self._hours[0] * HOUR_MS
            self._sort_next_hour()
        at_ms = -self._instants[-1] if self._instants else NEVER
        return min(at_ms, self._near_new[0][0]) if self._near_new else at_ms

    def _sort_next_hour(self) -> None:
        """Sorts the next hour's timers."""
        self._near_hour = hour = heappop(self._hours)
        self._near = _of_hour(hour, self._later.pop(hour))
        self._near.reverse()
        self._instants = [-target.scheduled_ms for target in self._near]

    def _unsort_hour(self) -> None:
        """Puts the sorted hour back among the later ones, because an earlier hour has got a timer."""
        if self._near or self._near_new:
            self._later[self._near_hour] = [*reversed(self._near), *(target for _, _, target in sorted(self._near_new))]
            heappush(self._hours, self._near_hour)
        self._near, self._instants, self._near_new, self._near_hour = [], [], [], MIN_MS

    def pop(self) -> Target | None:
        """Removes the timer that fires at `next_ms` and returns its target; None if that was scheduled for earlier
        meanwhile, or has fired already."""
        target: Target
        if self._near_new and not (self._instants and -self._instants[-1] <= self._near_new[0][0]):
            at_ms, _, target = heappop(self._near_new)
        else:
            at_ms, target = -self._instants.pop(), self._near.pop()
        if target.scheduled_ms != at_ms:
            return None
        target.scheduled_ms = NEVER
        return target

    def later_parts(self, most: int) -> Iterator[list[Target]]:
        """The next `most` entries of later hours, in lists that may be changed, as in `HourlyCursor`; drops entries
        that count no more."""
        for hour, targets in self._cursor.parts(self._later, most):
            targets[:] = [target for target in targets if target.scheduled_ms // HOUR_MS == hour]
            yield targets

    def waiting(self) -> Iterator[OrderInMemory]:
        """The scheduled orders, the soonest first."""
        seen: set[int] = set()  # an order scheduled for earlier and then for this instant again has two entries
        for due_ms, target in self._by_instant():
            if not isinstance(target, Shop) and target.scheduled_ms == due_ms and id(target) not in seen:
                seen.add(id(target))
                yield target

    def _by_instant(self) -> Iterator[tuple[int, Target]]:
        near = zip(reversed(self._instants), reversed(self._near), strict=True)
        new = ((at_ms, target) for at_ms, _, target in sorted(self._near_new))
        yield from merge(((-at, target) for at, target in near), new, key=itemgetter(0))
        for hour in sorted(self._later):
            yield from ((target.scheduled_ms, target) for target in _of_hour(hour, self._later[hour]))


def _of_hour(hour: int, targets: list[Target]) -> list[Target]:
    """An hour's targets, the soonest first, without those scheduled for earlier meanwhile, which have another entry."""
    return sorted([each for each in targets if each.scheduled_ms // HOUR_MS == hour], key=attrgetter("scheduled_ms"))
