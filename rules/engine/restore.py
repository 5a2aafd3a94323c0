"""Restores state from the changelogs after a restart, in any order; the engine's `settle` derives the rest."""

from collections.abc import Mapping
from typing import Final

from rules.calendar.instants import NEVER
from rules.engine.engine import Engine
from rules.facts.order_facts import EVERY_FACT, DetailedFacts, OrderFacts
from rules.facts.plain import expand
from rules.facts.shop_facts import Entry, Key
from rules.facts.statements import Statements
from rules.facts.stored import decode_facts
from rules.kinds.nothing import NOTHING
from rules.kinds.ratio.period_results import PeriodResult
from rules.messages.alert_state import Emitted, emitted_from
from rules.messages.alerts import Alert, shop_of, subject_and_episode
from rules.state import checkpoint
from rules.state.aggregate import remove_order
from rules.state.encoded_order import RestoredOrder
from rules.state.shop import Order, Shop

NO_FACTS: Final = DetailedFacts()
"""Facts of an order of which only alerts are known, so that events older than what is kept don't bring it back: those
of a plain order are merged before their age is looked at."""


CameBack = tuple[bytes, bytes | None]
"""An order's facts as a checkpoint counts them, and as they are now; None if it was dropped."""


def restore_order(engine: Engine, platform: str, shop_name: str, order_id: str, raw: bytes | None) -> bool:
    """Restores an order from its facts as they are stored; None where it was dropped. Returns whether it has ended and
    nothing was known of it before. Raises msgspec.DecodeError for what is no order's facts."""
    shop = engine.shop(platform, shop_name)
    shop.restored = True
    facts = NO_FACTS if raw is None else decode_facts(raw)
    first_ms, last_ms = facts.span_ms()
    if first_ms < shop.began_ms:
        shop.began_ms = first_ms
    known = engine.order(shop, order_id) if shop.evicted else shop.orders.get(order_id)
    if shop.evicted and shop.plan.computed and _is_late(shop, facts, NO_FACTS if known is None else known.facts):
        _compute_again(engine, shop)
        known = shop.orders.get(order_id)
    if raw is not None and known is None:
        engine.add_restored(RestoredOrder(order_id, shop, raw, last_ms))
        return facts.is_over()
    if raw is not None and isinstance(known, RestoredOrder):
        known.raw, known.last_ms = raw, last_ms
        return False
    order = engine.order(shop, order_id)
    if order is None:
        return False
    work = engine.work
    work.mark_rules(shop, remove_order(order))
    order.changed_facts = EVERY_FACT
    order.facts, order.last_ms = facts, last_ms  # dropped: whoever still holds it must find nothing
    shop.period_results.expect(order)
    if raw is None and order.alerts is None:
        order.scheduled_ms = NEVER
        engine.drop(order)
    else:
        work.mark_order(order)
    return False


def restore_checkpoint(
    engine: Engine, platform: str, shop_name: str, raw: bytes, came_back: Mapping[str, CameBack]
) -> bool:
    """Restores a shop's checkpoint once all is restored that was saved of the shop in the same place: other orders, its
    own facts and results; before its alerts, and what was saved later. `came_back`: the orders that have come back to
    memory since, with the facts that the checkpoint counts and the newest; None of one that was dropped.

    Returns False where it was counted by other rules, and nothing is changed; then each order is to be restored.
    """
    shop, found = engine.shop(platform, shop_name), checkpoint.decode(raw)
    if found is None or not checkpoint.fits(shop, found):
        return False
    shop.restored = True
    checkpoint.restore(shop, found)
    engine.order_count += shop.evicted
    for order_id in came_back:
        engine.order_count -= shop.orders.pop(order_id, None) is not None  # by its newest facts, not counted yet
    engine.ledger.restore(shop, found.counted_ms, {order_id: counted for order_id, (counted, _) in came_back.items()})
    for order_id, (counted, newest) in came_back.items():
        if newest != counted:
            restore_order(engine, platform, shop_name, order_id, newest)
    engine.work.mark_rules(shop, shop.plan.every_evaluator)
    return True


def restore_entry(engine: Engine, platform: str, shop_name: str, kind: str, key: Key, entry: Entry | None) -> None:
    """Restores one of a shop's own facts; None where it was dropped."""
    shop = engine.shop(platform, shop_name)
    shop.facts.put(kind, key, entry)
    engine.on_shop_facts(shop, kind)


def restore_computed(
    engine: Engine, platform: str, shop_name: str, rule: str, boundary_ms: int, found: PeriodResult | None
) -> None:
    """Restores what a ratio was at a boundary (epoch ms); None where it had no orders after all."""
    shop = engine.shop(platform, shop_name)
    known = shop.computed.get(rule, {}).get(boundary_ms)
    shop.period_results.restore(rule, boundary_ms, found)
    if found != known and boundary_ms <= shop.period_results.computed_by_ms():
        _compute_again(engine, shop)
    shop.restored = True
    engine.work.mark_rules(shop, shop.plan.every_evaluator)


def _is_late(shop: Shop, facts: OrderFacts, before: OrderFacts) -> bool:
    """Whether a fact has come of an order that a result may rest on which was computed before it came."""
    known = _statements_of(before)
    new_ms = [each.at_ms for each in _statements_of(facts) if each not in known]
    return min(new_ms, default=NEVER) <= shop.period_results.computed_by_ms()


def _statements_of(facts: OrderFacts) -> Statements:
    return facts.statements if isinstance(facts, DetailedFacts) else expand(facts)


def _compute_again(engine: Engine, shop: Shop) -> None:
    """What a shop's checkpoint says was computed doesn't hold any more, and what was restored since may be half of what
    belongs together: all its orders are loaded, and everything is computed again."""
    if shop.evicted and shop.plan.computed:
        shop.period_results.begin_again(engine.load_all(shop))
        engine.work.mark_rules(shop, shop.plan.every_evaluator)


def restore_alert(engine: Engine, alert: Alert) -> None:
    """Restores what was last emitted of an alert. Raises ValueError for a time that is none; nothing has changed
    then."""
    order_id = alert.order
    shop = engine.shops.get((alert.platform, alert.shop))
    if shop is not None and shop.evicted_alerts and isinstance(order_id, str) and order_id not in shop.orders:
        is_of_order = engine.book.is_of_orders(alert.data.rule)
        if is_of_order and engine.ledger.restore_alert(shop, order_id, alert):
            return
    _remember(engine, alert, emitted_from(alert))


def correct_alert(engine: Engine, alert: Alert) -> bool:
    """Handles a record of an alert that another process has written. Returns False if it says what was last emitted
    anyway.

    An alert that should be open is written again, with a revision above both; one that shouldn't be is resolved.
    Nothing else of the record is used if the alert is known. Raises ValueError as `restore_alert` does.
    """
    found, name = emitted_from(alert), alert.data.alert
    shop, order, last_emitted = _find(engine, name)
    if found == last_emitted:
        return False
    if shop is None or last_emitted is None:
        found.at_ms = min(found.at_ms, engine.clock_ms)  # else it would stay open until that instant
        order = _remember(engine, alert, found)
        if order is not None:
            _evaluate_again(engine, order.shop, order)
        return True
    last_emitted.revision = max(last_emitted.revision, found.revision)
    if found.open and not last_emitted.open:
        shop.emitted.reopen(shop.emitted.alerts if order is None else order.alerts or {}, name)  # so that it ends
    last_emitted.tier = ""  # no rule has this tier, so it differs from what should be open and is written again
    _evaluate_again(engine, shop, order)
    return True


def restate_alert(engine: Engine, name: str) -> None:
    """Has an open alert written again, because its last record is gone from the topic."""
    shop, order, last_emitted = _find(engine, name)
    if shop is not None and last_emitted is not None:
        last_emitted.tier = ""  # as in `correct_alert`
        _evaluate_again(engine, shop, order)


def _find(engine: Engine, name: str) -> tuple[Shop | None, Order | None, Emitted | None]:
    """The shop, the order (if the alert is of one) and what was last emitted, by an alert's id; None for what isn't
    known."""
    place = shop_of(name)
    shop = None if place is None else engine.shops.get(place)
    if shop is None:
        return None, None, None
    order = engine.order(shop, subject_and_episode(name, name.partition(":")[0], shop.key)[0])
    if order is not None and order.alerts is not None and name in order.alerts:
        return shop, order, order.alerts[name]
    return shop, None, shop.emitted.alerts.get(name)


def _evaluate_again(engine: Engine, shop: Shop, order: Order | None) -> None:
    """Has an order or shop evaluated and reconciled again."""
    if order is not None:
        order.changed_facts = EVERY_FACT
        engine.work.mark_order(order)
    shop.findings = NOTHING
    engine.work.mark_rules(shop, shop.plan.every_evaluator)


def _remember(engine: Engine, alert: Alert, last_emitted: Emitted) -> Order | None:
    """Sets what was last emitted of an alert. Returns the order, if the alert is of one."""
    shop = engine.shop(alert.platform, alert.shop)
    rule, name = alert.data.rule, alert.data.alert
    order: Order | None = None
    # By the rule's kind, as the shop's plan may still change when its profile is restored.
    if isinstance(alert.order, str) and engine.book.is_of_orders(rule):
        order = engine.order(shop, alert.order)
        if order is None:
            order = Order(alert.order, shop)
            order.facts = NO_FACTS
            engine.add(order)
        order.alerts = order.alerts or {}
        order.watched_facts = shop.plan.masks.watched_facts
        held = order.alerts
    else:
        held = shop.emitted.alerts
    shop.emitted.record(held, name, last_emitted)
    shop.rebound = True
    if held is shop.emitted.alerts:
        shop.findings = NOTHING  # reconciled before this alert was known
    engine.work.mark_rules(shop, shop.plan.every_evaluator)
    return order
