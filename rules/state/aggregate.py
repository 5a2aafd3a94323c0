"""Aggregates of a shop's orders: the day buckets of its ratios, timelines, sales and tracking numbers.

They are derived from the orders' facts. When an order changes, it is moved between them; the functions return the
evaluators (as bits) that must evaluate again because of it. Whether counts of ratios matter is only found out when the
shop is evaluated (`check_ratios`).
"""

from functools import lru_cache

from rules.calendar.instants import NEVER
from rules.facts.order_facts import OrderFacts
from rules.kinds.ratio.compiled import Classifier, Days, Population
from rules.kinds.ratio.counters import evidence_of
from rules.plan.shop_plan import IndexUpdates, Recount
from rules.state.shop import Order, Shop


def apply_order(order: Order, changed_facts: int, changed: int, passed_ms: int) -> int:
    """Counts an order as it stands now. `changed_facts` are the facts, `changed` the deadline rules (both as bits) that
    differ from the last time. Returns the evaluators (as bits) to evaluate again."""
    plan = order.shop.plan
    recount = plan.recount(changed_facts, changed & plan.masks.ratio_rules)
    dirty_rules = 0 if recount.classify is None else _reclassify(order, recount, recount.classify)
    if recount.indexes is not None or (order.missed | changed) & plan.masks.extractor_rules:
        dirty_rules |= _update_indexes(order, recount.indexes, changed, passed_ms)
    return dirty_rules


def _update_indexes(order: Order, updates: IndexUpdates | None, changed: int, passed_ms: int) -> int:
    """Updates what an order is counted in beside ratios."""
    shop, facts, plan, dirty_rules = order.shop, order.facts, order.shop.plan, 0
    for n, extractor in () if updates is None else updates.extractors:
        dirty_rules |= _put_instants(order, n, extractor.instants(facts, order.missed, passed_ms))
    if (order.missed | changed) & plan.masks.extractor_rules:
        for n, extractor in enumerate(plan.extractors):
            if extractor.bits:
                dirty_rules |= _put_instants(order, n, extractor.instants(facts, order.missed, passed_ms))
    if updates is None:
        return dirty_rules
    if updates.sales and shop.sales.counting and shop.apply_sales(order):
        dirty_rules |= plan.on_sale
    if updates.numbers and shop.set_tracking_number(order):
        dirty_rules |= plan.on_number
    if updates.while_bad and order.bad:
        dirty_rules |= updates.while_bad
    return dirty_rules


def replace_facts(order: Order, facts: OrderFacts) -> None:
    """Gives an order other facts, also where it counts as bad. `apply_order` then works out where it counts by them."""
    order.facts = facts
    _replace_where_bad(order, facts)


def _replace_where_bad(order: Order, facts: OrderFacts) -> None:
    for n in positions(order.bad):
        counter = order.shop.counters[n]
        day = order.days[counter.ratio.denominator.n]
        if day is not None and order.id in counter.bad.get(day, ()):
            counter.bad[day][order.id] = facts


def keep_evidence(order: Order) -> None:
    """Keeps of an order that leaves memory, where it counts as bad, only the facts that are looked at then."""
    _replace_where_bad(order, evidence_of(order.facts))


def derive_again(order: Order, at_ms: int) -> None:
    """Works out what is derived from the facts of an order that comes back to memory: it is counted already, so its
    shop's counts stay. Nothing waits for it, so a moment (epoch ms) says what each later one does."""
    facts, plan = order.facts, order.shop.plan
    order.missed, order.overdue = plan.evaluate_timers(facts, at_ms)
    order.bad, days = plan.classify(facts, order.missed, order.overdue, order.bad, order.days)
    order.days = _alike(days)
    order.derive_uses()
    replace_facts(order, facts)
    if facts.plain:
        never = [NEVER] * (len(plan.timers) + 1)
        order.watched_facts = plan.masks.mask(never, order.bad, order.missed != 0 or order.alerts is not None)


def remove_order(order: Order) -> int:
    """Takes an order out of all aggregates of its shop. Returns the evaluators (as bits) to evaluate again."""
    shop, plan = order.shop, order.shop.plan
    for denominator in plan.denominators:
        if (day := order.days[denominator.n]) is not None:
            _move(order, denominator, day, None, order.bad)
    for slot in range(len(shop.timelines)):
        shop.put_instants(slot, order.id, ())
    shop.clear_tracking_number(order)
    shop.remove_sales(order)
    order.rebind(plan)
    return plan.every_evaluator


def _reclassify(order: Order, recount: Recount, classify: Classifier) -> int:
    """Classifies an order anew in some ratios, and moves it if its day, or whether it is bad, has changed."""
    was_bad, before, dirty_rules = order.bad, order.days, recount.split
    bad, days = classify(order.facts, order.missed, order.overdue, was_bad, before)
    order.bad = bad
    flipped = bad ^ was_bad
    if days != before:
        order.days, buckets = _alike(days), order.shop.buckets
        for population in recount.populations:
            n = population.n
            day, day_before = days[n], before[n]
            if day != day_before:
                flipped &= ~population.ratios
                dirty_rules |= population.on_move
                within_slack = day is not None and buckets[n].add(day)
                if day_before is not None or not within_slack or population.ratios & bad:
                    _move(order, population, day_before, day, was_bad)
    return dirty_rules | _flip(order, flipped) if flipped else dirty_rules


def _move(order: Order, denominator: Population, before: int | None, day: int | None, was_bad: int) -> None:
    """Moves an order to another day, or out of the buckets (`day` None), in the ratios that share a population. The new
    day's bucket has it already."""
    shop, ratios, bad = order.shop, denominator.ratios, order.bad
    buckets = shop.buckets[denominator.n]
    if before is not None:
        buckets.remove(before)
    else:
        shop.ratios_to_check |= buckets.take_used_up()
        was_bad, ratios = 0, ratios & bad
    for n in positions(ratios):
        counter = shop.counters[n]
        is_good = not (bad | was_bad) >> n & 1
        if is_good and before is not None and day is not None and not counter.distinguishes(before, day):
            continue
        if was_bad >> n & 1 and before is not None:
            counter.remove_bad(before, order.id)
        is_current = day is not None and bad >> n & 1 and counter.add_bad(day, order.id, order.facts)
        if is_good or is_current or counter.covers(before) or counter.covers(day):
            shop.ratios_to_check |= counter.ratio.bit


def _flip(order: Order, flipped: int) -> int:
    """Turns an order that stays on its day bad or good in some ratios (as bits)."""
    shop, dirty_rules = order.shop, 0
    for n in positions(flipped):
        counter = shop.counters[n]
        denominator = counter.ratio.denominator
        day = order.days[denominator.n]
        if day is None:
            continue
        is_bad = order.bad >> n & 1
        is_current = counter.add_bad(day, order.id, order.facts) if is_bad else counter.remove_bad(day, order.id)
        dirty_rules |= denominator.on_move
        if is_current:
            shop.ratios_to_check |= counter.ratio.bit
    return dirty_rules


def wake_ratios(shop: Shop, passed_ms: int) -> list[tuple[int, int]]:
    """Wakes the counters that were idle until an order went bad. Returns the evaluators (by place) to evaluate when
    their windows slide next (epoch ms)."""
    woken: list[tuple[int, int]] = []
    for n in positions(shop.ratios_to_check):
        next_ms = shop.counters[n].wake(passed_ms)
        if next_ms is not None:
            woken += [(evaluator, next_ms) for evaluator in positions(shop.plan.on_ratio[n])]
    return woken


def check_ratios(shop: Shop) -> int:
    """Adds the evaluators that must evaluate again because of the counts of ratios to those that must anyway. Once for
    all orders that have changed: most don't change what the first have. Returns the evaluators (as bits) of which only
    the figures of open alerts may have moved."""
    moved = 0
    for n in positions(shop.ratios_to_check):
        evaluators, counter = shop.plan.on_ratio[n], shop.counters[n]
        if evaluators & ~shop.dirty_rules:
            if counter.has_changed_stage():
                shop.dirty_rules |= evaluators
            elif counter.has_passed_limits():
                moved |= evaluators
    shop.ratios_to_check = 0
    return moved & ~shop.dirty_rules


@lru_cache(maxsize=10_000)
def _alike(days: Days) -> Days:
    """The same tuple for all orders that count on the same days, which saves memory."""
    return days


@lru_cache
def positions(bits: int) -> tuple[int, ...]:
    """Which bits are set."""
    return tuple(n for n in range(bits.bit_length()) if bits >> n & 1)


def _put_instants(order: Order, n: int, instants: tuple[int, ...]) -> int:
    """Puts the instants at which something happened to an order into a timeline."""
    shop = order.shop
    if not instants and order.id not in shop.timelines[n].by_order:
        return 0  # as for most
    return shop.plan.on_timeline[n] if shop.put_instants(n, order.id, instants) else 0
