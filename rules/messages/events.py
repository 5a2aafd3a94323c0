"""The events that come in: CloudEvents 1.0 JSON, decoded and checked straight from the bytes.

The class is chosen by `type`. Fields that are not named here are passed over. JSON Schemas come from the
same classes: `msgspec.json.schema(AnyEvent)`.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from rules.calendar.instants import EARLIEST_MS, LATEST_MS, Instant, to_ms
from rules.messages.bad_events import BadEvent
from rules.messages.bounds import (
    LARGEST_BYTES,
    LONGEST_H,
    MOST_ITEMS,
    AlertId,
    Currency,
    Id,
    Sku,
    Text,
    Whole,
    check_amount,
    check_currency,
    check_data,
    check_names,
    check_ship_by,
    good_currencies,
    too_large,
    unbelievable,
)

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
CarrierState = Literal["normal", "saturated", "paralysed", "extreme"]


class Event(Struct, tag_field="type", kw_only=True, frozen=True, gc=False):
    """What every event carries. The same (`source`, `id`) twice counts once."""

    id: Id
    source: Id
    time: Instant
    platform: Id
    shop: Id


class OrderEvent(Event, kw_only=True, frozen=True, gc=False):
    order: Id


class ClockTick(Struct, tag_field="type", tag="clock.tick", frozen=True, gc=False):
    """Moves the clock of the partition it is read from, whatever its key."""

    time: Instant


class Item(Struct, frozen=True, gc=False):
    sku: Sku | None = None
    qty: Whole = 1
    product: Text | None = None


class PlacedData(Struct, frozen=True, gc=False):
    amount: Decimal | None = None
    currency: Currency | None = None
    items: Annotated[tuple[Item, ...], Meta(max_length=MOST_ITEMS)] | None = None
    mode: Mode | None = None
    ship_by: Instant | None = None
    handling_h: Annotated[float, Meta(ge=0, le=LONGEST_H)] | None = None
    logistics: Logistics | None = None
    sensitive: bool | None = None
    predeclared: bool | None = None


class OrderPlaced(OrderEvent, tag="order.placed", frozen=True, gc=False):
    data: PlacedData = PlacedData()


class DeadlineData(Struct, frozen=True, gc=False):
    ship_by: Instant
    by: Text | None = None


class DeadlineChanged(OrderEvent, tag="order.deadline_changed", frozen=True, gc=False):
    data: DeadlineData


class ShippedData(Struct, frozen=True, gc=False):
    carrier: Text | None = None
    tracking_no: Text | None = None
    logistics: Logistics | None = None
    label: Logistics | None = None


class OrderShipped(OrderEvent, tag="order.shipped", frozen=True, gc=False):
    data: ShippedData = ShippedData()


class CancelledData(Struct, frozen=True, gc=False):
    by: Party | None = None
    reason: CancelReason | None = None


class OrderCancelled(OrderEvent, tag="order.cancelled", frozen=True, gc=False):
    data: CancelledData = CancelledData()


class ReturnedData(Struct, frozen=True, gc=False):
    reason: Text | None = None
    amount: Decimal | None = None


class OrderReturned(OrderEvent, tag="order.returned", frozen=True, gc=False):
    data: ReturnedData = ReturnedData()


class OrderRefunded(OrderEvent, tag="order.refunded", frozen=True, gc=False):
    data: ReturnedData = ReturnedData()


class PickupData(Struct, frozen=True, gc=False):
    carrier: Text | None = None
    tracking_no: Text | None = None


class PickupCollected(OrderEvent, tag="pickup.collected", frozen=True, gc=False):
    data: PickupData = PickupData()


class PickupFailed(OrderEvent, tag="pickup.failed", frozen=True, gc=False):
    data: PickupData = PickupData()


class TrackingData(Struct, frozen=True, gc=False):
    tracking_no: Text | None = None
    status: Status | None = None


class TrackingUpdated(OrderEvent, tag="tracking.updated", frozen=True, gc=False):
    data: TrackingData = TrackingData()


class ShopEvent(Event, kw_only=True, frozen=True, gc=False):
    """About the shop, perhaps about one order of it."""

    order: Annotated[str, Meta(max_length=128)] | None = None


class ProfileData(Struct, frozen=True):
    site: Text | None = None
    programme: Text | None = None
    currency: Currency | None = None


class ShopProfile(ShopEvent, tag="shop.profile", frozen=True):
    data: ProfileData = ProfileData()


class StockData(Struct, frozen=True):
    on_hand: Whole
    sku: Sku | None = None


class StockLevel(ShopEvent, tag="stock.level", frozen=True):
    data: StockData


class RatingData(Struct, frozen=True):
    score: Decimal | None = None


class RatingUpdated(ShopEvent, tag="rating.updated", frozen=True):
    data: RatingData = RatingData()


class DisputeData(Struct, frozen=True):
    provider: Text | None = None
    cause: Literal["not_shipped", "other"] | None = None
    amount: Decimal | None = None


class DisputeOpened(ShopEvent, tag="dispute.opened", frozen=True):
    data: DisputeData = DisputeData()


class DisputeClosed(ShopEvent, tag="dispute.closed", frozen=True):
    data: DisputeData = DisputeData()


class ViolationData(Struct, frozen=True):
    kind: Text | None = None
    sku: Sku | None = None
    buyer: Text | None = None
    severe: bool = False
    count: Whole = 1


class ViolationRecorded(ShopEvent, tag="violation.recorded", frozen=True):
    data: ViolationData = ViolationData()


class PriceData(Struct, frozen=True):
    sku: Sku | None = None
    price: Decimal | None = None
    starts_at: Instant | None = None


class PriceChanged(ShopEvent, tag="price.changed", frozen=True):
    data: PriceData = PriceData()


class PromotionScheduled(ShopEvent, tag="promotion.scheduled", frozen=True):
    data: PriceData = PriceData()


class ListingData(Struct, frozen=True):
    total: Whole | None = None
    preorder: Whole | None = None
    site: Text | None = None


class ListingCounts(ShopEvent, tag="listing.counts", frozen=True):
    data: ListingData = ListingData()


class MoneyData(Struct, frozen=True):
    amount: Decimal | None = None
    currency: Currency | None = None


class DepositDeducted(ShopEvent, tag="deposit.deducted", frozen=True):
    data: MoneyData = MoneyData()


class DepositToppedUp(ShopEvent, tag="deposit.topped_up", frozen=True):
    data: MoneyData = MoneyData()


class TaskData(Struct, frozen=True):
    task: Text | None = None
    alert: AlertId | None = None


class TaskDone(ShopEvent, tag="task.done", frozen=True):
    data: TaskData = TaskData()


class CarrierData(Struct, frozen=True):
    carrier: Text | None = None
    region: Text | None = None
    state: CarrierState | None = None


class CarrierStateChanged(ShopEvent, tag="carrier.state", frozen=True):
    data: CarrierData = CarrierData()


class EmergencyData(Struct, frozen=True):
    scope: Text | None = None
    reason: Text | None = None


class EmergencyDeclared(ShopEvent, tag="emergency.declared", frozen=True):
    data: EmergencyData = EmergencyData()


class EmergencyEnded(ShopEvent, tag="emergency.ended", frozen=True):
    data: EmergencyData = EmergencyData()


class ReportedData(Struct, frozen=True):
    name: Text | None = None
    value: Decimal | None = None
    period: Text | None = None


class MetricReported(ShopEvent, tag="metric.reported", frozen=True):
    data: ReportedData = ReportedData()


class PointsReported(ShopEvent, tag="points.reported", frozen=True):
    data: ReportedData = ReportedData()


AnyShopEvent = (
    ShopProfile
    | StockLevel
    | RatingUpdated
    | DisputeOpened
    | DisputeClosed
    | ViolationRecorded
    | PriceChanged
    | PromotionScheduled
    | ListingCounts
    | DepositDeducted
    | DepositToppedUp
    | TaskDone
    | CarrierStateChanged
    | EmergencyDeclared
    | EmergencyEnded
    | MetricReported
    | PointsReported
)

AnyEvent = (
    OrderPlaced
    | DeadlineChanged
    | OrderShipped
    | OrderCancelled
    | OrderReturned
    | OrderRefunded
    | PickupCollected
    | PickupFailed
    | TrackingUpdated
    | AnyShopEvent
    | ClockTick
)

_decoder = msgspec.json.Decoder(AnyEvent)


def decode(raw: bytes) -> tuple[AnyEvent, int]:
    """One record's value as an event and its time (epoch ms).

    Raises BadEvent: too large, not JSON, a required attribute missing, a value of the wrong type or out of bounds, an
    unknown `type`, a `time` without a zone, or one that can't be meant (seconds, 2000-01-01 for "no time"); likewise
    the instant to which a deadline has moved. The `ship_by` of an order placed may stand for "no time", but not be
    seconds.
    """
    if len(raw) > LARGEST_BYTES:
        raise too_large(len(raw))
    try:
        event = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEvent(str(error) if raw else "the record is empty") from None
    except RecursionError:
        raise BadEvent("JSON is nested too deeply") from None
    at_ms = to_ms(event.time)
    if not EARLIEST_MS <= at_ms < LATEST_MS:
        raise BadEvent(unbelievable("time", at_ms, "$.time"))
    check = _CHECKS.get(type(event))
    if check is not None:
        check(event)
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
            if sku is not None and not (sku.isascii() and sku.isprintable()):  # quick for almost all
                check_names(item, "sku", path="$.data.items[...]")


def _check_deadline(event: DeadlineChanged) -> None:
    check_ship_by(event.data.ship_by, required=True)


def _check_other(event: Any) -> None:
    check_names(event, "order")
    check_data(event.data)


_CHECKS: Final[dict[type, Callable[[Any], None]]] = {
    OrderPlaced: _check_placed,
    DeadlineChanged: _check_deadline,
    **dict.fromkeys([OrderReturned, OrderRefunded, *get_args(AnyShopEvent)], _check_other),
}
"""What a type's events must be beside what their fields' types say."""
