"""The events that come in: CloudEvents 1.0 JSON, decoded and checked straight from the bytes.

The class is chosen by `type`. Fields that are not named here are passed over. JSON Schemas come from the
same classes: `msgspec.json.schema(AnyEvent)`.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, final, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from rules.calendar.instants import DAY_MS, EARLIEST_MS, EPOCH, LATEST_MS, Instant, to_ms
from rules.messages.bad_events import BadEvent, KeptWithout
from rules.messages.bounds import (
    LARGEST_BYTES,
    LONGEST_H,
    MOST_ITEMS,
    Currency,
    Id,
    Line,
    Quantity,
    ShipBy,
    Sku,
    Text,
    check_amount,
    check_currency,
    check_data,
    check_line,
    check_names,
    check_portions,
    check_ship_by,
    good_currencies,
    too_large,
    unbelievable,
)
from rules.messages.envelope import Event
from rules.messages.names import parcel_name
from rules.messages.odd_details import read_leniently
from rules.messages.shop_events import AnyShopEvent, MoneyData

Party = Literal["buyer", "seller", "system"]
CancelReason = Literal[
    "stock", "quality", "supply", "logistics", "processing", "asked_by_seller", "late_ship", "late_arrival", "other"
]
Logistics = Literal["platform", "own"]
Mode = Literal["spot", "stepped", "presale"]
Status = Literal[
    "info_received",
    "in_transit",
    "at_hub",
    "out_for_delivery",
    "ready_to_collect",
    "delivered",
    "failed_attempt",
    "exception",
    "returned",
    "expired",
]


class OrderEvent(Event, kw_only=True, frozen=True, gc=False):
    order: Id


@final
class ClockTick(Struct, tag_field="type", tag="clock.tick", frozen=True, gc=False):
    """Moves the clock of the partition it is read from, whatever its key."""

    time: Instant


class Item(Struct, frozen=True, gc=False):
    """A line of an order; `amount` is what it costs in all. What is unset takes no room in stored facts."""

    sku: Sku | None = None
    qty: Quantity = 1
    product: Text | None = None
    line: Line | UnsetType = UNSET
    amount: Decimal | UnsetType = UNSET


class Portion(Struct, frozen=True, gc=False):
    """So much of a line, which is named by `line`, else by `sku`; all of it where no `qty` is given."""

    line: Line | None = None
    sku: Sku | None = None
    qty: Quantity | None = None


Portions = Annotated[tuple[Portion, ...], Meta(max_length=MOST_ITEMS)]


class PlacedData(Struct, frozen=True, gc=False):
    amount: Decimal | None = None
    currency: Currency | None = None
    items: Annotated[tuple[Item, ...], Meta(max_length=MOST_ITEMS)] | None = None
    mode: Mode | None = None
    ship_by: ShipBy | None = None
    handling_h: Annotated[float, Meta(ge=0, le=LONGEST_H)] | None = None
    logistics: Logistics | None = None
    sensitive: bool | None = None
    predeclared: bool | None = None
    paid: bool | None = None


class OrderPlaced(OrderEvent, tag="order.placed", frozen=True, gc=False):
    data: PlacedData = PlacedData()


class OrderPaid(OrderEvent, tag="order.paid", frozen=True, gc=False):
    data: MoneyData = MoneyData()


class DeadlineData(Struct, frozen=True, gc=False):
    ship_by: ShipBy
    by: Text | None = None


class DeadlineChanged(OrderEvent, tag="order.deadline_changed", frozen=True, gc=False):
    data: DeadlineData


class ShippedData(Struct, frozen=True, gc=False):
    """`replaces`: the parcel that this one stands for. `combined_with`: another order that went out in it."""

    carrier: Text | None = None
    tracking_no: Text | None = None
    logistics: Logistics | None = None
    label: Logistics | None = None
    parcel: Text | None = None
    items: Portions | None = None
    complete: bool | None = None
    replaces: Text | None = None
    combined_with: Id | None = None


class OrderShipped(OrderEvent, tag="order.shipped", frozen=True, gc=False):
    data: ShippedData = ShippedData()


class CancelledData(Struct, frozen=True, gc=False):
    by: Party | None = None
    reason: CancelReason | None = None
    items: Portions | None = None


class OrderCancelled(OrderEvent, tag="order.cancelled", frozen=True, gc=False):
    data: CancelledData = CancelledData()


class ReopenedData(Struct, frozen=True, gc=False):
    by: Text | None = None
    ship_by: ShipBy | None = None


class OrderReopened(OrderEvent, tag="order.reopened", frozen=True, gc=False):
    data: ReopenedData = ReopenedData()


class VoidedData(Struct, frozen=True, gc=False):
    """`into`: the order that stands for this one."""

    reason: Literal["merged", "split", "duplicate", "test", "other"] | None = None
    into: Id | None = None


class OrderVoided(OrderEvent, tag="order.voided", frozen=True, gc=False):
    data: VoidedData = VoidedData()


class ReturnedData(Struct, frozen=True, gc=False):
    """`cause`: whether the buyer sent it back, or the carrier brought it back."""

    reason: Text | None = None
    amount: Decimal | None = None
    cause: Literal["buyer", "undelivered"] | None = None
    items: Portions | None = None


class OrderReturned(OrderEvent, tag="order.returned", frozen=True, gc=False):
    data: ReturnedData = ReturnedData()


class RefundedData(Struct, frozen=True, gc=False):
    reason: Text | None = None
    amount: Decimal | None = None
    items: Portions | None = None
    full: bool | None = None


class OrderRefunded(OrderEvent, tag="order.refunded", frozen=True, gc=False):
    data: RefundedData = RefundedData()


class PickupData(Struct, frozen=True, gc=False):
    carrier: Text | None = None
    tracking_no: Text | None = None
    parcel: Text | None = None
    reason: Text | None = None


class PickupCollected(OrderEvent, tag="pickup.collected", frozen=True, gc=False):
    data: PickupData = PickupData()


class PickupFailed(OrderEvent, tag="pickup.failed", frozen=True, gc=False):
    data: PickupData = PickupData()


class TrackingData(Struct, frozen=True, gc=False):
    tracking_no: Text | None = None
    status: Status | None = None
    parcel: Text | None = None
    carrier: Text | None = None
    reason: Text | None = None


class TrackingUpdated(OrderEvent, tag="tracking.updated", frozen=True, gc=False):
    data: TrackingData = TrackingData()


AnyEvent = (
    OrderPlaced
    | OrderPaid
    | DeadlineChanged
    | OrderShipped
    | OrderCancelled
    | OrderReopened
    | OrderVoided
    | OrderReturned
    | OrderRefunded
    | PickupCollected
    | PickupFailed
    | TrackingUpdated
    | AnyShopEvent
    | ClockTick
)

_decode = msgspec.json.Decoder(AnyEvent).decode


def decode(raw: bytes) -> tuple[AnyEvent, int]:
    """One record's value as an event and its time (epoch ms).

    Raises BadEvent: too large, not JSON, a required attribute missing, of the wrong type or out of bounds, an unknown
    `type`, a `time` without a zone, or one that can't be meant (seconds, 2000-01-01 for "no time"); likewise the
    instant to which a deadline has moved. The `ship_by` of an order placed may stand for "no time".
    Raises KeptWithout where the event counts, but a detail of its `data` can't be read.
    """
    if len(raw) > LARGEST_BYTES:
        raise too_large(len(raw))
    try:
        event = _decode(raw)
        time = event.time
        if type(time) is datetime:  # `to_ms`, without the call: a tenth of what decoding takes
            since = time - EPOCH
            at_ms = since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000
        else:
            at_ms = to_ms(time)
        if not EARLIEST_MS <= at_ms < LATEST_MS:
            raise BadEvent(unbelievable("time", at_ms, "$.time"))
        check = _CHECKS[type(event)]
        if check is not None:
            check(event)
    except (msgspec.ValidationError, BadEvent) as error:
        return _without_odd_details(raw, error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEvent(str(error) if raw else "the record is empty") from None
    except RecursionError:
        raise BadEvent("JSON is nested too deeply") from None
    return event, at_ms


def _time_of(event: AnyEvent) -> int:
    at_ms = to_ms(event.time)
    if not EARLIEST_MS <= at_ms < LATEST_MS:
        raise BadEvent(unbelievable("time", at_ms, "$.time"))
    return at_ms


def _without_odd_details(raw: bytes, error: Exception) -> tuple[AnyEvent, int]:
    """The same of a record with which something is wrong, as far as it counts."""
    event, odd = read_leniently(raw, error, TYPES)
    at_ms = _time_of(event)
    if type(event) is OrderShipped and _replaces_itself(event.data):
        event = replace(event, data=replace(event.data, replaces=None))
        odd.append("data.replaces: it names the parcel itself")
    check = _CHECKS[type(event)]
    if check is not None:
        check(event)
    if odd:
        raise KeptWithout(event, at_ms, odd)
    return event, at_ms


def _check_placed(event: OrderPlaced) -> None:
    data = event.data
    if data.amount is not None:
        check_amount(data.amount)
    if data.currency is not None and data.currency not in good_currencies:
        check_currency(data.currency)
    if data.ship_by is not None:
        check_ship_by(data.ship_by, required=False)
    if data.items is not None:
        for item in data.items:
            sku = item.sku
            if (
                item.qty <= 0
                or item.line is not UNSET
                or item.amount is not UNSET
                or (sku is not None and not (sku.isascii() and sku.isprintable()))
            ):
                check_line(item)


def _check_deadline(event: DeadlineChanged) -> None:
    check_ship_by(event.data.ship_by, required=True)


def _check_shipped(event: OrderShipped) -> None:
    data = event.data
    if data.items is not None:
        check_portions(data.items)
    if data.parcel is not None or data.replaces is not None:
        check_names(data, "parcel", "replaces", path="$.data")
        if _replaces_itself(data):
            raise BadEvent("it names the parcel itself - at `$.data.replaces`")


def _replaces_itself(data: ShippedData) -> bool:
    names = {parcel_name(name) for name in (data.parcel, data.tracking_no) if name is not None}
    return data.replaces is not None and parcel_name(data.replaces) in names


def _check_cancelled(event: OrderCancelled) -> None:
    if event.data.items is not None:
        check_portions(event.data.items)


def _check_reopened(event: OrderReopened) -> None:
    if event.data.ship_by is not None:
        check_ship_by(event.data.ship_by, required=False)


def _check_voided(event: OrderVoided) -> None:
    check_names(event.data, "into", path="$.data")
    if event.data.into == event.order:
        raise BadEvent("an order can't be voided into itself - at `$.data.into`")


def _check_paid_back(event: OrderReturned | OrderRefunded) -> None:
    check_names(event, "order")
    if event.data.amount is not None:
        check_amount(event.data.amount)
    if event.data.items is not None:
        check_portions(event.data.items)


def _check_other(event: Any) -> None:
    check_names(event, "order")
    check_data(event.data)


_CHECKS: Final[dict[type, Callable[[Any], None] | None]] = {
    **dict.fromkeys(get_args(AnyEvent)),
    OrderPlaced: _check_placed,
    OrderPaid: _check_other,
    DeadlineChanged: _check_deadline,
    OrderShipped: _check_shipped,
    OrderCancelled: _check_cancelled,
    OrderReopened: _check_reopened,
    OrderVoided: _check_voided,
    OrderReturned: _check_paid_back,
    OrderRefunded: _check_paid_back,
    **dict.fromkeys(get_args(AnyShopEvent), _check_other),
}
"""Checks of each type's events, beyond their fields' types; None for types that need none."""

TYPES: Final[dict[str, type[Event]]] = {
    kind.__struct_config__.tag: kind for kind in get_args(AnyEvent) if kind is not ClockTick
}
