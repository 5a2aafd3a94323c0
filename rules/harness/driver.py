"""A driver for tests of rules: the worker's own engine, fed by hand and under a clock that the test moves.

Events are written as in a pack's own tests. `deploy/docs/testing-rules.md` shows how it is used.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import orjson

from rules.calendar.durations import Duration
from rules.calendar.instants import from_rfc3339
from rules.dsl.model import Pack
from rules.engine.engine import Engine
from rules.harness.replay import apply_event
from rules.messages.alerts import Alert
from rules.messages.bad_events import BadEvent
from rules.messages.events import AnyEvent, decode
from rules.plan.rule_book import RuleBook
from rules.reports.standing import standing

START = "2026-01-01T00:00:00Z"
RANGE = re.compile(r"(\d+)\.\.(\d+)")
"""`1..20`, which stands for twenty orders."""


class Driver:
    """Some packs, and a shop that they watch.

    With the `event` clock each event moves the time on to its own, and what falls due before it fires first. With the
    `wall` clock only `advance` moves it. Times are lengths after `start` (`72h`), instants (RFC 3339), or epoch
    milliseconds.
    """

    def __init__(
        self, *packs: Pack, shop: str = "s1", start: str = START, clock: Literal["event", "wall"] = "event"
    ) -> None:
        """Raises ValueError for a `start` that is no instant, and where two packs define the same rule."""
        named = [pack.platform for pack in packs if pack.platform != "*"]
        self.platform = named[0] if named else "any"
        self.shop = shop
        self.start_ms = from_rfc3339(start)
        self.engine = Engine(RuleBook(packs), stepping=clock == "event")
        self._fed = 0

    def feed(self, *events: Mapping[str, Any]) -> None:
        """Events in order of arrival, each with its time `at`, its `type`, and all else that it doesn't have by default
        (`platform`, `shop`, `source`, `id`). `order: 1..20` stands for twenty orders, and a `ship_by` of `96h` is one
        after the start. Raises ValueError for what is no event; then none of them has been taken."""
        for event, at_ms in [each for written in events for each in self._events(written)]:
            if self.engine.stepping:
                apply_event(self.engine, event, at_ms)
            else:
                self.engine.apply(event, at_ms)
                self.engine.settle()

    def advance(self, to: str | int) -> None:
        """Lets time go on, and fires what falls due by then. It never goes back."""
        self.engine.advance(max(self.ms(to), self.engine.clock_ms))

    def alerts(self) -> list[Alert]:
        """The records that have come out since the last call, in order."""
        return self.engine.drain().alerts

    def standing(self, shop: str | None = None) -> dict[str, Any]:
        """A shop's standing, as the worker publishes it."""
        return standing(self.engine.shop(self.platform, shop or self.shop), self.engine.clock_ms)

    def ms(self, at: str | int) -> int:
        """A time as epoch milliseconds. Raises ValueError."""
        if isinstance(at, int):
            return at
        return from_rfc3339(at) if "T" in at else self.start_ms + Duration.parse(at)

    def _events(self, written: Mapping[str, Any]) -> Iterator[tuple[AnyEvent, int]]:
        event, number = dict(written), self._fed
        self._fed += 1
        at_ms = self.ms(event.pop("at"))
        orders = RANGE.fullmatch(str(event.get("order", "")))
        for order in range(int(orders[1]), int(orders[2]) + 1) if orders else [None]:
            defaults = {
                "id": f"t{number}-{order or 0}",
                "source": "trial",
                "platform": self.platform,
                "shop": self.shop,
            }
            full = defaults | event | {"time": at_ms} | ({} if order is None else {"order": str(order)})
            data = full.get("data")
            if isinstance(data, dict) and isinstance(by := data.get("ship_by"), str) and by[-1:] in "hd":
                full["data"] = data | {"ship_by": self.start_ms + Duration.parse(by)}
            try:
                yield decode(orjson.dumps(full))
            except BadEvent as error:
                raise ValueError(f"event {number + 1}: {error}") from None
