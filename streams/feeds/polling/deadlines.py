"""Deadlines that the platform moves: `order.deadline_changed` where an order reads another than last time."""

from collections.abc import Iterable, Mapping
from typing import Any

from rules.calendar.instants import from_rfc3339, rfc3339
from streams.feeds.polling.ledger import Ledger

ENDS = frozenset({"order.shipped", "order.cancelled"})


class Deadlines:
    """Of one shop, `shop` in the ledger. What was read is remembered by `keep`, when its events are written."""

    def __init__(self, ledger: Ledger, shop: str) -> None:
        self._ledger, self._shop = ledger, shop
        self._read: dict[str, str | None] = {}

    def changed(
        self, events: Iterable[Mapping[str, Any]], changed_ms: int | None, received_at: str
    ) -> list[dict[str, Any]]:
        """The changes in what one document means; `changed_ms` is the order's last change, where the document says."""
        events = list(events)
        over = {event["order"] for event in events if event["type"] in ENDS and is_whole(event)}
        changes = []
        for event in events:
            if event["type"] != "order.placed":
                continue
            order, ship_by = event["order"], event["data"].get("ship_by")
            if order in over:
                self._read[order] = None
            if order in over or ship_by is None:
                continue
            before = self._read.get(order) or self._ledger.deadline(self._shop, order)
            self._read[order] = ship_by
            if before is not None and before != ship_by:
                changes.append(_change(event, changed_ms, received_at))
        return changes

    def keep(self) -> None:
        self._ledger.set_deadlines(self._shop, self._read)
        self._read = {}


def _change(placed: Mapping[str, Any], changed_ms: int | None, received_at: str) -> dict[str, Any]:
    ship_by = placed["data"]["ship_by"]
    key = f"{placed['order']}:deadline:{from_rfc3339(ship_by) // 1000}"
    if changed_ms is not None:
        key, received_at = f"{key}:{changed_ms // 1000}", rfc3339(changed_ms)
    kept = {name: value for name, value in placed.items() if name != "data"}
    change = {"id": key, "type": "order.deadline_changed", "time": received_at}
    return kept | change | {"data": {"ship_by": ship_by, "by": "platform"}}


def is_whole(event: Mapping[str, Any]) -> bool:
    """Whether it is about the whole order."""
    data = event["data"]
    return data.get("complete") is not False and "items" not in data
