"""The timer queue: orders and shops by the instant at which they are evaluated next."""

from collections.abc import Iterator
from heapq import heappop, heappush
from operator import itemgetter

from rules.calendar.instants import HOUR_MS, MIN_MS, NEVER
from rules.state.order_names import OrderNames
from rules.state.shop import OrderInMemory, Shop

Target = OrderInMemory | Shop

_Entry = tuple[int, Shop, str | None]
"""An instant (epoch ms), a shop, and the id of one of its orders; None is the shop itself."""

MERGED_SHARE = 1 / 8
"""Where many timers fire at one time, and more than this share of the sorted hour's were added later, all are sorted
again. To take so many from their heap one by one takes four times as long."""


class TimerQueue:
    """Holds instants and names only; a target that comes due is evaluated from its facts. The timers of the hour that
    has begun are sorted; later ones lie unsorted by hour, since most are scheduled for earlier before they fire. An
    entry counts while its target is scheduled for its instant."""

    def __init__(self) -> None:
        self._near: list[_Entry] = []  # that hour's, the soonest last
        self._near_hour = MIN_MS
        #: A heap of those added to this hour later: `(instant, number, shop, order)`. Thousands may be added at one
        #: time, and inserting each into a list would take long.
        self._near_new: list[tuple[int, int, Shop, str | None]] = []
        self._scheduled = 0
        self._hours: list[int] = []  # a heap of the later hours that have timers
        self._later: dict[int, OrderNames[str | None]] = {}

    def schedule(self, order: OrderInMemory, next_eval_ms: int) -> None:
        """Schedules an order for an instant (epoch ms), unless it is scheduled for earlier."""
        # Moving an entry to later would cost more than letting it fire early, when the facts are looked at again.
        if next_eval_ms < order.scheduled_ms:
            order.scheduled_ms = next_eval_ms
            self._add(next_eval_ms, order.shop, order.id)

    def schedule_shop(self, shop: Shop, next_eval_ms: int) -> None:
        """The same of a shop."""
        if next_eval_ms < shop.scheduled_ms:
            shop.scheduled_ms = next_eval_ms
            self._add(next_eval_ms, shop, None)

    def _add(self, at_ms: int, shop: Shop, order_id: str | None) -> None:
        hour = at_ms // HOUR_MS
        if hour < self._near_hour:
            self._unsort_hour()
        if hour == self._near_hour:
            self._scheduled += 1
            heappush(self._near_new, (at_ms, self._scheduled, shop, order_id))
            return
        names = self._later.get(hour)
        if names is None:
            names = self._later[hour] = OrderNames()
            heappush(self._hours, hour)
        names.shops.append(shop)
        names.ids.append(order_id)

    def next_ms(self, by_ms: int) -> int:
        """When the next timer fires (epoch ms), if it does by `by_ms`; else an instant after that."""
        while not self._near and not self._near_new:
            if not self._hours:
                return NEVER
            if self._hours[0] * HOUR_MS > by_ms:
                return self._hours[0] * HOUR_MS
            self._sort_next_hour()
        at_ms = self._near[-1][0] if self._near else NEVER
        return min(at_ms, self._near_new[0][0]) if self._near_new else at_ms

    def _sort_next_hour(self) -> None:
        """Sorts the next hour's timers."""
        self._near_hour = hour = heappop(self._hours)
        self._near = _of_hour(hour, self._later.pop(hour))
        self._near.reverse()

    def _of_near_hour(self) -> list[_Entry]:
        """The sorted hour's entries, with those added later, the soonest first."""
        new = [(at_ms, shop, order_id) for at_ms, _, shop, order_id in sorted(self._near_new)]
        return sorted([*reversed(self._near), *new], key=itemgetter(0))

    def _merge_new(self) -> None:
        """Sorts those added to the sorted hour later in among the others."""
        self._near, self._near_new = self._of_near_hour(), []
        self._near.reverse()

    def _unsort_hour(self) -> None:
        """Puts the sorted hour back among the later ones, because an earlier hour has got a timer."""
        if self._near or self._near_new:
            names = self._later[self._near_hour] = OrderNames()
            for _, shop, order_id in self._of_near_hour():
                names.add(shop, order_id)
            heappush(self._hours, self._near_hour)
        self._near, self._near_new, self._near_hour = [], [], MIN_MS

    def pop(self) -> Target | None:
        """Removes the timer that fires at `next_ms` and returns its target; None if that was scheduled for earlier
        meanwhile, or has fired already."""
        if self._near_new and not (self._near and self._near[-1][0] <= self._near_new[0][0]):
            at_ms, _, shop, order_id = heappop(self._near_new)
        else:
            at_ms, shop, order_id = self._near.pop()
        target = _target(shop, order_id)
        if target is None or target.scheduled_ms != at_ms:
            return None
        target.scheduled_ms = NEVER
        return target

    def pop_due(self, by_ms: int, most: int) -> list[Target]:
        """Removes the timers that fire by an instant (epoch ms), the soonest first, `most` at most, and returns those
        targets that `pop` would. In one go, since very many may be due at one time."""
        found: list[Target] = []
        while most > 0 and self.next_ms(by_ms) <= by_ms:
            if len(self._near_new) > len(self._near) * MERGED_SHARE:
                self._merge_new()
            near = self._near
            if self._near_new:
                target = self.pop()
                most -= 1
                if target is not None:
                    found.append(target)
                continue
            while most > 0 and near and near[-1][0] <= by_ms:
                at_ms, shop, order_id = near.pop()
                most -= 1
                target = shop if order_id is None else shop.orders.get(order_id)
                if target is not None and target.scheduled_ms == at_ms:
                    target.scheduled_ms = NEVER
                    found.append(target)
        return found

    def waiting(self) -> Iterator[OrderInMemory]:
        """The scheduled orders, the soonest first."""
        seen: set[int] = set()  # an order scheduled for earlier and then for this instant again has two entries
        for due_ms, shop, order_id in self._by_instant():
            order = None if order_id is None else shop.orders.get(order_id)
            if order is not None and order.scheduled_ms == due_ms and id(order) not in seen:
                seen.add(id(order))
                yield order

    def _by_instant(self) -> Iterator[_Entry]:
        yield from self._of_near_hour()
        for hour in sorted(self._later):
            yield from _of_hour(hour, self._later[hour])


def _target(shop: Shop, order_id: str | None) -> Target | None:
    return shop if order_id is None else shop.orders.get(order_id)


def _of_hour(hour: int, names: OrderNames[str | None]) -> list[_Entry]:
    """An hour's entries, the soonest first, without those of targets that are scheduled for another hour by now."""
    found: list[_Entry] = []
    for shop, order_id in names:
        target = _target(shop, order_id)
        if target is not None and target.scheduled_ms // HOUR_MS == hour:
            found.append((target.scheduled_ms, shop, order_id))
    return sorted(found, key=itemgetter(0))
