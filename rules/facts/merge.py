"""Merges events into an order's facts.

An event that fits a plain order is merged in place. Any other turns the facts into statements, from which they are
derived; if that gives a plain order after all, it is kept as one again. `tests/rules/facts/test_merging.py` holds that
both ways give the same facts.
"""

from collections.abc import Callable
from sys import intern
from typing import Any, Final

from rules.facts.derive import derive
from rules.facts.order_facts import (
    EVERY_FACT,
    FACT_BIT,
    DetailedFacts,
    Flag,
    OrderFacts,
    Shipment,
    Terms,
)
from rules.facts.plain import collapse, expand, has_older_news
from rules.facts.statements import (
    LEEWAY_MS,
    MOVES_KEPT,
    SCANNED,
    Stamp,
    Statements,
    canonical,
    due_by_of,
    is_far,
    statement_of,
)
from rules.messages.events import (
    DeadlineChanged,
    OrderCancelled,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderReopened,
    OrderReturned,
    OrderShipped,
    OrderVoided,
    PickupCollected,
    PickupFailed,
    TrackingUpdated,
)
from rules.messages.names import parcel_name

MORE: Final = -1
"""An event makes a plain order more than that."""

Merge = Callable[[Any, Any, Stamp], int]
"""Takes an event into a plain order's facts; the answer has the bits (`FACT_BIT`) of the facts that changed, or is
`MORE`, and then nothing has changed."""


def merge_details(facts: OrderFacts, event: Any, stamp: Stamp) -> OrderFacts | None:
    """An order's facts with an event merged, where that, or the order, is more than plain; None where nothing is
    new. The facts given stay as they are."""
    before = facts.statements if isinstance(facts, DetailedFacts) else expand(facts)
    after = canonical([*before, statement_of(event, stamp)])
    return None if after == before else facts_from(after)


def facts_from(statements: Statements) -> OrderFacts:
    """Facts equal to statements: plain ones, where that can be."""
    derived = derive(statements)
    return collapse(statements, derived) or derived


def as_of(facts: OrderFacts, at_ms: int) -> OrderFacts:
    """What had happened by then."""
    if not isinstance(facts, DetailedFacts):
        return facts.as_of(at_ms)
    return facts_from(canonical(each for each in facts.statements if each.at_ms <= at_ms))


def _placed(facts: OrderFacts, event: OrderPlaced, stamp: Stamp) -> int:
    data = event.data
    if facts.placed is not None:
        return 0 if facts.placed == stamp else MORE
    if facts.deadline_moved or data.paid is False:
        return MORE
    if (facts.news or facts.collected or facts.pickup_failed) and has_older_news(facts, stamp[0] - LEEWAY_MS):
        return MORE
    terms = Terms(  # before anything is merged, since it may raise
        None if data.amount is None else str(data.amount),
        None if data.currency is None else intern(data.currency),
        data.mode,
        None if data.ship_by is None else due_by_of(data.ship_by, stamp[0]),
        data.handling_h,
        data.logistics,
        data.sensitive is True,
        data.predeclared is True,
        data.items or (),
    )
    if data.paid or data.sensitive is False or data.predeclared is False:
        flags = Flag.PAID if data.paid else 0
        flags |= Flag.NOT_SENSITIVE if data.sensitive is False else 0
        flags |= Flag.NOT_PREDECLARED if data.predeclared is False else 0
        if not _set_flag(facts, flags):
            return MORE
    facts.terms = terms
    facts.placed = stamp
    return _PLACED


def _shipped(facts: OrderFacts, event: OrderShipped, stamp: Stamp) -> int:
    data = event.data
    if facts.shipped is not None:
        return 0 if facts.shipped == stamp else MORE
    if data.parcel or data.items is not None or data.replaces or data.combined_with or data.complete is False:
        return MORE
    early = facts.shipment  # what news named before this
    if early is not None and (not data.tracking_no or parcel_name(data.tracking_no) != early.tracking_no):
        return MORE
    if data.complete and not _set_flag(facts, Flag.COMPLETE):
        return MORE
    facts.shipment = Shipment(data.carrier, data.tracking_no, data.logistics, data.label)
    facts.shipped = stamp
    return _SHIPPED


def _cancelled(facts: OrderFacts, event: OrderCancelled, stamp: Stamp) -> int:
    data = event.data
    if facts.cancelled is not None:
        return 0 if facts.cancelled == stamp else MORE
    if data.items is not None:
        return MORE
    facts.cancelled_by, facts.cancelled_for = data.by, data.reason
    facts.cancelled = stamp
    return FACT_BIT["cancelled"]


def _moved(facts: OrderFacts, event: DeadlineChanged, stamp: Stamp) -> int:
    """The latest move of a deadline holds; those before it are kept for what is computed as of their time."""
    to = due_by_of(event.data.ship_by, None)
    if to is None:
        return 0
    placed, terms = facts.placed, facts.terms
    if placed is None or terms is None or is_far(to, placed[0]):
        return MORE
    if terms.ship_by_ms is not None and stamp < placed:
        return MORE
    if facts.deadline_moved is None or facts.moved_to_ms is None:
        facts.deadline_moved, facts.moved_to_ms = stamp, to
        return FACT_BIT["deadline_moved"]
    if isinstance(facts.moved_before, int):
        return 0 if facts.deadline_moved == stamp else MORE
    moves = dict(facts.moved_before)
    moves[facts.deadline_moved] = facts.moved_to_ms
    if stamp in moves:
        return 0
    moves[stamp] = to
    *before, (facts.deadline_moved, facts.moved_to_ms) = sorted(moves.items())[-MOVES_KEPT:]
    facts.moved_before = tuple(before)
    kept = facts.deadline_moved == stamp or stamp in dict(before)
    return FACT_BIT["deadline_moved"] if kept else 0


def _returned(facts: OrderFacts, event: OrderReturned, stamp: Stamp) -> int:
    if facts.returned is not None:
        return 0 if facts.returned == stamp else MORE
    if event.data.cause is not None:
        return MORE
    facts.returned = stamp
    return FACT_BIT["returned"]


def _refunded(facts: OrderFacts, event: OrderRefunded, stamp: Stamp) -> int:
    data = event.data
    if facts.refunded is not None:
        return 0 if facts.refunded == stamp else MORE
    if not data.full and (data.full is not None or data.amount is not None or data.items is not None):
        return MORE
    facts.refunded = stamp
    return FACT_BIT["refunded"]


def _takes_news(facts: OrderFacts, data: Any, at_ms: int, unnamed: int, is_first: bool) -> bool:
    """Whether news of a plain order's parcel is what the plain facts can take: about the only parcel, not older than
    the order, and named or not as the news before was. Notes the number it names, or that it names none."""
    placed, number, shipment, flags = facts.placed, data.tracking_no, facts.shipment, facts.moved_before
    if data.parcel or (placed is not None and at_ms < placed[0] - LEEWAY_MS):
        return False
    if number:
        if not is_first and type(flags) is int and flags & unnamed:
            return False
        if shipment is None:
            shipment = facts.shipment = Shipment(tracking_no=parcel_name(number))
        held = shipment.tracking_no
        return bool(held and (number == held or parcel_name(number) == parcel_name(held)))
    if type(flags) is int and flags & unnamed:
        return True
    if not is_first and shipment is not None and shipment.tracking_no:
        return False
    return _set_flag(facts, unnamed)


def _set_flag(facts: OrderFacts, flags: int) -> bool:
    """Sets a flag, where there is room for it."""
    held = facts.moved_before
    if isinstance(held, int):
        facts.moved_before = held | flags
    elif held:
        return False
    else:
        facts.moved_before = flags
    return True


def _collected(facts: OrderFacts, event: PickupCollected, stamp: Stamp) -> int:
    data, held, placed, shipment = event.data, facts.collected, facts.placed, facts.shipment
    is_first = held is None and facts.pickup_failed is None
    if (
        is_first
        and placed is not None
        and shipment is not None
        and data.tracking_no is not None
        and data.tracking_no == shipment.tracking_no
        and data.parcel is None
        and stamp[0] >= placed[0] - LEEWAY_MS
    ):  # as most are: the first of an order, under the number it was shipped under
        facts.collected = stamp
        return _COLLECTED
    if placed is None and held is not None and held != stamp:  # which of them counts isn't known before the order is
        return MORE
    if not _takes_news(facts, data, stamp[0], Flag.PICKUPS_UNNAMED, is_first):
        return MORE
    if held is not None and held <= stamp:
        return 0
    facts.collected = stamp
    return _COLLECTED


def _pickup_failed(facts: OrderFacts, event: PickupFailed, stamp: Stamp) -> int:
    held = facts.pickup_failed
    if held is not None:
        return 0 if held == stamp else MORE
    if not _takes_news(facts, event.data, stamp[0], Flag.PICKUPS_UNNAMED, facts.collected is None):
        return MORE
    facts.pickup_failed = stamp
    return FACT_BIT["pickup_failed"]


def _fits_early(facts: OrderFacts, status: str | None, stamp: Stamp) -> bool:
    """Whether tracking of an order that isn't placed yet has room beside what came before it. How much of it is too
    old to count isn't known before the order is, so none of it may be left out."""
    scanned, delivered, news = facts.scanned, facts.delivered, facts.news
    if news is None or stamp in (scanned, delivered, news):
        return True
    if status in SCANNED or stamp < news or news not in (scanned, delivered):
        return False
    return status != "delivered" or delivered is None


def _tracked(facts: OrderFacts, event: TrackingUpdated, stamp: Stamp) -> int:
    data, news = event.data, facts.news
    status = data.status
    if status == "returned" or (facts.placed is None and not _fits_early(facts, status, stamp)):
        return MORE
    if news is not None and news < stamp and data.tracking_no is None and data.parcel is None:
        flags = facts.moved_before  # as most are: the next news of a parcel that none of it names
        if not (type(flags) is int and flags & _TRACKING_UNNAMED) and not _takes_news(
            facts, data, stamp[0], _TRACKING_UNNAMED, False
        ):
            return MORE
        facts.news = stamp
        changed = _NEWS
    elif not _takes_news(facts, data, stamp[0], _TRACKING_UNNAMED, news is None):
        return MORE
    elif news is None or news < stamp:
        facts.news = stamp
        changed = _NEWS
    else:
        changed = 0
    if status in SCANNED or status == "delivered":
        held = facts.scanned
        if held is None or held > stamp:
            facts.scanned = stamp
            changed |= _SCANNED
        if status == "delivered":
            held = facts.delivered
            if held is None or held > stamp:
                facts.delivered = stamp
                changed |= _DELIVERED
    return changed


def _more(facts: OrderFacts, event: Any, stamp: Stamp) -> int:
    return MORE


_TRACKING_UNNAMED = Flag.TRACKING_UNNAMED
_PLACED, _SHIPPED, _COLLECTED = FACT_BIT["placed"], FACT_BIT["shipped"], FACT_BIT["collected"]
_SCANNED, _NEWS, _DELIVERED = FACT_BIT["scanned"], FACT_BIT["news"], FACT_BIT["delivered"]

MERGE: Final[dict[type, Merge]] = {
    OrderPlaced: _placed,
    OrderPaid: _more,
    DeadlineChanged: _moved,
    OrderShipped: _shipped,
    OrderCancelled: _cancelled,
    OrderReopened: _more,
    OrderVoided: _more,
    OrderReturned: _returned,
    OrderRefunded: _refunded,
    PickupCollected: _collected,
    PickupFailed: _pickup_failed,
    TrackingUpdated: _tracked,
}
"""How an event goes into a plain order's facts."""


def merge(facts: OrderFacts, event: Any, stamp: Stamp) -> tuple[OrderFacts, int]:
    """The facts with an event in them, and the bits of those that may be others now."""
    changed = MERGE[type(event)](facts, event, stamp) if facts.plain else MORE
    if changed != MORE:
        return facts, changed
    found = merge_details(facts, event, stamp)
    return (facts, 0) if found is None else (found, EVERY_FACT)
