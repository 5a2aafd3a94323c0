"""The orders of one partition that wait for a deadline, by warehouse, and what meeting it saves."""

from heapq import heappop, heappush
from typing import NamedTuple

import msgspec
import orjson

from rules.book import RuleBook
from rules.due import Due, next_deadline
from rules.facts import OrderFacts
from rules.instants import DAWN, rfc3339
from rules.names import encoded, shop_key
from streams.warehouses import Warehouses

_decode_facts = msgspec.msgpack.Decoder(OrderFacts).decode


class Waiting(NamedTuple):
    """An order's entry: its next deadline (epoch ms) is the score; `saves` is JSON."""

    warehouse: str
    at_ms: int
    saves: bytes


class ShipNext:
    """`waiting` is the list as it should be. `changed` says, of what differs since it was last cleared, in which
    warehouse it stood; `moved` which orders have another home. `clock_ms` is the partition's clock, in event time."""

    def __init__(self, book: RuleBook, warehouses: Warehouses) -> None:
        self._book, self._warehouses = book, warehouses
        self.waiting: dict[str, Waiting] = {}
        self.changed: dict[str, str | None] = {}
        self.homes: dict[str, str] = {}
        self.moved: set[str] = set()
        self.clock_ms = DAWN
        self._orders: dict[str, tuple[str, str, bytes]] = {}
        self._timers: list[tuple[int, str]] = []

    def hear(self, key: bytes, value: bytes | None, now_ms: int) -> None:
        """A record of the facts changelog."""
        match orjson.loads(key):
            case "clock" if value is not None:
                self.clock_ms = max(self.clock_ms, int(orjson.loads(value)["clock_ms"]))
            case [str(platform), str(shop), str(order)]:
                name = member(platform, shop, order)
                if value is None:
                    self._set(name, None)
                    self._house(name, None)
                else:
                    self._judge(name, platform, shop, value, now_ms)

    def advance(self, now_ms: int) -> None:
        """Looks again at the orders whose deadlines have passed."""
        while self._timers and self._timers[0][0] <= now_ms:
            at_ms, name = heappop(self._timers)
            waiting = self.waiting.get(name)
            if waiting is not None and waiting.at_ms == at_ms:
                self._judge(name, *self._orders[name], now_ms)

    def _judge(self, name: str, platform: str, shop: str, value: bytes, now_ms: int) -> None:
        facts = _decode_facts(value)
        warehouse = self._warehouses.of_order(platform, shop, facts.skus())
        by_articles = warehouse != self._warehouses.of_shop(platform, shop)
        self._house(name, warehouse if by_articles else None)
        due = next_deadline(self._book.plan(platform), facts, now_ms)
        if due is None:
            self._set(name, None)
            return
        self._orders[name] = platform, shop, value
        heappush(self._timers, (due.at_ms, name))
        self._set(name, Waiting(warehouse, due.at_ms, _saves(due, facts)))

    def _set(self, name: str, now: Waiting | None) -> None:
        before = self.waiting.get(name)
        if now == before:
            return
        self.changed.setdefault(name, before.warehouse if before else None)
        if now is None:
            del self.waiting[name]
            del self._orders[name]
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
