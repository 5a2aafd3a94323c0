"""Counts are derived: an order stands in the buckets of its shop's ratios, and its instants among the shop's marks,
and moves between them as it changes. What moved is answered as bits of the judges that must know."""

from rules.kinds.ratio import Gauge
from rules.plan import Looking
from rules.watch import Order


def count(order: Order, looking: Looking, changed: int, judged: int, passed_ms: int) -> int:
    """Counts an order as it stands now. `looking` are the parts of the plan that its news concern, `judged` the
    deadline rules (as bits) that have looked at it, `changed` those that judge otherwise than before."""
    shop, facts, plan = order.shop, order.facts, order.shop.plan
    stale = _place(order, looking.gauges)
    if changed & plan.gauge_bits:
        stale |= _place(order, plan.leaning(changed & plan.gauge_bits))
    for n, trace in looking.traces:
        stale |= _note(order, n, trace.instants(facts, order.missed, passed_ms))
    if judged & plan.trace_bits and (order.missed | changed) & plan.trace_bits:
        for n, trace in enumerate(plan.traces):
            if trace.bits & judged:
                stale |= _note(order, n, trace.instants(facts, order.missed, passed_ms))
    if looking.sales and shop.stocked and shop.sell(order, plan.sales_zone):
        stale |= plan.on_sale
    if looking.numbers and shop.ship_under(order):
        stale |= plan.on_number
    return stale


def uncount(order: Order) -> int:
    """Takes an order out of all that is derived from its shop's orders."""
    shop, plan = order.shop, order.shop.plan
    for n, tally in enumerate(shop.tallies):
        tally.move(order.id, order.facts, order.parts[n], None)
        order.parts[n] = None
    for marks in shop.marks:
        marks.pop(order.id, None)
    shop.unship(order)
    shop.unsell(order)
    order.follow(plan)
    return plan.every_judge


def _place(order: Order, gauges: list[tuple[int, Gauge]]) -> int:
    """Puts an order where it counts now in some ratios."""
    facts, missed, overdue, parts = order.facts, order.missed, order.overdue, order.parts
    plan, tallies = order.shop.plan, order.shop.tallies
    stale = 0
    for n, gauge in gauges:
        before, after = parts[n], gauge.part(facts, missed, overdue)
        if after != before:
            parts[n] = after
            stale |= plan.on_any_move[n]
            if tallies[n].move(order.id, facts, before, after):
                stale |= plan.on_gauge[n]
        elif gauge.rule.by == "reason":
            stale |= plan.on_gauge[n]  # it may count for another reason
    return stale


def _note(order: Order, n: int, instants: tuple[int, ...]) -> int:
    """Keeps the instants at which something happened to an order."""
    marks = order.shop.marks[n]
    if instants == marks.get(order.id, ()):
        return 0
    if instants:
        marks[order.id] = instants
    else:
        del marks[order.id]
    return order.shop.plan.on_trace[n]
