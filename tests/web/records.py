"""Records of the view's topics, without a broker."""

import json
from collections.abc import Iterable
from typing import Any

from aiokafka import ConsumerRecord

from rules.calendar.instants import HOUR_MS, rfc3339
from rules.messages import alerts
from rules.messages.names import shop_key
from streams.kafka.topics import TopicNames
from streams.views import packed
from streams.views.feed_health import FeedHealth, encode
from streams.views.packed import Packed
from streams.views.view import NO_STANDING, View
from tests.runtime.support import PARTITIONS, START_MS

NAMES = TopicNames("", "app")
LATE = "late.ship"


def alert_id(order: str, shop: str = "s17", platform: str = "joom") -> str:
    return alerts.alert_id(LATE, shop_key(platform, shop), order, "2026-01-04T00:00:00Z")


def alert(order: str = "1", revision: int = 1, *, shop: str = "s17", platform: str = "joom", **data: Any) -> bytes:
    """An alert's record; `data` replaces what is in its data."""
    name = alert_id(order, shop, platform)
    state = data.get("state", "open")
    kind = "opened" if revision == 1 else "resolved" if state == "resolved" else "updated"
    record = {
        "specversion": "1.0",
        "id": f"{name}/{revision}",
        "source": "shipclock",
        "type": f"alert.{kind}",
        "time": data.pop("time", rfc3339(START_MS + revision * HOUR_MS)),
        "platform": platform,
        "shop": shop,
        "order": order,
        "data": {
            "alert": name,
            "revision": revision,
            "rule": LATE,
            "clause": "joom-1",
            "state": "open",
            "severity": "warning",
            "stage": "due_soon",
            "reason": "deadline_near",
            "opened_at": rfc3339(START_MS),
            "due_at": "2026-01-04T00:00:00Z",
            "summary": f"Order {order} must be shipped",
            "value": None,
            "threshold": None,
            "headroom": None,
            "evidence": {"facts": {}},
            "penalty": None,
            "actions": [{"to": "warehouse", "do": "ship_first"}],
        }
        | data,
    }
    return json.dumps(record).encode()


def standing(shop: str = "s17", platform: str = "joom", **others: Any) -> bytes:
    record = {"platform": platform, "shop": shop, "at": rfc3339(START_MS), **NO_STANDING}
    return json.dumps(record | others).encode()


def feed_health(heard_ms: int | None = START_MS, *, shop: str = "s17", late_ms: int, silent_ms: int) -> FeedHealth:
    """Of joom, which is polled."""
    heard_at = None if heard_ms is None else rfc3339(heard_ms)
    return FeedHealth(
        platform="joom",
        shop=shop,
        source="joom",
        app="main",
        by="poll",
        heard_at=heard_at,
        late_at=rfc3339(late_ms),
        silent_at=rfc3339(silent_ms),
    )


def due(order: str, at_ms: int, *skus: str, amount: str = "1.00", **saved: Any) -> dict[str, Any]:
    saves = {"amount": amount, "currency": "USD", **saved}
    return {"order": order, "due_at": rfc3339(at_ms), "skus": list(skus), "rules": [LATE], "saves": saves}


class Log:
    """Hands records to a view as the reader would, each at the next offset of partition 0."""

    def __init__(self, view: View | None = None) -> None:
        self.view = view or View(NAMES, PARTITIONS, lambda: START_MS)
        self._ends: dict[str, int] = {}

    def alerts(self, *values: bytes) -> None:
        self._write(NAMES.alerts, ((json.loads(value)["data"]["alert"].encode(), value) for value in values))

    def standings(self, *values: bytes) -> None:
        self._write(NAMES.standings, ((b"key", value) for value in values))

    def ack(self, key: bytes, value: bytes | None) -> None:
        self._write(NAMES.remarks, [(key, value)])

    def packed(self, *values: Packed) -> None:
        self._write(NAMES.packed, ((value.key(), packed.encode(value)) for value in values))

    def feed_health(self, *values: FeedHealth) -> None:
        self._write(NAMES.feed_health, ((value.key(), encode(value)) for value in values))

    def _write(self, topic: str, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, value in records:
            offset = self._ends.get(topic, 0)
            self._ends[topic] = offset + 1
            sizes = len(key), len(value or b"")
            self.view.apply(ConsumerRecord(topic, 0, offset, START_MS, 0, key, value, None, *sizes, ()))
