"""The events that come in: CloudEvents 1.0 JSON, decoded and checked straight from the bytes.

The class is chosen by `type`. Fields that are not named here are passed over. JSON Schemas come from the
same classes: `msgspec.json.schema(AnyEvent)`.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from rules.instants import DAY_MS, EARLIEST_MS, LATEST_MS, Instant, is_believable, rfc3339, to_ms
from rules.text import has_hidden, visible

LARGEST_BYTES = 256 * 1024
"""A larger record is taken for a mistake."""

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Sku = Annotated[str, Meta(max_length=128)]
Text = Annotated[str, Meta(max_length=256)]
"""Longer ones would, repeated in alerts and standings, not fit into a record."""

AlertId = Annotated[str, Meta(max_length=2_048)]
"""It has several ids in it, percent-encoded."""

Currency = Annotated[str, Meta(min_length=3, max_length=3, extra_json_schema={"pattern": "^[A-Z]{3}$"})]
"""The pattern is held by `_check_currency`: msgspec would take a fifth of the time of decoding for it."""

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

WHOLE_DIGITS = 15
"""Before the decimal point. No order costs as much, and sums of smaller amounts stay exact."""

SMALLEST_EXPONENT = -40
"""Numbers nearer to 0 than 1E-40 are nothing anybody measures, and can't be written out."""

LONGEST_NUMBER = 50
"""Characters of a number."""

MOST_ITEMS = 1_000
"""Of one order."""


LONGEST_REASON = 300
"""Characters. A reason quotes the record, and must fit into a header beside it."""


UNREADABLE = "unreadable"
UNFORESEEN = "unforeseen"
"""Kinds of bad records: what is wrong with the record itself, or what nobody has thought of."""


class BadEvent(ValueError):
    """A record that can't be taken as an event; the text says why, on one line and without control characters. `kind`
    is one of few, for what looks alike."""

    def __init__(self, reason: str, kind: str = UNREADABLE) -> None:
        shown = visible(reason[: LONGEST_REASON + 1])
        super().__init__(shown if len(shown) <= LONGEST_REASON else f"{shown[:LONGEST_REASON]}…")
        self.kind = kind


def as_bad_event(error: Exception) -> BadEvent:
    """Whatever was raised for one record, as the reason to set it aside."""
    if isinstance(error, BadEvent):
        return error
    return BadEvent(f"can't be applied: {type(error).__name__}: {error}", UNFORESEEN)


LEAP = "leap"
"""Kind of a record whose time can't be right."""


def leap(at_ms: int, max_leap_ms: int) -> BadEvent:
    """What is wrong with an event that is too far past everything before it."""
    days = max_leap_ms // DAY_MS
    return BadEvent(f"time {rfc3339(at_ms)} leaps more than {days:,} days past everything before it", LEAP)


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
    reason: Reason | None = None


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
        raise BadEvent(f"the record has {len(raw):,} bytes; an event may have {LARGEST_BYTES:,}")
    try:
        event = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEvent(str(error) if raw else "the record is empty") from None
    except RecursionError:
        raise BadEvent("JSON is nested too deeply") from None
    at_ms = to_ms(event.time)
    if not EARLIEST_MS <= at_ms < LATEST_MS:
        raise BadEvent(_unbelievable("time", at_ms, "$.time"))
    check = _CHECKS.get(type(event))
    if check is not None:
        check(event)
    return event, at_ms


def check_names(named: Any, *fields: str, path: str = "$") -> None:
    """Raises BadEvent for names with characters that nobody sees.

    Names of shops and orders are checked where the engine first meets them, since most events are of known ones.
    """
    for field in fields:
        name = getattr(named, field)
        if name is not None and has_hidden(name):
            raise BadEvent(
                f"{field} '{_quoted(name)}' has control, bidirectional or zero-width characters - at `{path}.{field}`"
            )


def _check_placed(event: OrderPlaced) -> None:
    data = event.data
    if data.amount is not None:
        check_amount(data.amount)
    if data.currency is not None and data.currency not in _good_currencies:
        _check_currency(data.currency)
    if data.ship_by is not None:
        _check_ship_by(data.ship_by, required=False)
    if data.items is not None:
        for item in data.items:
            sku = item.sku
            if sku is not None and not (sku.isascii() and sku.isprintable()):  # quick for almost all
                check_names(item, "sku", path="$.data.items[...]")


def _check_deadline(event: DeadlineChanged) -> None:
    _check_ship_by(event.data.ship_by, required=True)


def _check_sent_back(event: OrderReturned | OrderRefunded) -> None:
    if event.data.amount is not None:
        check_amount(event.data.amount)


def _check_shop_event(event: Any) -> None:
    """Numbers that are none, times no one can mean, and names that look like others."""
    data = event.data
    for name in ("amount", "price", "score", "value"):
        number = getattr(data, name, None)
        if number is not None and not is_reckonable(number):
            raise BadEvent(f"{name} {_quoted(number)} is no number to reckon with - at `$.data.{name}`")
    starts_at = getattr(data, "starts_at", None)
    if starts_at is not None and not is_believable(to_ms(starts_at)):
        raise BadEvent(_unbelievable("starts_at", to_ms(starts_at), "$.data.starts_at"))
    if getattr(data, "currency", None) is not None:
        _check_currency(data.currency)
    check_names(event, "order")
    check_names(data, *(field for field in data.__struct_fields__ if field in _SHOP_NAMES), path="$.data")


_SHOP_NAMES: Final = frozenset(
    {"sku", "carrier", "region", "provider", "name", "kind", "buyer", "site", "programme", "task", "alert"}
    | {"period", "scope"}
)
"""Text of a shop's events that goes into ids and keys, or is compared; not what is written for people to read."""


def check_amount(amount: Decimal) -> None:
    """Raises BadEvent for an amount that is no sum of money (NaN, below nothing, larger than any)."""
    if not is_reckonable(amount) or (amount.is_signed() and amount):
        raise BadEvent(f"amount {_quoted(amount)} is not a sum of money - at `$.data.amount`")


def is_reckonable(number: Decimal) -> bool:
    """False for NaN, infinity, and what has so many digits or such an exponent that reckoning with it or writing it out
    fails or takes long. Looks at it without reckoning."""
    return (
        number.is_finite()
        and SMALLEST_EXPONENT <= number.adjusted() < WHOLE_DIGITS
        and len(str(number)) <= LONGEST_NUMBER
    )


_good_currencies: Final[set[str]] = set()
"""Those that have been seen; there are only so many of three letters."""


def _check_currency(currency: str) -> None:
    if not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise BadEvent(f"currency '{currency}' is not three capitals - at `$.data.currency`")
    _good_currencies.add(currency)


def _quoted(value: object) -> str:
    """As much of a value as a reason has room for."""
    text = str(value)
    return text if len(text) <= LONGEST_NUMBER else f"{text[:LONGEST_NUMBER]}..."


def _check_ship_by(ship_by: datetime | int, *, required: bool) -> None:
    at_ms = to_ms(ship_by)
    if not is_believable(at_ms) and (required or is_believable(at_ms * 1000)):
        raise BadEvent(_unbelievable("ship_by", at_ms, "$.data.ship_by"))


def _unbelievable(name: str, at_ms: int, path: str) -> str:
    if is_believable(at_ms * 1000):
        return f"{name} {at_ms} looks like seconds; epoch milliseconds are wanted - at `{path}`"
    return f"{name} {at_ms} ms is outside 2001-2100, so it stands for no time - at `{path}`"


_CHECKS: Final[dict[type, Callable[[Any], None]]] = {
    OrderPlaced: _check_placed,
    DeadlineChanged: _check_deadline,
    OrderReturned: _check_sent_back,
    OrderRefunded: _check_sent_back,
    **dict.fromkeys(get_args(AnyShopEvent), _check_shop_event),
}
"""What a type's events must be beside what their fields' types say."""
