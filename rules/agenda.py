"""What is to be judged: at once, because there is news of it, or later, when its time has come."""

from bisect import bisect_left
from collections.abc import Iterator
from heapq import heappop, heappush
from operator import attrgetter

from rules.instants import DAWN, HOUR_MS, NEVER
from rules.watch import Order, Shop


class Agenda:
    """`orders` and `shops` with news, each once; and the timer index, which holds instants and no verdicts: whatever
    comes due looks at its facts again. What is further off than the next timer's hour lies by hours, in no order."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.shops: list[Shop] = []
        #: Those of the nearest hour, the soonest last, and their instants below zero, so that these rise.
        self._near: list[Order | Shop] = []
        self._instants: list[int] = []
        self._near_hour = DAWN
        self._hours: list[int] = []  # a heap of those with something further on, which needs no order yet
        self._later: dict[int, list[Order | Shop]] = {}

    def look_at(self, order: Order) -> None:
        """Has an order judged."""
        if not order.dirty:
            order.dirty = True
            self.orders.append(order)

    def ask(self, shop: Shop, judges: int) -> None:
        """Has some of a shop's judges (as bits) look again, and those whose turn it is."""
        shop.stale |= judges
        if not shop.dirty:
            shop.dirty = True
            self.shops.append(shop)

    def take_orders(self) -> list[Order]:
        """Those to be judged, shop by shop, since what a shop's orders are counted in is at hand then."""
        by_shop: dict[Shop, list[Order]] = {}
        for order in self.orders:
            order.dirty = False
            by_shop.setdefault(order.shop, []).append(order)
        self.orders = []
        return [order for orders in by_shop.values() for order in orders]

    def take_shops(self) -> list[Shop]:
        shops, self.shops = self.shops, []
        for shop in shops:
            shop.dirty = False
        return shops

    # -- the timer index ------------------------------------------------------------------------------------

    def arm(self, target: Order | Shop, turn_ms: int) -> None:
        """Has an order or shop come due at an instant (epoch ms), or earlier."""
        # An entry that comes too early is cheaper than moving it: it looks at the facts again when it fires.
        if turn_ms >= target.armed_ms:
            return
        target.armed_ms = turn_ms
        hour = turn_ms // HOUR_MS
        if hour < self._near_hour:
            self._put_back()
        if hour == self._near_hour:
            n = bisect_left(self._instants, -turn_ms)  # it fires after those of the same instant
            self._instants.insert(n, -turn_ms)
            self._near.insert(n, target)
            return
        entries = self._later.get(hour)
        if entries is None:
            self._later[hour] = [target]
            heappush(self._hours, hour)
        else:
            entries.append(target)

    def next_ms(self) -> int:
        """When the next timer fires (epoch ms)."""
        while self._hours and not self._instants:
            self._come_near()
        return -self._instants[-1] if self._instants else NEVER

    def _come_near(self) -> None:
        """Puts the next hour's timers in order."""
        self._near_hour = hour = heappop(self._hours)
        self._near = _of_hour(hour, self._later.pop(hour))
        self._near.reverse()
        self._instants = [-target.armed_ms for target in self._near]

    def _put_back(self) -> None:
        """An hour before the one that is near has a timer now, and maybe many more are to come."""
        if self._near:
            self._later[self._near_hour] = self._near[::-1]
            heappush(self._hours, self._near_hour)
        self._near, self._instants, self._near_hour = [], [], DAWN

    def pop(self) -> Order | Shop | None:
        """Takes the target of the timer that fires at `next_ms` out; None where it is armed for earlier by now, or has
        fired."""
        at_ms, target = -self._instants.pop(), self._near.pop()
        if target.armed_ms != at_ms:
            return None
        target.armed_ms = NEVER
        return target

    def waiting(self) -> Iterator[Order]:
        """Orders that wait for an instant, the soonest first."""
        told: set[int] = set()  # an order armed for earlier and then for this again has two entries
        for due_ms, target in self._by_instant():
            if isinstance(target, Order) and target.armed_ms == due_ms and id(target) not in told:
                told.add(id(target))
                yield target

    def _by_instant(self) -> Iterator[tuple[int, Order | Shop]]:
        yield from ((-at, target) for at, target in zip(reversed(self._instants), reversed(self._near), strict=True))
        for hour in sorted(self._later):
            yield from ((target.armed_ms, target) for target in _of_hour(hour, self._later[hour]))


def _of_hour(hour: int, targets: list[Order | Shop]) -> list[Order | Shop]:
    """An hour's timers, the soonest first, without what is armed for earlier by now and so has another entry."""
    return sorted([each for each in targets if each.armed_ms // HOUR_MS == hour], key=attrgetter("armed_ms"))
