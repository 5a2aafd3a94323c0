"""What is to be judged: at once, because there is news of it, or later, when its time has come."""

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
        self._instants: list[int] = []  # a heap of those before `_near_ms`
        self._armed: dict[int, list[Order | Shop]] = {}
        self._near_ms = DAWN
        self._hours: list[int] = []  # a heap of those with something further on, which needs no order yet
        self._later: dict[int, list[Order | Shop]] = {}
        self._firing: list[Order | Shop] = []  # the last one first
        self._firing_ms = NEVER

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
        if turn_ms < target.armed_ms:
            target.armed_ms = turn_ms
            if turn_ms < self._near_ms:
                _enter(self._armed, self._instants, turn_ms, target)
            else:
                _enter(self._later, self._hours, turn_ms // HOUR_MS, target)

    def next_ms(self) -> int:
        """When the next timer fires (epoch ms)."""
        if self._firing:
            return self._firing_ms
        while self._hours and not self._instants:
            self._come_near()
        return self._instants[0] if self._instants else NEVER

    def _come_near(self) -> None:
        """Puts the next hour's timers in order. One that is armed for earlier by now has another entry."""
        hour = heappop(self._hours)
        self._near_ms = (hour + 1) * HOUR_MS
        for target in self._later.pop(hour):
            if target.armed_ms // HOUR_MS == hour:
                _enter(self._armed, self._instants, target.armed_ms, target)

    def pop(self) -> Order | Shop | None:
        """Takes the target of the timer that fires at `next_ms` out; None where it is armed for earlier by now, or has
        fired."""
        if not self._firing:
            self._firing_ms = heappop(self._instants)
            self._firing = self._armed.pop(self._firing_ms)
            self._firing.reverse()
        target = self._firing.pop()
        if target.armed_ms != self._firing_ms:
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
        yield from ((self._firing_ms, target) for target in reversed(self._firing))
        for due_ms in sorted(self._armed):
            yield from ((due_ms, target) for target in self._armed[due_ms])
        for hour in sorted(self._later):
            here = [target for target in self._later[hour] if target.armed_ms // HOUR_MS == hour]
            yield from ((target.armed_ms, target) for target in sorted(here, key=attrgetter("armed_ms")))


def _enter(index: dict[int, list[Order | Shop]], heap: list[int], at: int, target: Order | Shop) -> None:
    """Enters one under an instant (or an hour); each of these is in the heap once."""
    entries = index.get(at)
    if entries is None:
        index[at] = [target]
        heappush(heap, at)
    else:
        entries.append(target)
