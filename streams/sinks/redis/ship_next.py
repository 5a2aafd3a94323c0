"""The orders of one partition that wait to be shipped, or for their carrier's scan, by warehouse."""

from typing import NamedTuple

import msgspec
import orjson

from rules.calendar.instants import rfc3339
from rules.facts.order_facts import OrderFacts
from rules.facts.shop_facts import PROFILE_KINDS, ShopFacts, decode
from rules.facts.stored import decode_facts
from rules.messages.names import encoded, shop_key
from rules.plan.rule_book import RuleBook
from rules.plan.shop_plan import Plan
from rules.reports.next_deadline import Due, scan_deadlines, ship_deadlines
from streams.warehouses import Warehouses

_encode = msgspec.json.Encoder().encode  # not orjson, which leaves 4 KB behind each short text that is kept

ShopName = tuple[str, str]
"""Platform and shop."""


class Waiting(NamedTuple):
    """An order's entry: the deadline it should be shipped by and the one its carrier should scan it by (epoch ms; None
    where it waits for neither), which may have passed. They are the scores. `saves` is JSON about the first."""

    warehouse: str
    ship_ms: int | None
    scan_ms: int | None
    saves: bytes | None


class ShipNext:
    """`waiting` are the lists as they should be. `changed` maps each order that has changed since it was last cleared
    to the warehouse it was listed under; `moved` are orders whose own warehouse has changed. All follows from the
    facts: an order stays when its deadline passes, so no clock is needed."""

    def __init__(self, book: RuleBook, warehouses: Warehouses) -> None:
        self._book, self._warehouses = book, warehouses
        self.waiting: dict[str, Waiting] = {}
        self.changed: dict[str, str | None] = {}
        self.homes: dict[str, str] = {}
        self.moved: set[str] = set()
        self._profiles: dict[ShopName, ShopFacts] = {}
        self._plans: dict[ShopName, Plan] = {}
        self._orders: dict[ShopName, dict[str, bytes]] = {}  # facts of orders that may wait for something

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Applies a record of the facts changelog."""
        match orjson.loads(key):
            case [str(platform), str(shop), str(order)]:
                self._apply_order((platform, shop), member(platform, shop, order), value)
            case [str(platform), str(shop), str(kind), [*about]] if kind in PROFILE_KINDS:
                self._apply_profile((platform, shop), kind, tuple(about), value)

    def _apply_order(self, shop: ShopName, name: str, value: bytes | None) -> None:
        if value is None:
            self._orders.get(shop, {}).pop(name, None)
            self._set(name, None)
            self._house(name, None)
        else:
            self._evaluate(name, shop, value)

    def _apply_profile(self, shop: ShopName, kind: str, about: tuple[str, ...], value: bytes | None) -> None:
        """A shop's site or programme decides which rules it has: its orders are looked at again."""
        profile = self._profiles.setdefault(shop, ShopFacts())
        profile.put(kind, about, None if value is None else decode(kind, value))
        before = self._plan(shop)
        plan = self._plans[shop] = self._book.plan_of(*shop, profile)
        if plan is not before:
            for name, facts in list(self._orders.get(shop, {}).items()):
                self._evaluate(name, shop, facts)

    def _plan(self, shop: ShopName) -> Plan:
        plan = self._plans.get(shop)
        if plan is None:
            plan = self._plans[shop] = self._book.plan_of(*shop, ShopFacts())
        return plan

    def _evaluate(self, name: str, shop: ShopName, value: bytes) -> None:
        facts = decode_facts(value)
        warehouse = self._warehouses.of_order(*shop, facts.skus())
        by_articles = warehouse != self._warehouses.of_shop(*shop)
        self._house(name, warehouse if by_articles else None)
        plan = self._plan(shop)
        ship, scan = ship_deadlines(plan, facts), scan_deadlines(plan, facts)
        if ship or scan or not facts.is_over():
            self._orders.setdefault(shop, {})[name] = value
        else:
            self._orders.get(shop, {}).pop(name, None)
        if not ship and not scan:
            self._set(name, None)
            return
        ship_ms, scan_ms = (dues[0].at_ms if dues else None for dues in (ship, scan))
        self._set(name, Waiting(warehouse, ship_ms, scan_ms, _saves(ship, facts) if ship else None))

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


def _saves(dues: list[Due], facts: OrderFacts) -> bytes:
    terms = facts.terms
    rules = [due.timer.rule for due in dues]
    return _encode(
        {
            "due_at": rfc3339(dues[0].at_ms),
            "rules": [rule.id for rule in rules],
            "clauses": [rule.clause for rule in rules],
            "amount": terms.amount if terms else None,
            "currency": terms.currency if terms else None,
        }
    )
