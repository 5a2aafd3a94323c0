"""What events stated about an order that has more than the plain case: kept as it came, so that what it comes to can be
worked out in any order of arrival.

A statement has only what its event gave: a field that is missing or null states nothing. `canonical` leaves out what
can't matter any more, so that the same events always leave the same statements.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, Final

import msgspec
from msgspec import Struct

from rules.calendar.instants import DAY_MS, date_ms, is_believable, to_ms
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

Stamp = tuple[int, str, str]
"""`(at_ms, source, event id)`."""

DueBy = int | str
"""Epoch ms, or a local date (`2026-01-08`) that ends with that day in the shop's zone."""

FARTHEST_MS: Final = 400 * DAY_MS
"""A deadline further than this from when the order was placed stands for none."""

LEEWAY_MS: Final = DAY_MS
"""How long before an order was placed news of its parcels may prove something: clocks differ, but older news is of
another parcel under the same number."""

MOVES_KEPT = 20
"""How many moves of a deadline are remembered; nobody moves one as often."""

MANY_OF_A_KIND: Final = 100
MANY_IN_ALL: Final = 500
"""Of more statements of one kind about one parcel (or about none), and about all parcels, the first and the last are
kept: one more than so many, which tells that there were more."""

MANY = 60
MOST_BYTES = 512 * 1024
"""Of many statements no more than this is kept, without those in the middle: so an order's facts fit into a record. No
order that is meant comes near it."""

MOST_ITEM_BYTES = 256 * 1024
"""Of an order's statements with items; older ones lose theirs."""

SCANNED: Final = frozenset({"in_transit", "at_hub", "out_for_delivery", "ready_to_collect", "failed_attempt"})
"""Tracking states that prove that a carrier has the parcel, beside `delivered`. What has gone wrong with one
(`exception`, `returned`, `expired`) proves nothing by itself."""


class Statement(Struct, array_like=True, frozen=True, gc=False):
    """What one event states: its `fields` as they are kept, without those that state nothing."""

    at_ms: int
    source: str
    id: str
    kind: str
    fields: dict[str, Any]

    @property
    def stamp(self) -> Stamp:
        return self.at_ms, self.source, self.id

    def sort_key(self) -> tuple[Stamp, str]:
        return self.stamp, self.kind


Statements = tuple[Statement, ...]
"""In time."""

_ADDED_UP: Final = frozenset({"cancelled", "refunded"})
"""Kinds of which what each states is added to the others, so that an event sent again at another time would count
twice."""

NEWS: Final = frozenset({"collected", "failed", "tracked"})
"""Kinds of statements about parcels on their way."""


def statement_of(event: Any, stamp: Stamp) -> Statement:
    """An event as a statement."""
    kind, keep = _KINDS[type(event)]
    fields = {
        name: value
        for name, value in msgspec.to_builtins({each: getattr(event.data, each) for each in keep}).items()
        if value is not None
    }
    if "items" in fields:
        fields["items"] = list(fields["items"])
        if not fields["items"]:
            del fields["items"]
    if "ship_by" in fields:
        due_by = due_by_of(event.data.ship_by, stamp[0] if kind == "placed" else None)
        fields.pop("ship_by") if due_by is None else fields.update(ship_by=due_by)
    if kind in NEWS:
        fields = _news_fields(fields)
    elif kind == "refunded" and fields.get("full"):
        fields = {}  # all of it, whatever else is stated
    return stated(stamp, kind, fields)


def stated(stamp: Stamp, kind: str, fields: Mapping[str, Any]) -> Statement:
    """A statement with its fields in the order in which they are stored."""
    return Statement(*stamp, kind, dict(sorted(fields.items())))


_KINDS: Final[dict[type, tuple[str, tuple[str, ...]]]] = {
    OrderPlaced: ("placed", OrderPlaced.__annotations__["data"].__struct_fields__),
    OrderPaid: ("paid", ("amount", "currency")),
    DeadlineChanged: ("moved", ("ship_by",)),
    OrderShipped: ("shipped", OrderShipped.__annotations__["data"].__struct_fields__),
    OrderCancelled: ("cancelled", ("by", "reason", "items")),
    OrderReopened: ("reopened", ("ship_by",)),
    OrderVoided: ("voided", ("reason", "into")),
    OrderReturned: ("returned", ("cause",)),
    OrderRefunded: ("refunded", ("amount", "items", "full")),
    PickupCollected: ("collected", ("parcel", "tracking_no")),
    PickupFailed: ("failed", ("parcel", "tracking_no")),
    TrackingUpdated: ("tracked", ("parcel", "tracking_no", "status")),
}
"""What is kept of each type of event."""


def due_by_of(ship_by: Any, placed_ms: int | None) -> DueBy | None:
    """When something is promised; None for what a sender writes to mean "no time"."""
    at_ms = date_ms(ship_by) if type(ship_by) is date else to_ms(ship_by)
    if not is_believable(at_ms) or (placed_ms is not None and abs(at_ms - placed_ms) > FARTHEST_MS):
        return None
    return ship_by.isoformat() if type(ship_by) is date else at_ms


def is_far(due_by: DueBy, placed_ms: int) -> bool:
    """Whether a deadline is too far from when the order was placed to be one."""
    at_ms = due_by if isinstance(due_by, int) else date_ms(date.fromisoformat(due_by))
    return abs(at_ms - placed_ms) > FARTHEST_MS


def _news_fields(fields: dict[str, Any]) -> dict[str, Any]:
    named = {name: parcel_name(fields[name]) for name in ("parcel", "tracking_no") if fields.get(name)}
    status = fields.get("status")
    if status in SCANNED:
        return {**named, "status": "in_transit"}
    return {**named, "status": status} if status in ("delivered", "returned") else named


def canonical(statements: Iterable[Statement]) -> Statements:
    """Those that matter, in time: a function of the statements alone, also where it is asked in between."""
    by_kind: dict[str, list[Statement]] = {}
    once: dict[tuple[Stamp, str], Statement] = {}
    for each in statements:
        once.setdefault(each.sort_key(), each)
    for each in sorted(once.values(), key=Statement.sort_key):
        by_kind.setdefault(each.kind, []).append(each)
    kept: list[Statement] = []
    since_ms = None if "placed" not in by_kind else by_kind["placed"][0].at_ms - LEEWAY_MS
    for kind, several in by_kind.items():
        if kind in NEWS and since_ms is not None:
            several = _news(kind, several, since_ms)
        elif kind in _ADDED_UP:
            several = _once(several)
        elif kind not in NEWS and kind != "moved":  # of those a plain order keeps repeats as well
            several = _without_repeats(several)
        if kind == "moved":
            kept += several[-MOVES_KEPT:]
        else:
            parcels = [_first_and_last(same, MANY_OF_A_KIND) for same in by_parcel(kind, several)]
            kept += parcels[0] if len(parcels) == 1 else _first_and_last(_in_time(parcels), MANY_IN_ALL)
    kept.sort(key=Statement.sort_key)
    if sum(len(each.fields.get("items") or ()) for each in kept) > FEW_ITEMS:
        kept = _with_fewer_items(kept)
    while len(kept) > MANY and len(msgspec.msgpack.encode(kept)) > MOST_BYTES:
        kept = kept[: len(kept) // 3] + kept[-(len(kept) // 3) :]
    return tuple(kept)


FEW_ITEMS = 100
"""So many never come to `MOST_ITEM_BYTES`."""


def _with_fewer_items(statements: Sequence[Statement]) -> list[Statement]:
    """Without the items of older statements once those of newer ones fill the room. An empty list stands where they
    were, so that none older than that has room later."""
    kept, room = [], MOST_ITEM_BYTES
    for each in reversed(statements):
        items = each.fields.get("items")
        if items is not None:
            room = 0 if not items else room - len(msgspec.msgpack.encode(items))
            if room <= 0:
                each = msgspec.structs.replace(each, fields={**each.fields, "items": []})
        kept.append(each)
    return kept[::-1]


def by_parcel(kind: str, several: list[Statement]) -> Iterable[list[Statement]]:
    """Statements of one kind, by the parcel they name; those of the order itself are together."""
    if len(several) <= MANY_OF_A_KIND or (kind not in NEWS and kind != "shipped"):
        return [several]
    found: dict[Any, list[Statement]] = {}
    for each in several:
        found.setdefault(name_of(each), []).append(each)
    return found.values()


def _in_time(parcels: Iterable[list[Statement]]) -> list[Statement]:
    return sorted([each for same in parcels for each in same], key=Statement.sort_key)


def _first_and_last(several: list[Statement], many: int) -> list[Statement]:
    return several if len(several) <= many else several[: many // 2] + several[-(many // 2 + 1) :]


def _once(several: list[Statement]) -> list[Statement]:
    """Of each event, by its source and id, the first in time."""
    first: dict[tuple[str, str], Statement] = {}
    for each in several:
        first.setdefault((each.source, each.id), each)
    return list(first.values())


def _without_repeats(several: list[Statement]) -> list[Statement]:
    """Of those that state the same at the same time, the first and the last: others may stand between them."""
    kept: list[Statement] = []
    for _, same_time in groupby(several, key=lambda each: each.at_ms):
        alike: dict[str, list[Statement]] = {}
        for each in same_time:
            alike.setdefault(repr(sorted(each.fields.items())), []).append(each)
        for group in alike.values():
            kept += [group[0], *group[-1:]] if len(group) > 1 else group
    return sorted(kept, key=Statement.sort_key)


def name_of(news: Statement) -> tuple[str | None, str | None]:
    """Which parcel a shipment, pickup or tracking event names: by its own name, by its number."""
    return news.fields.get("parcel"), news.fields.get("tracking_no")


def _news(kind: str, several: list[Statement], since_ms: int) -> list[Statement]:
    """Of news of one kind what a parcel's facts rest on. What is older than the order is kept as it is: the order may
    yet turn out to be older."""
    kept = [each for each in several if each.at_ms < since_ms]
    by_name: dict[Any, list[Statement]] = {}
    for each in several[len(kept) :]:
        by_name.setdefault(name_of(each), []).append(each)
    for same in by_name.values():
        kept += same[:1] if kind == "collected" else same if kind == "failed" else _tracking(same)
    return sorted(kept, key=Statement.sort_key)


def _tracking(same: Sequence[Statement]) -> list[Statement]:
    """The first scan, the first delivery, the first return, and the last news; this without a state where it is nothing
    else."""
    found: dict[Stamp, Statement] = {}
    for wanted in (("in_transit", "delivered"), ("delivered",), ("returned",)):
        first = next((each for each in same if each.fields.get("status") in wanted), None)
        if first is not None:
            found[first.stamp] = first
    last = same[-1]
    if last.stamp not in found:
        fields = {name: value for name, value in last.fields.items() if name != "status"}
        found[last.stamp] = msgspec.structs.replace(last, fields=fields)
    return list(found.values())


def newest(statements: Iterable[Statement], field: str, wanted: Callable[[Any], bool] | None = None) -> Any:
    """The value of a field in the newest statement that gives it; None where none does."""
    found = None
    for each in statements:
        value = each.fields.get(field)
        if value is not None and (wanted is None or wanted(value)):
            found = value
    return found
