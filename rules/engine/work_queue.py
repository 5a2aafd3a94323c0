"""What is to be evaluated now, because there is news of it."""

from collections import OrderedDict, deque

from rules.state.shop import Order, Shop


class WorkQueue:
    """Orders and `shops` with news, each once."""

    def __init__(self) -> None:
        self.shops: deque[Shop] = deque()
        self._orders: list[Order] = []
        # The same by shop, the shop whose turn it is first. (To find a plain dict's first takes long once many before
        # it are gone.)
        self._by_shop: OrderedDict[Shop, list[Order]] = OrderedDict()

    def mark_order(self, order: Order) -> None:
        """Has an order evaluated."""
        if not order.dirty:
            order.dirty = True
            self._orders.append(order)

    def has_orders(self) -> bool:
        return bool(self._orders or self._by_shop)

    def mark_rules(self, shop: Shop, evaluators: int) -> None:
        """Has some of a shop's rules (evaluators as bits) evaluated, and those whose time has come."""
        shop.dirty_rules |= evaluators
        if not shop.dirty:
            shop.dirty = True
            self.shops.append(shop)

    def take_orders(self, most: int) -> list[Order]:
        """The next to be judged, all of one shop, since what its orders are counted in is at hand then. What is left of
        them comes after the other shops'."""
        by_shop = self._by_shop
        if self._orders:
            orders, self._orders = self._orders, []
            for order in orders:
                by_shop.setdefault(order.shop, []).append(order)
        if not by_shop:
            return []
        shop, orders = by_shop.popitem(last=False)
        if len(orders) > most:
            by_shop[shop] = orders[most:]
            del orders[most:]
        for order in orders:
            order.dirty = False
        return orders

    def take_shop(self) -> Shop | None:
        """The next to be judged itself; None where that has orders to be judged before, and comes after the others."""
        shop = self.shops.popleft()
        if shop in self._by_shop:
            self.shops.append(shop)
            return None
        shop.dirty = False
        return shop
