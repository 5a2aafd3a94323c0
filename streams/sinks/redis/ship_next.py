"""The orders of one partition that wait for a deadline, by warehouse, and what meeting it saves."""

from heapq import heappop, heappush
from typing import NamedTuple

import orjson

from rules.calendar.instants import MIN_MS, rfc3339
from rules.facts.order_facts import OrderFacts
from rules.facts.shop_facts import PROFILE_KINDS, ShopFacts, decode
from rules.facts.stored import decode_facts
from rules.messages.names import encoded, shop_key
from rules.plan.rule_book import RuleBook
from rules.plan.shop_plan import Plan
from rules.reports.next_deadline import Due, next_deadline
from streams.warehouses import Warehouses

ShopName = tuple[str, str]
"""Platform and shop."""


class Waiting(NamedTuple):
    """An order's entry: its next deadline (epoch ms) is the score; `saves` is JSON."""

    warehouse: str
    at_ms: int
    saves: bytes


class ShipNext:
    """`waiting` is the list as it should be. `changed` maps each order that has changed since it was last cleared to
    the warehouse it was listed under; `moved` are orders whose own warehouse has changed. `clock_ms` is the partition's
    clock, in event time."""

    def __init__(self, book: RuleBook, warehouses: Warehouses) -> None:
        self._book, self._warehouses = book, warehouses
        self.waiting: dict[str, Waiting] = {}
        self.changed: dict[str, str | None] = {}
        self.homes: dict[str, str] = {}
        self.moved: set[str] = set()
        self.clock_ms = MIN_MS
        self._profiles: dict[ShopName, ShopFacts] = {}
        self._plans: dict[ShopName, Plan] = {}
        self._orders: dict[ShopName, dict[str, bytes]] = {}  # facts of orders that may have a deadline ahead
        self._timers: list[tuple[int, str, ShopName]] = []

    def apply(self, key: bytes, value: bytes | None, now_ms: int) -> None:
        """Applies a record of the facts changelog."""
        match orjson.loads(key):
            case "clock" if value is not None:
                self.clock_ms = max(self.clock_ms, int(orjson.loads(value)["clock_ms"]))
            case [str(platform), str(shop), str(order)]:
                self._take_order((platform, shop), member(platform, shop, order), value, now_ms)
            case [str(platform), str(shop), str(kind), [*about]] if kind in PROFILE_KINDS:
                self._take_profile((platform, shop), kind, tuple(about), value, now_ms)

    def _take_order(self, shop: ShopName, name: str, value: bytes | None, now_ms: int) -> None:
        if value is None:
            self._orders.get(shop, {}).pop(name, None)
            self._set(name, None)
            self._house(name, None)
        else:
            self._evaluate(name, shop, value, now_ms)

    def _take_profile(
        self, shop: ShopName, kind: str, about: tuple[str, ...], value: bytes | None, now_ms: int
    ) -> None:
        """A shop's site or programme decides which rules it has: its orders are looked at again."""
        profile = self._profiles.setdefault(shop, ShopFacts())
        profile.put(kind, about, None if value is None else decode(kind, value))
        before = self._plan(shop)
        plan = self._plans[shop] = self._book.plan_of(*shop, profile)
        if plan is not before:
            for name, facts in list(self._orders.get(shop, {}).items()):
                self._evaluate(name, shop, facts, now_ms)

    def _plan(self, shop: ShopName) -> Plan:
        plan = self._plans.get(shop)
        if plan is None:
            plan = self._plans[shop] = self._book.plan_of(*shop, ShopFacts())
        return plan

    def advance(self, now_ms: int) -> None:
        """Looks again at orders whose deadlines have passed."""
        while self._timers and self._timers[0][0] <= now_ms:
            at_ms, name, shop = heappop(self._timers)
            waiting = self.waiting.get(name)
            if waiting is not None and waiting.at_ms == at_ms:
                self._evaluate(name, shop, self._orders[shop][name], now_ms)

    def _evaluate(self, name: str, shop: ShopName, value: bytes, now_ms: int) -> None:
        facts = decode_facts(value)
        warehouse = self._warehouses.of_order(*shop, facts.skus())
        by_articles = warehouse != self._warehouses.of_shop(*shop)
        self._house(name, warehouse if by_articles else None)
        due = next_deadline(self._plan(shop), facts, now_ms)
        if due is None and facts.is_over():
            self._orders.get(shop, {}).pop(name, None)
        else:
            self._orders.setdefault(shop, {})[name] = value
        if due is None:
            self._set(name, None)
            return
        heappush(self._timers, (due.at_ms, name, shop))
        self._set(name, Waiting(warehouse, due.at_ms, _saves(due, facts)))

    def _set(self, name: str, now: Waiting | None) -> None:
        before = self.waiting.get(name)
        if now == before:
            return
        self.changed.setdefault(name, before.warehouse if before else None)
        if now is None:
            del self.waiting[name]
        else:
            self.waiting[name] = now

    def _house(self, name: str, warehouse: str | None) -> None:
        if self.homes.get(name) == warehouse:
            return
        self.moved.add(name)
        if warehouse is None:
            del self.homes[name]
        else:
            self.homes[name] = warehouse


def member(platform: str, shop: str, order: str) -> str:
    """An order's name in Redis."""
    return f"{shop_key(platform, shop)}/{encoded(order)}"


def _saves(due: Due, facts: OrderFacts) -> bytes:
    terms = facts.terms
    return orjson.dumps(
        {
            "due_at": rfc3339(due.at_ms),
            "rules": due.rules,
            "clauses": due.clauses,
            "amount": terms.amount if terms else None,
            "currency": terms.currency if terms else None,
        }
    )
