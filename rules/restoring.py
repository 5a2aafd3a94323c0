"""State back from the changelogs after a restart, in any order; the engine's `settle` derives the rest."""

from rules.alerts import Alert, Emitted, emitted_from, shop_of, subject_and_episode
from rules.counting import uncount
from rules.engine import Engine
from rules.facts import EVERY_FACT, OrderFacts
from rules.instants import NEVER
from rules.kinds.computing import Computed
from rules.nothing import NOTHING
from rules.shopfacts import Entry, Key
from rules.watch import Order


def restore_order(engine: Engine, platform: str, shop_name: str, order_id: str, facts: OrderFacts | None) -> None:
    """Takes an order's facts back; None where it was dropped."""
    shop, agenda = engine.shop(platform, shop_name), engine.agenda
    order = shop.orders.get(order_id)
    if order is not None:
        agenda.ask(shop, uncount(order))
    elif facts is None:
        return
    else:
        order = Order(order_id, shop)
        engine.keep(order)
    order.news = EVERY_FACT
    order.facts = facts or OrderFacts()  # dropped: an entry that still waits for it must find nothing
    order.last_ms = order.facts.last_at_ms()
    shop.began_ms = min(shop.began_ms, order.facts.first_at_ms())
    shop.expect(order)
    if facts is None and order.alerts is None:
        order.armed_ms = NEVER
        engine.drop(order)
    else:
        agenda.look_at(order)


def restore_entry(engine: Engine, platform: str, shop_name: str, kind: str, key: Key, entry: Entry | None) -> None:
    """Takes one of a shop's own facts back; None where it was dropped."""
    shop = engine.shop(platform, shop_name)
    shop.facts.put(kind, key, entry)
    engine.heard(shop, kind)


def restore_computed(
    engine: Engine, platform: str, shop_name: str, rule: str, border_ms: int, found: Computed | None
) -> None:
    """Takes back what a ratio was at a border (epoch ms); None where it had no orders after all."""
    shop = engine.shop(platform, shop_name)
    if found is None:
        shop.computed.get(rule, {}).pop(border_ms, None)
    else:
        shop.computed.setdefault(rule, {})[border_ms] = found
        shop.late_before_ms = max(shop.late_before_ms, border_ms)
    shop.restored = True
    engine.agenda.ask(shop, shop.plan.every_judge)


def restore_alert(engine: Engine, alert: Alert) -> None:
    """Takes back what was last said of an alert. Raises ValueError, before anything is changed, for times that are
    none."""
    _remember(engine, alert, emitted_from(alert))


def correct_alert(engine: Engine, alert: Alert) -> bool:
    """Takes note that somebody else has written a record of an alert; False where it says what was last said anyway.

    What should be open is written again, above both revisions, and what shouldn't be is resolved. Raises ValueError as
    `restore_alert` does.
    """
    found, before = emitted_from(alert), last_emitted(engine, alert)
    if found == before:
        return False
    found.revision = max(found.revision, 0 if before is None else before.revision)
    found.at_ms = min(found.at_ms, engine.clock_ms)  # else it would stand until then
    if before is not None and before.open and found.open:
        found.opened_at_ms = before.opened_at_ms
    found.tier = ""  # differs from whatever should be open, so that this is written even if only the words were others
    order = _remember(engine, alert, found)
    if order is not None:
        order.news = EVERY_FACT
        engine.agenda.look_at(order)
    return True


def restate_alert(engine: Engine, name: str) -> None:
    """Has an alert that is open written again, since what was last said of it is gone from the topic."""
    place = shop_of(name)
    shop = None if place is None else engine.shops.get(place)
    if shop is None:
        return
    subject, _ = subject_and_episode(name, name.partition(":")[0], shop.key)
    order = shop.orders.get(subject)
    of_order = None if order is None or order.alerts is None else order.alerts.get(name)
    said = of_order or shop.alerts.get(name)
    if said is None:
        return
    said.tier = ""  # as in `correct_alert`
    if order is not None and of_order is not None:
        order.news = EVERY_FACT
        engine.agenda.look_at(order)
    shop.findings.clear()
    engine.agenda.ask(shop, shop.plan.every_judge)


def last_emitted(engine: Engine, alert: Alert) -> Emitted | None:
    """What was last said of the alert that a record is of, as far as it is known."""
    shop = engine.shops.get((alert.platform, alert.shop))
    if shop is None:
        return None
    order = shop.orders.get(alert.order) if isinstance(alert.order, str) else None
    of_order = None if order is None or order.alerts is None else order.alerts.get(alert.data.alert)
    return of_order or shop.alerts.get(alert.data.alert)


def _remember(engine: Engine, alert: Alert, said: Emitted) -> Order | None:
    """Has something be what was last said of an alert; the order where it is one's."""
    shop = engine.shop(alert.platform, alert.shop)
    rule, name = alert.data.rule, alert.data.alert
    order: Order | None = None
    # By its kind: the shop's own plan may wait for its profile to come back.
    if isinstance(alert.order, str) and engine.book.is_of_orders(rule):
        order = shop.orders.get(alert.order)
        if order is None:
            order = Order(alert.order, shop)
            engine.keep(order)
        order.alerts = order.alerts or {}
        order.heeds = shop.plan.heeds
        held = order.alerts
    else:
        held = shop.alerts
    before = held.get(name)
    shop.open_alerts += said.open - (before is not None and before.open)
    held[name] = said
    shop.followed = True
    if held is shop.alerts:
        shop.note_open(rule, name, said.open)
        shop.findings = NOTHING  # they have been compared with less
    engine.agenda.ask(shop, shop.plan.every_judge)
    return order
