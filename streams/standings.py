"""Shops' standings on their way to the `standings` topic, from which any worker's web answers for any shop.

Publishing is kept cheap: a shop goes out when it has changed, at most every few seconds, and a beat spends only so
much time on it; what is left over goes first in the next one.
"""

from collections.abc import Iterator
from heapq import nsmallest
from itertools import takewhile
from operator import attrgetter
from time import monotonic
from typing import Any

import orjson

from rules.engine import Changes, Engine
from rules.instants import DAWN, NEVER, rfc3339
from rules.standing import next_deadline, standing
from rules.watch import Order, Shop

EVERY_S = 2.0
"""A shop that changes all the time is published this often…"""

REFRESH_S = 300.0
"""…and one that doesn't, this often, since its windows move on all the same."""

BUDGET_S = 0.02
"""What one beat may spend on it, all partitions together."""

SHIP_NEXT = 50
"""Orders in a shop's ship-next list."""


class Standings:
    """Which shops of one partition have something new to publish."""

    def __init__(self) -> None:
        self._begun = False
        self._changed: dict[Shop, None] = {}
        self._published_s: dict[Shop, float] = {}  # the longest ago comes first

    def note(self, changes: Changes) -> None:
        """What the engine has drained names the shops that changed."""
        for order in changes.orders:
            self._changed[order.shop] = None
        for shop, _ in changes.alerts:
            self._changed[shop] = None

    def records(self, engine: Engine, budget_s: float = BUDGET_S) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values to write now: one at least where any is due, and no more once the time is spent."""
        if engine.clock_ms == DAWN:
            return
        if not self._begun:  # what another worker published before may be out of date
            self._begun = True
            self._changed = dict.fromkeys(engine.shops.values())
        now_s = monotonic()
        for shop in self._due(now_s):
            self._changed.pop(shop, None)
            self._published_s.pop(shop, None)
            self._published_s[shop] = now_s
            yield shop.key.encode(), orjson.dumps(published(shop, engine.clock_ms))
            if monotonic() - now_s > budget_s:
                return

    def _due(self, now_s: float) -> list[Shop]:
        changed = [shop for shop in self._changed if now_s - self._published_s.get(shop, -EVERY_S) >= EVERY_S]
        stale = takewhile(lambda shop: now_s - self._published_s[shop] >= REFRESH_S, self._published_s)
        return list(dict.fromkeys([*changed, *stale]))


def published(shop: Shop, at_ms: int) -> dict[str, Any]:
    """A shop's standing with its ship-next list, as it lies in the topic."""
    return standing(shop, at_ms) | {"due": ship_next(shop, at_ms)}


def ship_next(shop: Shop, at_ms: int) -> list[dict[str, Any]]:
    """The orders still to be shipped whose deadlines come next, with the amount that is at stake."""
    unshipped = (order for order in shop.orders.values() if _is_unshipped(order))
    found = []
    for order in nsmallest(SHIP_NEXT, unshipped, key=attrgetter("armed_ms")):
        deadline = next_deadline(order, at_ms)
        if deadline is not None:
            found.append((deadline[1], order, deadline[0]))
    found.sort(key=lambda each: each[0])
    return [
        {"order": order.id, "due_at": rfc3339(due_ms), "rules": [rule], "saves": _at_stake(order)}
        for due_ms, order, rule in found
    ]


def _is_unshipped(order: Order) -> bool:
    facts = order.facts
    return order.armed_ms != NEVER and facts.placed is not None and facts.shipped is None and facts.cancelled is None


def _at_stake(order: Order) -> dict[str, str | None]:
    terms = order.facts.terms
    return {} if terms is None or terms.amount is None else {"amount": terms.amount, "currency": terms.currency}
