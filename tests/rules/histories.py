"""Histories at random, in any order of arrival and under any clock, and a worker that lives through them.

Times lie on a coarse grid of hours, so that events fall on deadlines and on each other all the time.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

import orjson
from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS, MIN_MS
from rules.engine.engine import Engine
from rules.facts.order_facts import OrderFacts
from rules.messages.alert_state import emitted_from
from rules.messages.alerts import Alert, decode, encode
from rules.plan.rule_book import RuleBook
from streams.runtime.changelog import fact_records
from streams.runtime.partition import Partition
from tests.rules.history import (
    START_MS,
    TimedEvent,
    cancelled,
    collected,
    event,
    moved,
    placed,
    refunded,
    scanned,
    shipped,
)

ORDERS = ("1", "1", "1", "2")
SHOPS = ("a", "a", "a", "b")
END_MS = START_MS + 800 * HOUR_MS
"""Past every deadline but those of months, and before any order expires."""

hours = st.integers(0, 8).map(lambda n: f"{12 * n}h")
clocks_ms = st.integers(0, 20).map(lambda n: START_MS + 12 * n * HOUR_MS)


ITEMS = [{"sku": "A", "qty": 2}, {"sku": "B"}]


def more_than_plain(order: str, at: str, where: dict[str, str]) -> st.SearchStrategy[TimedEvent]:
    """What happens to orders of several parcels and lines, or with more than one fate."""
    part: Any = [{"sku": "A", "qty": 2}]
    return st.sampled_from(
        [
            placed(order, at, **where, items=ITEMS, amount="9", currency="USD"),
            placed(order, at, **where, paid=False),
            event("order.paid", order, at, **where),
            *(shipped(order, at, **where, tracking_no=number) for number in ("P1", "P2")),
            shipped(order, at, **where, tracking_no="P3", replaces="P1"),
            shipped(order, at, **where, tracking_no="P1", items=part),
            *(collected(order, at, **where, tracking_no=number) for number in ("P1", "P2")),
            *(scanned(order, at, **where, status=status, tracking_no="P1") for status in ("delivered", "returned")),
            event("pickup.failed", order, at, **where, tracking_no="P1"),
            cancelled(order, at, **where, by="seller", items=part),
            event("order.reopened", order, at, **where),
            event("order.voided", order, at, **where),
            refunded(order, at, **where, amount="3"),
            event("order.returned", order, at, **where, cause="undelivered"),
        ]
    )


@st.composite
def happenings(draw: st.DrawFn, platform: str = "joom", movable: bool = True, detailed: bool = False) -> TimedEvent:
    """One event; which one it is follows from its contents, as with a sender that keeps its ids apart. `detailed`: also
    such as make an order more than a plain one."""
    where = {"platform": platform, "shop": draw(st.sampled_from(SHOPS))}
    order, at = draw(st.sampled_from(ORDERS)), draw(hours)
    if detailed and draw(st.integers(0, 3)) == 0:
        return draw(more_than_plain(order, at, where))
    kind = draw(
        st.sampled_from(["placed", "placed", "shipped", "shipped", "cancelled", "collected", "scanned", "other"])
    )
    match kind:
        case "placed":
            terms = draw(
                st.sampled_from([{}, {"amount": "7.50", "currency": "USD"}, {"amount": "3", "currency": "IDR"}])
            )
            return placed(order, at, **where, **terms)
        case "cancelled":
            return cancelled(order, at, **where, by=draw(st.sampled_from(["buyer", "seller", "system"])))
        case "scanned":
            status = draw(st.sampled_from(["info_received", "in_transit", "delivered", "returned"]))
            return scanned(order, at, status, **where)
        case "other" if movable:
            return draw(st.sampled_from([moved(order, at, to=draw(hours), **where), refunded(order, at, **where)]))
        case "shipped":
            return shipped(order, at, **where)
    return collected(order, at, **where)


def histories(
    platform: str = "joom", movable: bool = True, detailed: bool = False
) -> st.SearchStrategy[list[TimedEvent]]:
    each = happenings(platform, movable, detailed)
    return st.lists(each, min_size=4, max_size=14, unique_by=lambda each: each[0].id)


def shuffled_with_repeats(events: list[TimedEvent]) -> st.SearchStrategy[list[TimedEvent]]:
    repeats = st.lists(st.sampled_from(events), max_size=6)
    return repeats.flatmap(lambda again: st.permutations(events + again))


def apply(engine: Engine, events: Iterable[TimedEvent]) -> None:
    for happened, at_ms in events:
        engine.apply(happened, at_ms)


def facts_of(engine: Engine) -> dict[tuple[str, str], OrderFacts]:
    return {(key[1], order.id): order.facts for key, shop in engine.shops.items() for order in shop.orders.values()}


def open_alerts(alerts: Iterable[Alert]) -> set[tuple[str, str, str]]:
    newest = {alert.data.alert: alert.data for alert in alerts}
    return {(data.alert, data.stage, data.severity) for data in newest.values() if data.state == "open"}


def in_no_order(alerts: Iterable[Alert]) -> Counter[bytes]:
    """Records of one instant have no order among each other."""
    return Counter(encode(alert) for alert in alerts)


def assert_well_formed(alerts: Iterable[Alert]) -> None:
    """Each alert's records: revisions 1, 2, 3…, opened before anything else, in time."""
    before: dict[str, Alert] = {}
    for alert in alerts:
        last = before.get(alert.data.alert)
        assert alert.data.revision == (1 if last is None else last.data.revision + 1)
        closed = last is None or last.data.state == "resolved"
        assert (alert.type == "alert.opened") is closed
        assert last is None or last.time <= alert.time
        before[alert.data.alert] = alert


Cycle = tuple[list[TimedEvent], int]
"""Events that arrive, and where the clock moves then (epoch ms)."""


@st.composite
def commit_cycles(draw: st.DrawFn, platform: str) -> list[Cycle]:
    """A history in any order of arrival, commit cycle by commit cycle, under a clock that only goes on."""
    events = draw(histories(platform, detailed=True).flatmap(shuffled_with_repeats))
    cuts = sorted(draw(st.lists(st.integers(0, len(events)), min_size=1, max_size=5)))
    clocks = sorted(draw(st.lists(clocks_ms, min_size=len(cuts) + 1, max_size=len(cuts) + 1)))
    parts = [events[start:end] for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True)]
    return list(zip(parts, clocks, strict=True))


class Worker:
    """A partition, its engine, and what its changelogs hold."""

    def __init__(self, rules: RuleBook, stepping: bool) -> None:
        self.partition = Partition(0, 1, rules, "event" if stepping else "wall")
        self.engine = self.partition.engine
        self.alerts: list[Alert] = []
        self.facts: dict[bytes, bytes | None] = {}
        self.forgotten: set[str] = set()
        self.clock_ms = MIN_MS

    def commit_cycle(self, events: Iterable[TimedEvent], to_ms: int) -> None:
        apply(self.engine, events)
        self.engine.advance(to_ms)
        self.write()

    def set_back(self, by_ms: int) -> None:
        """The clock is set back, if it has started, and a commit cycle follows."""
        if self.engine.clock_ms > MIN_MS:
            self.engine.set_back(self.engine.clock_ms - by_ms)
            self.commit_cycle([], self.engine.clock_ms)

    def write(self) -> None:
        alerts = [decode(value) for _, value in self.partition.drain_alerts()]
        self.alerts += alerts
        for name, alert in {alert.data.alert: alert for alert in alerts}.items():
            shop = self.engine.shops[alert.platform, alert.shop]
            order = shop.orders.get(alert.order) if isinstance(alert.order, str) else None
            held = shop.emitted.alerts.get(name) or ((order and order.alerts) or {}).get(name)
            assert held in (emitted_from(alert), None)
        changes = self.engine.drain()
        self.forgotten = (self.forgotten | set(changes.forgotten)) - {alert.data.alert for alert in alerts}
        self.keep(fact_records(changes))
        self.clock_ms = self.engine.clock_ms

    def keep(self, records: list[tuple[bytes, bytes | None]]) -> None:
        self.facts |= dict(records)

    def kept(self) -> dict[bytes, bytes]:
        """The orders in its changelog. A shop's words that have been overtaken may still lie there, or not."""
        return {key: raw for key, raw in self.facts.items() if raw is not None and len(orjson.loads(key)) == 3}

    def restarted(self, alerts: Iterable[Alert], backwards: bool = False) -> Self:
        """Another worker, from this one's changelogs and the `alerts` topic, in the order written or backwards."""
        other = type(self)(self.engine.book, self.engine.stepping)
        other.alerts = list(alerts)
        other.facts, other.forgotten, other.clock_ms = dict(self.facts), self.forgotten, self.clock_ms
        for newest in {alert.data.alert: alert for alert in other.alerts}.values():
            other.partition.restore_alert(b"", encode(newest))
        for key, raw in sorted(self.facts.items(), reverse=True) if backwards else self.facts.items():
            other.partition.restore_fact(key, raw)
        other.engine.clock_ms = self.clock_ms
        return other
