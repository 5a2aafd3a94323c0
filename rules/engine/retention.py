"""Retention: expires orders that no window reaches and no timer waits for, shop facts that are too old to count, and
what was emitted of times as long past."""

from collections.abc import Iterator
from itertools import islice

from rules.calendar.instants import DAY_MS, MIN_MS, NEVER
from rules.engine.intake import Intake
from rules.facts.order_facts import OrderFacts
from rules.facts.shop_facts import KEPT_MS
from rules.messages.alerts import subject_and_episode
from rules.state.aggregate import remove_order
from rules.state.changes import Changes
from rules.state.findings import MORE
from rules.state.shop import OrderInMemory, Shop

EXPIRE_EVERY_MS = 15 * DAY_MS
"""How often expired state is looked for."""


AT_ONCE = 1_000
"""Orders, and shops, that are looked at before other work goes on: some 20 ms where the orders lie on the disk."""


class Expiry:
    """Goes through the shops of an engine every `EXPIRE_EVERY_MS`, a bounded number of orders at a time. What happens
    meanwhile may bring orders back, have them leave memory, or change a shop's plan."""

    def __init__(self, engine: Intake, changes: Changes) -> None:
        self._engine, self._changes = engine, changes
        self._next_ms = MIN_MS
        self._expiring: Iterator[None] | None = None

    def advance(self, at_ms: int) -> None:
        """Looks at some more orders, or begins anew if it is time (epoch ms)."""
        if self._expiring is None and at_ms >= self._next_ms:
            self._next_ms = at_ms + EXPIRE_EVERY_MS
            self._expiring = self._expire_shops(at_ms)
        if self._expiring is not None and len(list(islice(self._expiring, AT_ONCE))) < AT_ONCE:
            self._expiring = None

    def set_back(self, to_ms: int) -> None:
        """The clock was set back: what was found by the time before doesn't hold. Of what comes from now on nothing has
        expired yet."""
        for shop in self._engine.shops.values():
            shop.retained_from_ms = min(shop.retained_from_ms, to_ms)
        self._expiring = None
        self._next_ms = min(self._next_ms, to_ms + EXPIRE_EVERY_MS)

    def _expire_shops(self, at_ms: int) -> Iterator[None]:
        """Yields after each shop and each order."""
        for shop in list(self._engine.shops.values()):
            self._drop_of_shop(shop, at_ms)
            yield
            for order in self._orders_of(shop, at_ms):
                if order is not None and _is_expired(order, at_ms):
                    self._drop(order)
                yield

    def _drop_of_shop(self, shop: Shop, at_ms: int) -> None:
        """Drops what a shop no longer needs of its own."""
        shop.retained_from_ms = max(shop.retained_from_ms, at_ms - shop.plan.retain_ms)
        if at_ms > shop.period_results.boundary_ms:
            shop.period_results.advance(at_ms)
        for kind, key in list(shop.facts.spent(at_ms, shop.plan.entries_kept_ms)):
            shop.facts.put(kind, key, None)
            self._changes.entries[shop.key, kind, key] = shop
        for alert in (past := _past(shop, at_ms)):
            shop.emitted.forget(alert)
        self._changes.forgotten += past

    def _orders_of(self, shop: Shop, at_ms: int) -> Iterator[OrderInMemory | None]:
        """The orders that may have expired; None for each that is looked at and hasn't. Any may be encoded, leave
        memory or come back before its turn."""
        if not shop.retained_from_ms < shop.began_ms < NEVER:  # else all of it happened later
            for order_id in list(shop.orders):
                yield shop.orders.get(order_id)
        for silent in shop.ledger.silent_by(shop, _expired_by(shop, at_ms)):
            yield None if silent is None else self._engine.order(shop, silent)

    def _drop(self, in_memory: OrderInMemory) -> None:
        order = in_memory.decoded()
        self._engine.drop(order)
        self._engine.work.mark_rules(order.shop, remove_order(order))
        self._changes.forgotten += order.alerts or ()
        order.facts = OrderFacts()  # many may expire at once, and wait to be written
        if order.last_ms == MIN_MS:
            return  # after a restart only its alerts were restored; it has no facts to delete
        if not order.unsaved:
            self._changes.note_order(order)
        self._changes.expired.append(order)


def _past(shop: Shop, at_ms: int) -> list[str]:
    """Ids of alerts that ended with their episode, too long ago for any fact to reopen them."""
    ended = [
        (alert, last_emitted.rule)
        for alert, last_emitted in shop.emitted.alerts.items()
        if not last_emitted.open and last_emitted.at_ms <= at_ms - KEPT_MS and last_emitted.until_ms != NEVER
    ]
    return [alert for alert, rule in ended if subject_and_episode(alert, rule, shop.key)[1] not in ("-", MORE[1])]


def _expired_by(shop: Shop, at_ms: int) -> int:
    """Orders last heard of by this instant (epoch ms) expire, if nothing else is open of them. Others may be gone: the
    clock was set back since, or the shop's plan is another."""
    return min(shop.retained_from_ms, at_ms - shop.plan.retain_ms)


def _is_expired(order: OrderInMemory, at_ms: int) -> bool:
    shop = order.shop
    expired_by_ms = _expired_by(shop, at_ms)
    if order.scheduled_ms != NEVER or order.last_ms > expired_by_ms:
        return False
    for timeline, kept_ms in zip(shop.timelines, shop.plan.timeline_kept_ms, strict=True):
        instants = timeline.by_order.get(order.id)
        if instants is not None and instants[-1] + kept_ms > at_ms:
            return False  # an occurrence that a rule still counts
    if shop.tracking_numbers.reused_ms(order.numbers) + shop.plan.number_kept_ms > at_ms:
        return False
    return all(
        not last_emitted.open and last_emitted.at_ms <= expired_by_ms for last_emitted in (order.alerts or {}).values()
    )
