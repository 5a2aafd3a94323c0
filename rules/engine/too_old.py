"""Events from before what is kept: they begin no order.

Orders expire. If an old event of an expired order came again, without the rest of what was known, the order would come
back as never shipped. So such an event is refused, also if the order is known again since it expired.
`tests/rules/engine/test_too_old.py` holds that repeated events emit nothing, whichever they are.
"""

from rules.facts.merge import facts_from
from rules.facts.order_facts import DetailedFacts, OrderFacts
from rules.facts.plain import expand
from rules.facts.statements import Stamp, canonical
from rules.messages.bad_events import too_old
from rules.plan.shop_plan import Plan
from rules.state.aggregate import replace_facts
from rules.state.shop import Order


def check_age(plan: Plan, at_ms: int, clock_ms: int) -> None:
    """Raises BadEvent if an order that an event of this time (epoch ms) was about may have expired."""
    if at_ms <= clock_ms - plan.retain_ms:
        raise too_old(at_ms, plan.retain_ms)


def check_known(order: Order, at_ms: int, clock_ms: int) -> None:
    """Raises BadEvent if all that is known of an order came only after one of an event's time would have expired; for
    an event that isn't merged yet."""
    kept_ms = order.shop.plan.retain_ms
    if at_ms <= clock_ms - kept_ms and order.facts.first_at_ms() > at_ms + kept_ms:
        raise too_old(at_ms, kept_ms)


def check_merged(order: Order, stamp: Stamp) -> None:
    """The same, for an event older than what is kept that was merged already; it is taken out again then. So that other
    events needn't be looked at before they are merged."""
    kept_ms, facts = order.shop.plan.retain_ms, order.facts
    if isinstance(facts, DetailedFacts):
        return  # `check_known` was called
    others = canonical(each for each in expand(facts) if each.stamp != stamp)
    if not others or others[0].at_ms > stamp[0] + kept_ms:
        replace_facts(order, facts_from(others) if others else OrderFacts())
        raise too_old(stamp[0], kept_ms)
