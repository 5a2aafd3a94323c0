"""Quiet orders are bytes, and all others are objects: encodes those with which nothing is to be done for a while, and
gives them back before anything of them changes.

An order that waits for its deadline or its parcel's next scan is asked nothing for hours or days. After a restart all
orders are encoded, until each is evaluated. Orders with alerts or with more than the plain facts stay as they are: they
are few, and dear to decode. `tests/rules/engine/test_encoded_orders.py` holds that nothing differs by it.
"""

from typing import Final

from rules.calendar.instants import HOUR_MS
from rules.engine.work_queue import WorkQueue
from rules.state.aggregate import replace_facts
from rules.state.encoded_order import EncodedOrder, RestoredOrder
from rules.state.order_ledger import OrderLedger
from rules.state.shop import Order, OrderInMemory

QUIET_MS: Final = HOUR_MS
"""How long nothing must have been heard of an order, and its timer mustn't fire, so that it is worth encoding."""


class QuietOrders:
    """What encodes and decodes the orders of one engine."""

    def __init__(self, work: WorkQueue, ledger: OrderLedger) -> None:
        self._work, self._ledger = work, ledger

    def encode(self, at_ms: int, limit: int, most: int) -> None:
        """Of the `limit` orders that have been decoded for longest, encodes those that are quiet at a moment (epoch
        ms). Where more than `most` are decoded, those that are over leave memory, and others are encoded if they can
        be; those whose timer fires soon, only where it is half as many again: they would be decoded again at once."""
        decoded, takes_more = self._ledger.decoded, self._ledger.takes_more
        for _ in range(min(limit, len(decoded))):
            order = decoded.take_first()
            are_many = len(decoded) >= most
            if are_many and takes_more and self._ledger.evict_early(order):
                continue
            if order.alerts is not None or not order.facts.plain:
                continue
            is_due_soon = order.scheduled_ms <= at_ms + QUIET_MS
            if is_due_soon:
                worth_it = len(decoded) >= most + most // 2
            else:
                worth_it = are_many or order.last_ms <= at_ms - QUIET_MS
            if worth_it and _is_settled(order):
                order.shop.orders[order.id] = EncodedOrder(order)
            else:
                decoded.add(order)

    def decode(self, kept: OrderInMemory) -> Order:
        """Gives an encoded order back to its shop as one; one that isn't encoded stays as it is."""
        if isinstance(kept, Order):
            return kept
        shop = kept.shop
        order = shop.orders[kept.id] = kept.decoded()
        if kept.is_restored:
            shop.period_results.expect(order)
            self._work.mark_order(order)
        else:
            replace_facts(order, order.facts)
        self._ledger.decoded.add(order)
        return order

    def decode_restored(self, restored: RestoredOrder, at_ms: int) -> Order | None:
        """Gives a restored order back to its shop, to be evaluated at a moment (epoch ms); None if that has another by
        now."""
        shop = restored.shop
        if shop.orders.get(restored.id) is not restored:
            return None
        order = shop.orders[restored.id] = restored.decoded()
        if order.last_ms > at_ms:  # else nothing of it lies after a boundary that is still to come
            shop.period_results.expect(order)
        return order

    def put_back(self, restored: RestoredOrder, order: Order, at_ms: int) -> None:
        """Has a restored order leave memory once it is evaluated, or encodes it, if that can be at a moment (epoch
        ms)."""
        if self._ledger.evict_one(order, at_ms):
            return
        shop = order.shop
        if order.alerts is None and order.facts.plain and order not in shop.period_results.future_facts:
            shop.orders[order.id] = EncodedOrder(order, restored.raw)
        else:
            self._ledger.decoded.add(order)


def _is_settled(order: Order) -> bool:
    """Whether all is worked out that follows from an order's facts, and nobody holds it but its shop: periodic ratios
    hold some until they are evaluated."""
    shop = order.shop
    return not (
        order.dirty
        or order.unsaved
        or order.changed_facts
        or (shop.dirty and shop.plan.computed)
        or order in shop.period_results.future_facts
    )
