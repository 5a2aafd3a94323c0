"""Good records of every event type, as senders write them: what the fuzz tests mutate."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from rules.calendar.instants import HOUR_MS, rfc3339
from tests.runtime.support import START_MS, key_of

PLATFORMS = ("joom", "douyin", "ozon", "shopee", "aliexpress", "lazada", "tiktok")


class Record(NamedTuple):
    """A record on its way to an input topic, named without prefix."""

    topic: str
    key: bytes | None
    value: bytes


_OF_ORDERS: dict[str, dict[str, Any]] = {
    "order.placed": {
        "amount": "12.50",
        "currency": "USD",
        "items": [{"sku": "A1", "qty": 2, "product": "mug"}, {"sku": "B-2", "qty": 1}],
        "mode": "presale",
        "ship_by": rfc3339(START_MS + 90 * HOUR_MS),
        "handling_h": 48,
        "logistics": "platform",
        "sensitive": False,
        "predeclared": True,
    },
    "order.deadline_changed": {"ship_by": rfc3339(START_MS + 120 * HOUR_MS), "by": "platform"},
    "order.shipped": {"carrier": "SF", "tracking_no": "SF100200300", "logistics": "own", "label": "platform"},
    "order.cancelled": {"by": "seller", "reason": "stock"},
    "order.returned": {"reason": "broken", "amount": "3.10"},
    "order.refunded": {"reason": "late", "amount": "12.50"},
}
_OF_PICKUPS: dict[str, dict[str, Any]] = {
    "pickup.collected": {"carrier": "SF", "tracking_no": "SF100200300"},
    "pickup.failed": {"carrier": "SF", "tracking_no": "SF100200300"},
}
_OF_TRACKING: dict[str, dict[str, Any]] = {
    "tracking.updated": {"tracking_no": "SF100200300", "status": "in_transit"},
}
_OF_SHOPS: dict[str, dict[str, Any]] = {
    "shop.profile": {"site": "ID", "programme": "mall", "currency": "IDR"},
    "stock.level": {"sku": "A1", "on_hand": 0},
    "rating.updated": {"score": "4.2"},
    "dispute.opened": {"provider": "p1", "cause": "not_shipped", "amount": "10"},
    "dispute.closed": {"provider": "p1", "cause": "other", "amount": "10"},
    "violation.recorded": {"kind": "abusive_chat", "sku": "A1", "buyer": "b7", "severe": True, "count": 2},
    "price.changed": {"sku": "A1", "price": "9.99", "starts_at": rfc3339(START_MS)},
    "promotion.scheduled": {"sku": "A1", "price": "7.99", "starts_at": rfc3339(START_MS + 30 * HOUR_MS)},
    "listing.counts": {"total": 200, "preorder": 30, "site": "TW"},
    "deposit.deducted": {"amount": "50", "currency": "CNY"},
    "deposit.topped_up": {"amount": "50", "currency": "CNY"},
    "task.done": {"task": "post_notice", "alert": "-"},
    "carrier.state": {"carrier": "SF", "region": "north", "state": "paralysed"},
    "emergency.declared": {"scope": "warehouse", "reason": "flood"},
    "emergency.ended": {"scope": "warehouse", "reason": "dry"},
    "metric.reported": {"name": "late_rate", "value": "0.03", "period": "2026-01"},
    "points.reported": {"name": "points", "value": 3, "period": "2026-Q1"},
}
_BY_TOPIC = {"orders": _OF_ORDERS, "pickups": _OF_PICKUPS, "tracking": _OF_TRACKING, "shops": _OF_SHOPS}
TYPES = [(topic, kind) for topic, types in _BY_TOPIC.items() for kind in types]


def good_records(number: int) -> Iterator[Record]:
    """Events of every type by turns, of a few orders in a few shops of every platform, an hour apart."""
    for n in range(number):
        topic, kind = TYPES[n % len(TYPES)]
        value = orjson.dumps(
            {
                "specversion": "1.0",
                "id": f"e-{n}",
                "source": "fuzz/1",
                "type": kind,
                "time": rfc3339(START_MS + n % 500 * HOUR_MS),
                "platform": PLATFORMS[n // len(TYPES) % len(PLATFORMS)],
                "shop": f"s{n // 7 % 5}",
                "order": f"o{n // len(TYPES) % 40}",
                "data": _BY_TOPIC[topic][kind],
            }
        )
        yield Record(topic, key_of(value), value)
