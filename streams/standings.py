"""Shops' standings on their way to the `standings` topic, from which any worker's web answers for any shop.

A shop goes out when it has changed, at most every few seconds. Working one out, forecasts and all, takes as long as the
shop has open orders, so publishing gets a share of the time and no more: after each turn it rests in proportion.
"""

from collections.abc import Iterator
from itertools import takewhile
from time import monotonic
from typing import Any

import orjson

from rules.changes import Changes
from rules.engine import Engine
from rules.forecast import with_forecast
from rules.instants import DAWN
from rules.standing import standing
from rules.watch import Shop
from streams.cutting import fitting

EVERY_S = 2.0
"""A shop that changes all the time is published this often…"""

REFRESH_S = 300.0
"""…and one that doesn't, this often, since its windows move on all the same."""

TURN_S = 0.25
"""A turn ends after its share of this long, so that calm beats are held up by some 50 ms, all partitions together; what
is left over comes first in the next."""

CALM_SHARE = 0.2
"""Of the worker's time, all partitions together, while events come as they happen."""


class Standings:
    """Which shops of one partition have something new to publish."""

    def __init__(self) -> None:
        self._begun = False
        self._changed: dict[Shop, None] = {}
        self._published_s: dict[Shop, float] = {}  # the longest ago comes first
        self._turn_s = 0.0
        self._turn_ended_s = 0.0

    def note(self, changes: Changes) -> None:
        """What the engine has drained names the shops that changed."""
        heard = dict.fromkeys([order.shop for order in changes.orders])
        for shop in (*heard, *changes.entries.values(), *changes.computed.values()):
            self._changed[shop] = None

    def note_alert(self, shop: Shop) -> None:
        """A shop of which something has been said changed too, maybe by time alone."""
        self._changed[shop] = None

    def records(self, engine: Engine, share: float) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values to write now, one at least if it is this partition's turn and any shop is due."""
        began_s = now_s = monotonic()
        if engine.clock_ms == DAWN or began_s - self._turn_ended_s < self._turn_s / share:
            return
        if not self._begun:  # what another worker published before may be out of date
            self._begun = True
            self._changed = dict.fromkeys(engine.shops.values())
        for shop in self._due(began_s):
            value = fitting(published(shop, engine.clock_ms), orjson.dumps)
            now_s = monotonic()
            self._changed.pop(shop, None)
            self._published_s.pop(shop, None)
            self._published_s[shop] = now_s
            yield shop.key.encode(), value
            if now_s - began_s > TURN_S * share:
                break
        self._turn_s, self._turn_ended_s = now_s - began_s, now_s

    def _due(self, now_s: float) -> list[Shop]:
        changed = [shop for shop in self._changed if now_s - self._published_s.get(shop, -EVERY_S) >= EVERY_S]
        stale = takewhile(lambda shop: now_s - self._published_s[shop] >= REFRESH_S, self._published_s)
        return list(dict.fromkeys([*changed, *stale]))


def published(shop: Shop, at_ms: int) -> dict[str, Any]:
    """A shop's standing with its forecasts and its ship-next list, as it lies in the topic."""
    return with_forecast(standing(shop, at_ms), shop, at_ms)
