"""What happens to a shop as a whole, as events."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from rules.calendar.instants import Instant
from rules.messages.bounds import AlertId, Currency, Sku, Text, Whole
from rules.messages.envelope import Event

CarrierState = Literal["normal", "saturated", "paralysed", "extreme"]


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
