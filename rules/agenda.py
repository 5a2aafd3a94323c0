"""What is to be judged: at once, because there is news of it, or later, when its time has come."""

from collections.abc import Iterator
from heapq import heappop, heappush

from rules.instants import NEVER
from rules.watch import Order, Shop


class Agenda:
    """`orders` and `shops` with news, each once; and the timer index, which holds instants and no verdicts: whatever
    comes due looks at its facts again."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.shops: list[Shop] = []
        self._instants: list[int] = []  # a heap
        self._armed: dict[int, list[Order | Shop]] = {}
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
            armed = self._armed.get(turn_ms)
            if armed is None:
                self._armed[turn_ms] = [target]
                heappush(self._instants, turn_ms)
            else:
                armed.append(target)

    def next_ms(self) -> int:
        """When the next timer fires (epoch ms)."""
        if self._firing:
            return self._firing_ms
        return self._instants[0] if self._instants else NEVER

    def pop(self) -> Order | Shop | None:
        """Takes the next timer's target out; None where it is armed for earlier by now, or has fired."""
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
        for due_ms, targets in self._by_instant():
            for target in targets:
                if isinstance(target, Order) and target.armed_ms == due_ms and id(target) not in told:
                    told.add(id(target))
                    yield target

    def _by_instant(self) -> Iterator[tuple[int, list[Order | Shop]]]:
        yield self._firing_ms, self._firing[::-1]
        instants = self._instants.copy()  # a copy of a heap is a heap
        while instants:
            due_ms = heappop(instants)
            yield due_ms, self._armed[due_ms]
