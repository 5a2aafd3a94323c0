"""A shop's checkpoint: all that it keeps of its orders that have left memory, as bytes.

A restart reads it in place of those orders: they are neither read nor counted again. Nothing is counted for it: it is
what the shop counts, less what its orders in memory contribute. `tests/rules/engine/test_checkpoints.py` holds that
nothing differs by it.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from rules.facts.order_facts import OrderFacts
from rules.facts.stored import decode_facts, encode_facts, encode_plain
from rules.kinds.ratio.counters import evidence_of
from rules.state.sales import Sales
from rules.state.shop import Shop
from rules.state.tracking_numbers import NumberUse

BySku = dict[str, dict[int, int | Decimal]]


LARGEST_INT: Final = 2**63 - 1
"""MessagePack has no larger ones."""


class BadOrder(NamedTuple):
    """A bad order's evidence, encoded, and where it counts: the positions of ratios, with its local day in each."""

    order: str
    facts: bytes
    counted: list[tuple[int, int]]


class Checkpoint(Struct, array_like=True):
    """What a shop keeps of the orders that have left memory, as `Shop` and its aggregates name it. `derived_by`: the
    plan that they were counted by (`rules.plan.shop_plan`); `counted_ms`: when at the latest (epoch ms); `computed`:
    how far periodic ratios were, whose results rest on these orders as they were at each boundary."""

    derived_by: str
    counted_ms: int
    evicted: int
    from_ms: int
    to_ms: int
    began_ms: int
    placed: list[int]
    alerts: dict[str, bytes]
    days: list[dict[int, int]]
    bad: list[BadOrder]
    timelines: list[dict[str, tuple[int, ...]]]
    numbers: dict[str, tuple[NumberUse, ...]]
    counts_sales: bool
    sales: BySku
    computed: tuple[tuple[int, int, int], ...]
    late_before_ms: int

    @property
    def size(self) -> int:
        """How many entries it holds; what it costs to make it goes by that."""
        return len(self.bad) + sum(map(len, self.timelines)) + len(self.numbers) + len(self.alerts)


def take(shop: Shop, counted_ms: int) -> Checkpoint | None:
    """A shop's checkpoint, `counted_ms` being the latest moment by which its orders were counted (epoch ms); None while
    results are yet to be computed or saved."""
    orders, computed = shop.orders, shop.period_results.progress()
    if computed is None:
        return None
    return Checkpoint(
        derived_by=shop.plan.derived_by,
        counted_ms=counted_ms,
        evicted=shop.evicted,
        from_ms=shop.evicted_from_ms,
        to_ms=shop.evicted_to_ms,
        began_ms=shop.began_ms,
        placed=list(shop.evicted_placed),
        alerts=shop.evicted_alerts,
        days=_days(shop),
        bad=list(_bad(shop)),
        timelines=[
            {order: instants for order, instants in timeline.by_order.items() if order not in orders}
            for timeline in shop.timelines
        ],
        numbers={order: uses for order, uses in shop.tracking_numbers.by_order().items() if order not in orders},
        counts_sales=shop.sales.counting,
        sales=_sales(shop),
        computed=computed,
        late_before_ms=shop.period_results.late_before_ms,
    )


def _days(shop: Shop) -> list[dict[int, int]]:
    """The orders that have left memory by day, in each population."""
    days = [dict(buckets.by_day) for buckets in shop.buckets]
    for of_order, number in Counter([order.days for order in shop.orders.values()]).items():
        for n, day in enumerate(of_order):
            if day is not None:
                days[n][day] -= number
    return [{day: number for day, number in by_day.items() if number} for by_day in days]


def _bad(shop: Shop) -> Iterator[BadOrder]:
    found: dict[str, tuple[OrderFacts, list[tuple[int, int]]]] = {}
    for n, counter in enumerate(shop.counters):
        for day, orders in counter.bad.items():
            for order, facts in orders.items():
                if order not in shop.orders:
                    found.setdefault(order, (facts, []))[1].append((n, day))
    for order, (facts, counted) in found.items():
        yield BadOrder(order, encode_plain(facts) if facts.plain else encode_facts(facts), counted)


def _sales(shop: Shop) -> BySku:
    if not (shop.sales.counting and shop.plan.on_sale):
        return {}
    left = Sales()
    left.by_sku = {sku: dict(by_day) for sku, by_day in shop.sales.by_sku.items()}
    for order in shop.orders.values():
        left.replace(order.decoded().sold, None)
    return {sku: {day: _encodable(units) for day, units in by_day.items()} for sku, by_day in left.by_sku.items()}


def _encodable(units: int | Decimal) -> int | Decimal:
    """Units in a form that can always be encoded: a worker that failed at it would end, after each restart again."""
    return units if -LARGEST_INT <= units <= LARGEST_INT else Decimal(units)


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Checkpoint).decode


def decode(raw: bytes) -> Checkpoint | None:
    """None for what is no checkpoint, or another version's."""
    try:
        return _decode(raw)
    except msgspec.DecodeError:
        return None


def fits(shop: Shop, found: Checkpoint) -> bool:
    """Whether a checkpoint says what the shop would count of these orders by the plan that it has."""
    plan = shop.plan
    sells = bool(plan.on_sale)
    return (
        bool(plan.derived_by)
        and found.derived_by == plan.derived_by
        and (not sells or found.counts_sales == shop.sales.counting)
    )


def restore(shop: Shop, found: Checkpoint) -> None:
    """Adds to a shop what a checkpoint that fits it holds."""
    shop.evicted, shop.evicted_from_ms, shop.evicted_to_ms = found.evicted, found.from_ms, found.to_ms
    shop.evicted_placed = array("q", found.placed)
    if found.alerts:
        shop.evicted_alerts = found.alerts
    shop.began_ms = min(shop.began_ms, found.began_ms)
    shop.checkpoint_size = found.size
    for buckets, by_day in zip(shop.buckets, found.days, strict=True):
        buckets.add_all(by_day)
    for order, raw, counted in found.bad:
        facts = evidence_of(decode_facts(raw))
        for n, day in counted:
            shop.counters[n].add_bad(day, order, facts)
    for timeline, by_order in zip(shop.timelines, found.timelines, strict=True):
        for order, instants in by_order.items():
            timeline.put(order, instants)
    for order, uses in found.numbers.items():
        shop.tracking_numbers.replace(order, (), uses)
    shop.sales.add_all(found.sales)
    shop.period_results.resume(found.computed, found.late_before_ms)
