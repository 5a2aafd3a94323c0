"""Retention: expires orders that no window reaches and no timer waits for, shop facts that are too old to count, and
what was emitted of times as long past."""

from itertools import chain

from rules.calendar.instants import DAY_MS, MIN_MS, NEVER
from rules.facts.order_facts import OrderFacts
from rules.facts.shop_facts import KEPT_MS
from rules.messages.alerts import subject_and_episode
from rules.state.aggregate import remove_order
from rules.state.changes import Changes
from rules.state.findings import MORE
from rules.state.shop import Order, Shop

EXPIRE_EVERY_MS = 15 * DAY_MS
"""How often expired state is looked for."""


def expire(shop: Shop, at_ms: int, changes: Changes) -> int:
    """Drops what a shop no longer needs. Returns the rules (as bits) to evaluate again."""
    dirty_rules = 0
    shop.retained_from_ms = at_ms - shop.plan.retain_ms
    if at_ms > shop.period_results.boundary_ms:
        shop.period_results.advance(at_ms)
    for kind, key in list(shop.facts.spent(at_ms, shop.plan.entries_kept_ms)):
        shop.facts.put(kind, key, None)
        changes.entries[shop.key, kind, key] = shop
    for alert in _past(shop, at_ms):
        shop.emitted.forget(alert)
    in_memory = [each for each in shop.orders.values() if _is_expired(each, at_ms)]
    loaded = shop.ledger.load_each(shop, at_ms, shop.retained_from_ms)
    for order in chain(in_memory, (each for each in loaded if _is_expired(each, at_ms))):
        del shop.orders[order.id]
        dirty_rules |= remove_order(order)
        order.facts = OrderFacts()  # many may expire at once, and wait to be written
        if order.last_ms == MIN_MS:
            continue  # after a restart only its alerts were restored; it has no facts to delete
        changes.note_order(order)
        changes.expired.append(order)
    return dirty_rules


def _past(shop: Shop, at_ms: int) -> list[str]:
    """Ids of alerts that ended with their episode, too long ago for any fact to reopen them."""
    ended = [
        (alert, last_emitted.rule)
        for alert, last_emitted in shop.emitted.alerts.items()
        if not last_emitted.open and last_emitted.at_ms <= at_ms - KEPT_MS and last_emitted.until_ms != NEVER
    ]
    return [alert for alert, rule in ended if subject_and_episode(alert, rule, shop.key)[1] not in ("-", MORE[1])]


def _is_expired(order: Order, at_ms: int) -> bool:
    shop = order.shop
    if order.scheduled_ms != NEVER or order.last_ms > shop.retained_from_ms:
        return False
    for timeline, kept_ms in zip(shop.timelines, shop.plan.timeline_kept_ms, strict=True):
        instants = timeline.by_order.get(order.id)
        if instants is not None and instants[-1] + kept_ms > at_ms:
            return False  # an occurrence that a rule still counts
    if shop.tracking_numbers.reused_ms(order.numbers) + shop.plan.number_kept_ms > at_ms:
        return False
    return all(
        not last_emitted.open and last_emitted.at_ms <= shop.retained_from_ms
        for last_emitted in (order.alerts or {}).values()
    )
