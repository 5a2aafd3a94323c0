"""Shops' standings on their way to the `standings` topic, from which any worker's web answers for any shop.

Publishing is kept cheap: a shop goes out when it has changed, at most every few seconds, and a beat spends only so
much time on it; what is left over goes first in the next one.
"""

from collections.abc import Iterator
from itertools import takewhile
from time import monotonic
from typing import Any, NamedTuple

import orjson

from rules.engine import Changes, Engine
from rules.forecast import with_forecast
from rules.instants import DAWN
from rules.standing import standing
from rules.watch import Shop

EVERY_S = 2.0
"""A shop that changes all the time is published this often…"""

REFRESH_S = 300.0
"""…and one that doesn't, this often, since its windows move on all the same."""

BUDGET_S = 0.02
"""What one beat may spend on it, all partitions together."""

RESTS = 50
"""A shop with very many orders rests this many times as long as its standing took to work out, if that is longer."""


class Published(NamedTuple):
    """When a shop was published last, and until when it rests."""

    at_s: float
    rests_s: float


class Standings:
    """Which shops of one partition have something new to publish."""

    def __init__(self) -> None:
        self._begun = False
        self._changed: dict[Shop, None] = {}
        self._published: dict[Shop, Published] = {}  # the longest ago comes first

    def note(self, changes: Changes) -> None:
        """What the engine has drained names the shops that changed."""
        for order in changes.orders:
            self._changed[order.shop] = None
        for shop, _ in changes.alerts:
            self._changed[shop] = None
        for shop in (*changes.entries.values(), *changes.computed.values()):
            self._changed[shop] = None

    def records(self, engine: Engine, budget_s: float = BUDGET_S) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values to write now: one at least where any is due, and no more once the time is spent."""
        if engine.clock_ms == DAWN:
            return
        if not self._begun:  # what another worker published before may be out of date
            self._begun = True
            self._changed = dict.fromkeys(engine.shops.values())
        began_s = now_s = monotonic()
        for shop in self._due(now_s):
            value = orjson.dumps(published(shop, engine.clock_ms))
            before_s, now_s = now_s, monotonic()
            self._changed.pop(shop, None)
            self._published.pop(shop, None)
            self._published[shop] = Published(now_s, now_s + max(EVERY_S, (now_s - before_s) * RESTS))
            yield shop.key.encode(), value
            if now_s - began_s > budget_s:
                return

    def _due(self, now_s: float) -> list[Shop]:
        changed = [shop for shop in self._changed if shop not in self._published or self._has_rested(shop, now_s)]
        stale = takewhile(lambda shop: now_s - self._published[shop].at_s >= REFRESH_S, self._published)
        return list(dict.fromkeys([*changed, *stale]))

    def _has_rested(self, shop: Shop, now_s: float) -> bool:
        return now_s >= self._published[shop].rests_s


def published(shop: Shop, at_ms: int) -> dict[str, Any]:
    """A shop's standing with its forecasts and its ship-next list, as it lies in the topic."""
    return with_forecast(standing(shop, at_ms), shop, at_ms)
