"""The work queue: orders and shops to evaluate now, because a fact has changed or a timer has fired."""

from collections import OrderedDict, deque

from rules.state.encoded_order import RestoredOrder
from rules.state.shop import Order, Shop

ToEvaluate = Order | RestoredOrder
"""A restored order in the queue may have been given back to its shop, or dropped, before its turn."""


class WorkQueue:
    """Orders and `shops` to evaluate, each once."""

    def __init__(self) -> None:
        self.shops: deque[Shop] = deque()
        self._orders: list[ToEvaluate] = []
        # The same by shop, the next shop first. (Finding a plain dict's first key takes long once many before it
        # have been deleted.)
        self._by_shop: OrderedDict[Shop, list[ToEvaluate]] = OrderedDict()

    def mark_order(self, order: ToEvaluate) -> None:
        """Has an order evaluated."""
        if not order.dirty:
            order.dirty = True
            self._orders.append(order)

    def has_orders(self) -> bool:
        return bool(self._orders or self._by_shop)

    def waits_for(self, shop: Shop) -> bool:
        """Whether a slice has ended before all of a shop's orders were evaluated."""
        return shop in self._by_shop

    def mark_rules(self, shop: Shop, evaluators: int) -> None:
        """Has some of a shop's rules (as bits) evaluated, and those whose next evaluation is due."""
        shop.dirty_rules |= evaluators
        if not shop.dirty:
            shop.dirty = True
            self.shops.append(shop)

    def take_orders(self, most: int) -> list[ToEvaluate]:
        """The next orders to evaluate, at most `most`, all of one shop: the shop's counts stay in the processor's
        cache. The rest of that shop's orders come after those of the other shops."""
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
        """The next shop to evaluate; None if it has orders to evaluate first, and is put at the end."""
        shop = self.shops.popleft()
        if self.waits_for(shop):
            self.shops.append(shop)
            return None
        shop.dirty = False
        return shop
