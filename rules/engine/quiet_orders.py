"""Encodes orders with which nothing is to be done for a while, and gives them back before anything of them changes.

An order that waits for its deadline or its parcel's next scan is asked nothing for hours or days. Orders with alerts or
with more than the plain facts stay as they are: they are few, and dear to decode.
`tests/rules/engine/test_encoded_orders.py` holds that nothing differs by it.
"""

from typing import Final

from rules.calendar.instants import HOUR_MS, NEVER
from rules.engine.timer_queue import TimerQueue
from rules.state.aggregate import replace_facts
from rules.state.encoded_order import EncodedOrder
from rules.state.order_ledger import OrderLedger
from rules.state.shop import Order, OrderInMemory, Shop

QUIET_MS: Final = HOUR_MS
"""How long nothing must have been heard of an order, and its timer mustn't fire, so that it is worth encoding."""


class QuietOrders:
    """What encodes and decodes the orders of one engine."""

    def __init__(self, timers: TimerQueue, ledger: OrderLedger) -> None:
        self._timers, self._ledger = timers, ledger

    def encode(self, at_ms: int, limit: int) -> None:
        """Encodes those of the next `limit` scheduled orders, and as many finished ones, that can be at a moment (epoch
        ms)."""
        for targets in self._timers.later_parts(limit):
            targets[:] = [target if isinstance(target, Shop) else _encoded(target, at_ms) for target in targets]
        for orders in self._ledger.finished_parts(limit):
            orders[:] = [_encoded(order, at_ms) for order in orders]

    def decode(self, kept: OrderInMemory) -> Order:
        """Gives an encoded order back to its shop as one; one that isn't encoded stays as it is."""
        if isinstance(kept, Order):
            return kept
        order = kept.decoded()
        order.shop.orders[order.id] = order
        replace_facts(order, order.facts)
        due_ms = order.scheduled_ms
        kept.scheduled_ms = order.scheduled_ms = NEVER  # its entry in the timer queue counts no more
        if due_ms < NEVER:
            self._timers.schedule(order, due_ms)
        elif order.next_eval_ms == NEVER:  # else its timer has fired, and whoever evaluates it says what it waits for
            self._ledger.note_finished(order)
        return order


def _encoded(order: OrderInMemory, at_ms: int) -> OrderInMemory:
    """An order encoded, and its shop given that, if it can be; else itself."""
    if not isinstance(order, Order) or not _is_quiet(order, at_ms):
        return order
    encoded = EncodedOrder(order)
    order.shop.orders[order.id] = encoded
    order.scheduled_ms = NEVER  # another entry of it in the timer queue counts no more
    return encoded


def _is_quiet(order: Order, at_ms: int) -> bool:
    shop = order.shop
    return (
        order.last_ms <= at_ms - QUIET_MS
        and order.scheduled_ms > at_ms + QUIET_MS
        and order.alerts is None
        and order.facts.plain
        and not (order.dirty or order.unsaved or order.changed_facts or shop.dirty)
        and shop.orders.get(order.id) is order
        and order not in shop.period_results.future_facts
    )
