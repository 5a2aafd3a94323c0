"""Publishes shops' standings to the `standings` topic, from which any worker's web answers for any shop.

A changed shop is published within two seconds if the worker has the time. Computing its standing with forecasts takes
as long as it has open orders, so this runs beside the commit cycle, in small steps, in the time that other work leaves.
Changed shops come before those that are only refreshed; shops that take long and those that don't get turns of equal
length. A standing has the shop's waiting orders decoded until it is done, so few large shops are worked on at a time.
"""

import logging
from collections import deque
from collections.abc import Callable, Generator
from itertools import islice, takewhile
from math import inf
from time import monotonic, thread_time
from typing import Any

import orjson

from rules.calendar.instants import MIN_MS, rfc3339
from rules.engine.engine import Engine
from rules.reports.forecast import STRETCH, Outlook, add_forecast
from rules.reports.last_news import last_news
from rules.reports.standing import standing
from rules.state.changes import Changes
from rules.state.shop import Shop
from streams.kafka.cutting import fitting

log = logging.getLogger(__name__)

EVERY_S = 1.0
"""A shop that changes all the time is published this often…"""

REFRESH_S = 300.0
"""…and one that doesn't change this often, since its windows move on."""

TURN_S = 0.005
"""How long a turn holds up the event loop, or one stretch of a shop's orders if that takes longer."""

IDLE_S = 0.1
"""How often to check for due shops while there are none."""

IDLE_BUDGET = 0.2
MOST_BUDGET = 0.7
"""Share of the worker's time, over all partitions, while no backlog is read: what its other work leaves, between these
two."""

AT_ONCE = 100
"""Changed shops that are looked up at once."""

LARGE_AT_ONCE = 2
"""Shops of more than a stretch of orders that are worked on at a time. (All by turns would have every order of the
partition decoded; one alone would have all others wait for the largest.)"""

Work = Generator[None, None, dict[str, Any] | None]


class Standings:
    """The shops of one partition that are to be published, and the standings computed so far. `beside` is called with
    each shop whose standing was computed: what else is to be told of it now and then."""

    def __init__(self, beside: Callable[[Shop], None]) -> None:
        self._beside = beside
        self._begun = False
        self._changed: dict[Shop, None] = {}
        self._published_s: dict[Shop, float] = {}  # the one published longest ago first
        self._due: deque[Shop] = deque()
        #: Shops whose standing takes more than a turn, partly computed.
        self._long: deque[tuple[Shop, Work]] = deque()
        self._long_next = False
        #: Large shops that are due, and wait until fewer of them are begun.
        self._large: deque[Shop] = deque()
        self._ready: list[tuple[bytes, bytes]] = []

    def note(self, changes: Changes) -> None:
        """Notes the shops that changed, by what the engine has drained."""
        changed = dict.fromkeys([order.shop for order in changes.orders])
        for shop in (*changed, *changes.entries.values(), *changes.computed.values()):
            self._changed[shop] = None

    def note_alert(self, shop: Shop) -> None:
        """Notes a shop of which an alert was emitted; time alone may have caused it."""
        self._changed[shop] = None

    def drain(self) -> list[tuple[bytes, bytes]]:
        """Keys and values of the standings computed since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def turn(self, engine: Engine) -> bool:
        """Computes due standings for one turn; False if none is due."""
        if engine.clock_ms == MIN_MS:
            return False
        if not self._begun:  # what another worker published may be out of date
            self._begun = True
            self._published_s = dict.fromkeys(engine.shops.values(), -inf)
        if not self._due:
            self._due.extend(self._find_due(monotonic()))
        if not (self._due or self._long):
            return False
        began_s = thread_time()
        if self._long and (self._long_next or not self._due):
            has_room = self._large and len(self._long) < LARGE_AT_ONCE
            next_one = self._begin(self._large.popleft(), engine) if has_room else self._long.popleft()
            self._work_at(*next_one, began_s)
            self._long_next = False
            return True
        self._long_next = True
        while self._due:
            shop = self._due.popleft()
            if len(shop.orders) > STRETCH and len(self._long) >= LARGE_AT_ONCE:
                self._large.append(shop)
                continue
            self._work_at(*self._begin(shop, engine), began_s)
            if thread_time() - began_s >= TURN_S:
                break
        return True

    def _begin(self, shop: Shop, engine: Engine) -> tuple[Shop, Work]:
        self._changed.pop(shop, None)
        return shop, published(shop, engine.clock_ms)

    def _work_at(self, shop: Shop, work: Work, began_s: float) -> None:
        """Goes on with one shop until the turn that began at `began_s` is over."""
        try:
            while True:
                next(work)
                if thread_time() - began_s >= TURN_S:
                    self._long.append((shop, work))
                    return
        except StopIteration as done:
            if done.value is None:
                self._changed[shop] = None
                return
            self._ready.append((shop.key.encode(), fitting(done.value | attention(shop), orjson.dumps)))
            self._beside(shop)
        except Exception:  # a standing that can't be computed must not keep alerts from going out
            log.exception("the standing of %s can't be worked out", shop.key)
        self._published_s.pop(shop, None)
        self._published_s[shop] = monotonic()

    def _find_due(self, now_s: float) -> list[Shop]:
        """Some of the shops that are due: those that changed, the longest ago first, and a few to refresh, so that they
        get their turn however much changes."""
        known = {*self._large, *[shop for shop, _ in self._long]}
        changed = (shop for shop in self._changed if now_s - self._published_s.get(shop, -inf) >= EVERY_S)
        due = list(islice((shop for shop in changed if shop not in known), AT_ONCE))
        stale = takewhile(lambda shop: now_s - self._published_s[shop] >= REFRESH_S, self._published_s)
        some = (shop for shop in stale if shop not in known and shop not in self._changed)
        return [*due, *islice(some, AT_ONCE // 4 if due else AT_ONCE)]


def published(shop: Shop, at_ms: int) -> Work:
    """Computes a shop's standing, with forecasts and ship-next list, as its record; yields after each stretch of
    orders. None if the shop's rules have changed meanwhile, so that it must be computed again."""
    plan = shop.plan
    found, outlook = standing(shop, at_ms), Outlook(shop, at_ms)
    for _ in outlook.work():
        yield
        if shop.plan is not plan:
            return None
    return add_forecast(found, outlook) | {"due_saves": outlook.saved.as_json()}


def attention(shop: Shop) -> dict[str, Any]:
    """Whether having no alerts means that all is well: a shop's `watched`, when it was last heard of, and from when on
    it is silent; the instants are null where it never was. And the time zone of its days."""
    heard_ms, silent_ms = last_news(shop)
    heard = heard_ms > MIN_MS
    return {
        "watched": shop.plan.is_watching,
        "heard_at": rfc3339(heard_ms) if heard else None,
        "silent_at": rfc3339(silent_ms) if heard else None,
        "zone": shop.plan.zone,
    }
