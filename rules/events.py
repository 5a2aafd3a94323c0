"""The events that come in: CloudEvents 1.0 JSON, decoded and checked straight from the bytes.

The class is chosen by `type`. Fields that are not named here are passed over. JSON Schemas come from the
same classes: `msgspec.json.schema(AnyEvent)`.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from rules.instants import Instant, is_believable, to_ms

Id = Annotated[str, Meta(min_length=1, max_length=512)]
"""Longer ones would, repeated in an alert, not fit into a record."""

Whole = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""What JSON carries without loss, and every store can hold."""

Party = Literal["buyer", "seller", "system"]
Reason = Literal[
    "stock",
    "quality",
    "supply",
    "logistics",
    "processing",
    "asked_by_seller",
    "late_ship",
    "late_arrival",
    "other",
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


LONGEST_H = 366 * 24
"""No seller is given more than a year to ship; beyond that a unit is mixed up."""

LARGEST_AMOUNT = Decimal(10**15)
"""No order costs this much, and sums of smaller amounts stay exact."""


LONGEST_REASON = 300
"""Characters. A reason quotes the record, and must fit into a header beside it."""


class BadEvent(ValueError):
    """A record that can't be read as an event; the text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}…")


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
    sku: str | None = None
    qty: Whole = 1
    product: str | None = None


class PlacedData(Struct, frozen=True, gc=False):
    amount: Decimal | None = None
    currency: str | None = None
    items: tuple[Item, ...] | None = None
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
    by: str | None = None


class DeadlineChanged(OrderEvent, tag="order.deadline_changed", frozen=True, gc=False):
    data: DeadlineData


class ShippedData(Struct, frozen=True, gc=False):
    carrier: str | None = None
    tracking_no: str | None = None
    logistics: Logistics | None = None
    label: Logistics | None = None


class OrderShipped(OrderEvent, tag="order.shipped", frozen=True, gc=False):
    data: ShippedData = ShippedData()


class CancelledData(Struct, frozen=True, gc=False):
    by: Party | None = None
    reason: Reason | None = None


class OrderCancelled(OrderEvent, tag="order.cancelled", frozen=True, gc=False):
    data: CancelledData = CancelledData()


class ReturnedData(Struct, frozen=True, gc=False):
    reason: str | None = None
    amount: Decimal | None = None


class OrderReturned(OrderEvent, tag="order.returned", frozen=True, gc=False):
    data: ReturnedData = ReturnedData()


class OrderRefunded(OrderEvent, tag="order.refunded", frozen=True, gc=False):
    data: ReturnedData = ReturnedData()


class PickupData(Struct, frozen=True, gc=False):
    carrier: str | None = None
    tracking_no: str | None = None


class PickupCollected(OrderEvent, tag="pickup.collected", frozen=True, gc=False):
    data: PickupData = PickupData()


class PickupFailed(OrderEvent, tag="pickup.failed", frozen=True, gc=False):
    data: PickupData = PickupData()


class TrackingData(Struct, frozen=True, gc=False):
    tracking_no: str | None = None
    status: Status | None = None


class TrackingUpdated(OrderEvent, tag="tracking.updated", frozen=True, gc=False):
    data: TrackingData = TrackingData()


class ShopEvent(Event, kw_only=True, frozen=True, gc=False):
    """About the shop, perhaps about one order of it."""

    order: str | None = None


class ProfileData(Struct, frozen=True):
    site: str | None = None
    programme: str | None = None
    currency: str | None = None


class ShopProfile(ShopEvent, tag="shop.profile", frozen=True):
    data: ProfileData = ProfileData()


class StockData(Struct, frozen=True):
    on_hand: Whole
    sku: str | None = None


class StockLevel(ShopEvent, tag="stock.level", frozen=True):
    data: StockData


class RatingData(Struct, frozen=True):
    score: Decimal | None = None


class RatingUpdated(ShopEvent, tag="rating.updated", frozen=True):
    data: RatingData = RatingData()


class DisputeData(Struct, frozen=True):
    provider: str | None = None
    cause: Literal["not_shipped", "other"] | None = None
    amount: Decimal | None = None


class DisputeOpened(ShopEvent, tag="dispute.opened", frozen=True):
    data: DisputeData = DisputeData()


class DisputeClosed(ShopEvent, tag="dispute.closed", frozen=True):
    data: DisputeData = DisputeData()


class ViolationData(Struct, frozen=True):
    kind: str | None = None
    sku: str | None = None
    buyer: str | None = None
    severe: bool = False
    count: Whole = 1


class ViolationRecorded(ShopEvent, tag="violation.recorded", frozen=True):
    data: ViolationData = ViolationData()


class PriceData(Struct, frozen=True):
    sku: str | None = None
    price: Decimal | None = None
    starts_at: Instant | None = None


class PriceChanged(ShopEvent, tag="price.changed", frozen=True):
    data: PriceData = PriceData()


class PromotionScheduled(ShopEvent, tag="promotion.scheduled", frozen=True):
    data: PriceData = PriceData()


class ListingData(Struct, frozen=True):
    total: Whole | None = None
    preorder: Whole | None = None
    site: str | None = None


class ListingCounts(ShopEvent, tag="listing.counts", frozen=True):
    data: ListingData = ListingData()


class MoneyData(Struct, frozen=True):
    amount: Decimal | None = None
    currency: str | None = None


class DepositDeducted(ShopEvent, tag="deposit.deducted", frozen=True):
    data: MoneyData = MoneyData()


class DepositToppedUp(ShopEvent, tag="deposit.topped_up", frozen=True):
    data: MoneyData = MoneyData()


class TaskData(Struct, frozen=True):
    task: str | None = None
    alert: str | None = None


class TaskDone(ShopEvent, tag="task.done", frozen=True):
    data: TaskData = TaskData()


class CarrierData(Struct, frozen=True):
    carrier: str | None = None
    region: str | None = None
    state: CarrierState | None = None


class CarrierStateChanged(ShopEvent, tag="carrier.state", frozen=True):
    data: CarrierData = CarrierData()


class EmergencyData(Struct, frozen=True):
    scope: str | None = None
    reason: str | None = None


class EmergencyDeclared(ShopEvent, tag="emergency.declared", frozen=True):
    data: EmergencyData = EmergencyData()


class EmergencyEnded(ShopEvent, tag="emergency.ended", frozen=True):
    data: EmergencyData = EmergencyData()


class ReportedData(Struct, frozen=True):
    name: str | None = None
    value: Decimal | None = None
    period: str | None = None


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

    Raises BadEvent: not JSON, a required attribute missing, a value of the wrong type, an unknown `type`, a
    `time` without a zone, or one that can't be meant (seconds, 2000-01-01 for "no time"); likewise the instant to
    which a deadline has moved. The `ship_by` of an order placed may stand for "no time", but not be seconds.
    """
    try:
        event = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEvent(str(error) if raw else "the record is empty") from None
    except RecursionError:
        raise BadEvent("JSON is nested too deeply") from None
    at_ms = to_ms(event.time)
    if not is_believable(at_ms):
        raise BadEvent(_unbelievable("time", at_ms, "$.time"))
    if type(event) is OrderPlaced:
        check_amount(event.data.amount)
        _check_ship_by(event.data.ship_by, required=False)
    elif type(event) is DeadlineChanged:
        _check_ship_by(event.data.ship_by, required=True)
    elif isinstance(event, ShopEvent):
        _check_shop_event(event)
    return event, at_ms


def _check_shop_event(event: Any) -> None:
    """Numbers that are none, and times no one can mean."""
    for name in ("amount", "price", "score", "value"):
        number = getattr(event.data, name, None)
        if number is not None and not (number.is_finite() and abs(number) < LARGEST_AMOUNT):
            raise BadEvent(f"{name} {number} is no number to reckon with - at `$.data.{name}`")
    starts_at = getattr(event.data, "starts_at", None)
    if starts_at is not None and not is_believable(to_ms(starts_at)):
        raise BadEvent(_unbelievable("starts_at", to_ms(starts_at), "$.data.starts_at"))


def check_amount(amount: Decimal | None) -> None:
    """Raises BadEvent for an amount that is no sum of money (NaN, below nothing, larger than any)."""
    if amount is not None and not (amount.is_finite() and 0 <= amount < LARGEST_AMOUNT):
        raise BadEvent(f"amount {amount} is not a sum of money - at `$.data.amount`")


def _check_ship_by(ship_by: datetime | int | None, *, required: bool) -> None:
    if ship_by is None:
        return
    at_ms = to_ms(ship_by)
    if not is_believable(at_ms) and (required or is_believable(at_ms * 1000)):
        raise BadEvent(_unbelievable("ship_by", at_ms, "$.data.ship_by"))


def _unbelievable(name: str, at_ms: int, path: str) -> str:
    if is_believable(at_ms * 1000):
        return f"{name} {at_ms} looks like seconds; epoch milliseconds are wanted - at `{path}`"
    return f"{name} {at_ms} ms is outside 2001-2100, so it stands for no time - at `{path}`"
