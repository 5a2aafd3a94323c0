"""The facts of one order: a handful, which merge in any order and any number of times.

A fact is a stamp `(at_ms, source, event id)`. If several events state the same fact, the earliest stamp holds (when was
it *first* shipped?), or for some facts the latest (last scan, moved deadline). Stamps of different events are never
equal, so every order of arrival ends in the same facts.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from datetime import date
from operator import attrgetter
from sys import intern
from typing import Any, Final

from msgspec import Struct

from rules.calendar.instants import MIN_MS, NEVER, date_ms, is_believable, to_ms
from rules.codegen import Written, function
from rules.messages.events import (
    CancelledData,
    DeadlineChanged,
    Item,
    OrderCancelled,
    OrderPlaced,
    OrderRefunded,
    OrderReturned,
    OrderShipped,
    PickupCollected,
    PickupFailed,
    PlacedData,
    ShippedData,
    TrackingUpdated,
)

Stamp = tuple[int, str, str]
"""When it happened (epoch ms), and which event of which source said so."""


DueBy = int | str
"""Epoch ms, or a local date (`2026-01-08`) that ends with that day in the shop's zone."""

Merge = Callable[["OrderFacts", Any, Stamp], int]
"""Merges an event into an order's facts. Returns the bits (`FACT_BIT`) of the facts that changed."""


class Terms(Struct, array_like=True, gc=False):
    """What was agreed when the order was placed. `amount` is a decimal in `currency`, kept as text."""

    amount: str | None = None
    currency: str | None = None
    mode: str | None = None
    ship_by_ms: DueBy | None = None
    handling_h: float | None = None
    logistics: str | None = None
    sensitive: bool = False
    predeclared: bool = False
    items: tuple[Item, ...] = ()


class Shipment(Struct, array_like=True, gc=False):
    carrier: str | None = None
    tracking_no: str | None = None
    logistics: str | None = None
    label: str | None = None


class OrderFacts(Struct, array_like=True, gc=False):
    """The facts of one order; None if not known. Kept on the wire as an array, so fields are only ever appended."""

    placed: Stamp | None = None
    terms: Terms | None = None
    shipped: Stamp | None = None
    shipment: Shipment | None = None
    collected: Stamp | None = None
    scanned: Stamp | None = None
    news: Stamp | None = None
    delivered: Stamp | None = None
    cancelled: Stamp | None = None
    cancelled_by: str | None = None
    cancelled_for: str | None = None
    deadline_moved: Stamp | None = None
    moved_to_ms: DueBy | None = None
    pickup_failed: Stamp | None = None
    returned: Stamp | None = None
    refunded: Stamp | None = None
    moved_before: tuple[tuple[Stamp, DueBy], ...] = ()

    def as_of(self, at_ms: int) -> "OrderFacts":
        """The facts as of a moment. (Of `news` only the latest stamp is kept, so results at boundaries never look at
        it.)"""
        kept = copy(self)
        for name, stamp in zip(FACT_NAMES, every_stamp(self), strict=True):
            if stamp is not None and stamp[0] > at_ms:
                setattr(kept, name, None)
        if kept.placed is None:
            kept.terms = None
        if kept.shipped is None:
            kept.shipment = None
        if kept.cancelled is None:
            kept.cancelled_by = kept.cancelled_for = None
        if kept.deadline_moved is None:
            kept.moved_to_ms = None
            for stamp, to in self.moved_before:
                if stamp[0] <= at_ms:
                    kept.deadline_moved, kept.moved_to_ms = stamp, to
        return kept

    def is_over(self) -> bool:
        """Whether the order is delivered, cancelled, returned or refunded, after which few rules wait for anything."""
        return any((self.delivered, self.cancelled, self.returned, self.refunded))

    def skus(self) -> list[str]:
        """The SKUs ordered, each once."""
        return sorted({item.sku for item in self.terms.items if item.sku}) if self.terms is not None else []

    def first_at_ms(self) -> int:
        """The time of the first fact (epoch ms); `NEVER` if there is none."""
        first = min([stamp[0] for stamp in every_stamp(self) if stamp is not None], default=NEVER)
        return min(first, self.moved_before[0][0][0]) if self.moved_before else first

    def last_at_ms(self) -> int:
        """The time of the latest fact (epoch ms); `MIN_MS` if there is none."""
        return max([stamp[0] for stamp in every_stamp(self) if stamp is not None], default=MIN_MS)


FACT_NAMES: Final = (
    "placed",
    "shipped",
    "collected",
    "scanned",
    "news",
    "delivered",
    "cancelled",
    "deadline_moved",
    "pickup_failed",
    "returned",
    "refunded",
)
"""The facts that packs may name in `from`, `until`, `after`, `has` and `anchor`."""

FACT_BIT: Final = {name: 1 << n for n, name in enumerate(FACT_NAMES)}

EVERY_FACT: Final = (1 << len(FACT_NAMES)) - 1


def bits_of(facts: Iterable[str]) -> int:
    """The bits of several facts."""
    return sum(FACT_BIT[fact] for fact in set(facts))


def stamps_of(facts: Sequence[str]) -> Callable[[OrderFacts], tuple[Stamp | None, ...]]:
    """A function that reads several facts at once."""
    get = attrgetter(*facts)
    return (lambda order: (get(order),)) if len(facts) == 1 else get


def all_had_come(facts: int) -> Callable[[OrderFacts, int], bool]:
    """Whether no fact among these (as bits) lies after a moment (epoch ms)."""
    ahead = [_lies_ahead(fact) for fact in _named(facts)]
    had_come: Callable[[OrderFacts, int], bool] = function("facts, at_ms", Written(f"not ({' or '.join(ahead)})"))
    return had_come


def any_had_come(facts: int) -> Callable[[OrderFacts, int], bool]:
    """Whether any of these facts (as bits) had happened by a moment (epoch ms)."""
    come = [f"facts.{fact} is not None and facts.{fact}[0] <= at_ms" for fact in _named(facts)]
    if facts & FACT_BIT["deadline_moved"]:
        come.append("len(facts.moved_before) > 0 and facts.moved_before[0][0][0] <= at_ms")
    had_come: Callable[[OrderFacts, int], bool] = function("facts, at_ms", Written(f"({' or '.join(come)})"))
    return had_come


def _named(bits: int) -> list[str]:
    return [fact for fact in FACT_NAMES if FACT_BIT[fact] & bits]


def _lies_ahead(fact: str) -> str:
    return f"facts.{fact} is not None and facts.{fact}[0] > at_ms"


def _ahead() -> Callable[[OrderFacts, int], int]:
    bits = [f"({bit} if {_lies_ahead(fact)} else 0)" for fact, bit in FACT_BIT.items()]
    ahead: Callable[[OrderFacts, int], int] = function("facts, at_ms", Written(" | ".join(bits)))
    return ahead


future_bits: Final = _ahead()
"""`(facts, at_ms)`: which facts (as bits) lie after a moment (epoch ms)."""


FIRST_HOLDS: Final = frozenset(FACT_NAMES) - {"news", "deadline_moved"}
"""Facts of which the earliest stamp holds, so that a later statement changes nothing."""

every_stamp: Final[Callable[[OrderFacts], tuple[Stamp | None, ...]]] = attrgetter(*FACT_NAMES)
"""All facts, in the order of `FACT_NAMES`."""

UNSCANNED: Final = frozenset({None, "info_received", "expired"})
"""Tracking states in which no carrier has had the parcel yet."""


def _real(ship_by: Any) -> DueBy | None:
    """When something is promised; None for what a sender writes to mean "no time"."""
    if ship_by is None:
        return None
    if type(ship_by) is date:
        return ship_by.isoformat() if is_believable(date_ms(ship_by)) else None
    at_ms = to_ms(ship_by)
    return at_ms if is_believable(at_ms) else None


def _first(fact: str, fill: Callable[[OrderFacts, Any], None] | None = None) -> Merge:
    """A merge for a fact whose earliest stamp holds; `fill` keeps other data of that event."""

    bit = FACT_BIT[fact]

    def merge(facts: OrderFacts, event: Any, stamp: Stamp) -> int:
        held = getattr(facts, fact)
        if held is not None and held <= stamp:
            return 0
        if fill is not None:
            fill(facts, event.data)  # before the mark, so that nothing is half merged where it raises
        setattr(facts, fact, stamp)
        return bit

    return merge


def _last(fact: str, fill: Callable[[OrderFacts, Any], None] | None = None) -> Merge:
    """A merge for a fact whose latest stamp holds."""

    bit = FACT_BIT[fact]

    def merge(facts: OrderFacts, event: Any, stamp: Stamp) -> int:
        held = getattr(facts, fact)
        if held is not None and held >= stamp:
            return 0
        if fill is not None:
            fill(facts, event.data)  # before the mark, so that nothing is half merged where it raises
        setattr(facts, fact, stamp)
        return bit

    return merge


def _agreed(facts: OrderFacts, data: PlacedData) -> None:
    facts.terms = Terms(
        None if data.amount is None else str(data.amount),
        None if data.currency is None else intern(data.currency),
        data.mode,
        _real(data.ship_by),
        data.handling_h,
        data.logistics,
        bool(data.sensitive),
        bool(data.predeclared),
        data.items or (),
    )


def _sent(facts: OrderFacts, data: ShippedData) -> None:
    facts.shipment = Shipment(data.carrier, data.tracking_no, data.logistics, data.label)


def _given_up(facts: OrderFacts, data: CancelledData) -> None:
    facts.cancelled_by = data.by
    facts.cancelled_for = data.reason


MOVES_KEPT = 20
"""How many moves of a deadline are kept; no order has as many."""


def _moved(facts: OrderFacts, event: Any, stamp: Stamp) -> int:
    """The latest move of a deadline holds; earlier ones are kept for results computed as of their time."""
    moves = dict(facts.moved_before)
    if facts.deadline_moved is not None and facts.moved_to_ms is not None:
        moves[facts.deadline_moved] = facts.moved_to_ms
    if stamp in moves:
        return 0
    to = _real(event.data.ship_by)
    if to is None:
        return 0
    moves[stamp] = to
    *before, (facts.deadline_moved, facts.moved_to_ms) = sorted(moves.items())[-MOVES_KEPT:]
    facts.moved_before = tuple(before)
    kept = facts.deadline_moved == stamp or stamp in dict(before)
    return FACT_BIT["deadline_moved"] if kept else 0


_news = _last("news")
_scanned = _first("scanned")
_delivered = _first("delivered")
_returned = _first("returned")


def _tracked(facts: OrderFacts, event: TrackingUpdated, stamp: Stamp) -> int:
    status = event.data.status
    changed = _news(facts, event, stamp)
    if status not in UNSCANNED:
        changed |= _scanned(facts, event, stamp)
    if status == "delivered":
        changed |= _delivered(facts, event, stamp)
    elif status == "returned":
        changed |= _returned(facts, event, stamp)
    return changed


MERGE: Final[dict[type, Merge]] = {
    OrderPlaced: _first("placed", _agreed),
    DeadlineChanged: _moved,
    OrderShipped: _first("shipped", _sent),
    OrderCancelled: _first("cancelled", _given_up),
    OrderReturned: _returned,
    OrderRefunded: _first("refunded"),
    PickupCollected: _first("collected"),
    PickupFailed: _first("pickup_failed"),
    TrackingUpdated: _tracked,
}
"""How each type of event is merged."""
