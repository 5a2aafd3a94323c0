"""Histories at random of shops with all that can befall them: stock, ratings, violations, deposits, other sites."""

from typing import Any

from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS
from tests.rules.histories import Cycle, shuffled_with_repeats
from tests.rules.history import (
    START_MS,
    TimedEvent,
    cancelled,
    collected,
    event,
    moved,
    ms,
    placed,
    refunded,
    scanned,
    shipped,
)

END_MS = START_MS + 45 * 24 * HOUR_MS
"""Past a week's, a month's and a quarter's first Monday's boundary, and before any order expires."""

SITES = {"shopee": ["SG", "TW", "ID"], "tiktok": ["SG", "GB", "US"]}

some_hours = st.sampled_from([0, 12, 24, 48, 72, 84, 88, 96, 120, 168, 256, 424, 743, 744, 760, 928])
"""Some of them Mondays and month's ends in Singapore and in Greenwich."""

instants = some_hours.map(lambda n: f"{n}h")
moments_ms = some_hours.map(lambda n: START_MS + n * HOUR_MS)

_VIOLATIONS = [
    "abusive_chat",
    "abusive_chat",
    "counterfeit",
    "false_return_address",
    "fake_orders",
    "fake_shipment",
    "listing_keywords",
    "own_label",
    "prohibited_item",
    "stolen_pictures",
]
_ORDER_EVENTS = [
    "placed",
    "placed",
    "placed",
    "shipped",
    "shipped",
    "cancelled",
    "scanned",
    "collected",
    "moved",
    "sent_back",
]
_SHOP_EVENTS = [
    "stock",
    "rating",
    "violation",
    "violation",
    "dispute",
    "price",
    "promotion",
    "listing",
    "deducted",
    "topped_up",
    "task",
    "emergency",
    "carrier",
    "reported",
    "profile",
]


@st.composite
def shop_happenings(draw: st.DrawFn, platform: str) -> TimedEvent:
    """One event of a shop, or of one of its orders."""
    at, one_of = draw(instants), lambda *choices: draw(st.sampled_from(choices))
    where: dict[str, Any] = {"platform": platform, "shop": one_of("a", "a", "b")}
    order, sku = one_of("1", "1", "2", "3"), one_of("A", "B")
    match one_of(*_ORDER_EVENTS, *_SHOP_EVENTS):
        case "placed":
            items = [{"sku": sku, "qty": one_of(1, 5)}]
            terms = one_of({}, {"amount": "7.50", "currency": "USD"}, {"predeclared": True}, {"handling_h": 24})
            return placed(order, at, **where, items=items, **terms)
        case "shipped":
            return shipped(
                order, at, **where, tracking_no=one_of("N1", "N2", None), logistics=one_of("platform", "own")
            )
        case "cancelled":
            by, reason = one_of("buyer", "seller", "system"), one_of("stock", "quality", "late_ship", None)
            return cancelled(order, at, **where, by=by, reason=reason)
        case "scanned":
            return scanned(order, at, one_of("info_received", "in_transit", "delivered", "returned"), **where)
        case "collected":
            return collected(order, at, **where)
        case "moved":
            return moved(order, at, to=draw(instants), **where)
        case "sent_back":
            return refunded(order, at, **where)
        case "stock":
            return event("stock.level", None, at, **where, sku=sku, on_hand=one_of(0, 3, 40))
        case "rating":
            return event("rating.updated", None, at, **where, score=one_of("4.8", "4.4", "4.1"))
        case "violation":
            about = {"kind": one_of(*_VIOLATIONS), "buyer": one_of("x", "y", "z"), "severe": one_of(False, True)}
            return event("violation.recorded", one_of(None, order), at, **where, **about, count=one_of(1, 2), sku=sku)
        case "dispute":
            about = {"provider": one_of("p", "q"), "cause": one_of("not_shipped", "other")}
            return event("dispute.opened", None, at, **where, **about)
        case "price":
            return event("price.changed", None, at, **where, sku=sku, price=one_of("10", "12"))
        case "promotion":
            starts = {"starts_at": ms(draw(instants))}
            return event("promotion.scheduled", None, at, **where, sku=sku, price=one_of("9", "11"), **starts)
        case "listing":
            return event("listing.counts", None, at, **where, total=100, preorder=one_of(5, 9, 20))
        case "deducted":
            return event("deposit.deducted", None, at, **where, amount=one_of("10", "5"), currency=one_of("CNY", "USD"))
        case "topped_up":
            return event("deposit.topped_up", None, at, **where, amount=one_of("10", "5"), currency=one_of("CNY", None))
        case "task":
            task = one_of("notify_customers", "call_key_customers", "post_notice", "notify_buyer")
            return event("task.done", one_of(None, order), at, **where, task=task)
        case "emergency":
            return event("emergency.declared", None, at, **where, scope=one_of("flood", "strike"))
        case "carrier":
            return event(
                "carrier.state", None, at, **where, carrier="C", state=one_of("normal", "saturated", "extreme")
            )
        case "reported":
            return event("points.reported", None, at, **where, value=one_of("3", "30"))
    return event("shop.profile", None, at, **where, site=one_of(*SITES.get(platform, ["SG"])))


def shop_histories(platform: str) -> st.SearchStrategy[list[TimedEvent]]:
    return st.lists(
        shop_happenings(platform), min_size=4, max_size=16, unique_by=lambda each: (each[0].shop, each[0].id)
    )


@st.composite
def shop_commit_cycles(draw: st.DrawFn, platform: str) -> list[Cycle]:
    """A history in any order of arrival, commit cycle by commit cycle, under a clock that only goes on."""
    events = draw(shop_histories(platform).flatmap(shuffled_with_repeats))
    cuts = sorted(draw(st.lists(st.integers(0, len(events)), min_size=1, max_size=4)))
    clocks = sorted(draw(st.lists(moments_ms, min_size=len(cuts) + 1, max_size=len(cuts) + 1)))
    parts = [events[start:end] for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True)]
    return list(zip(parts, clocks, strict=True))
