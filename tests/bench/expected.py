"""What a system must have raised, computed straight from the events and by nothing that the systems share."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.bench.workload import DAY, HOUR, milliseconds

WINDOW_DAYS, SHARE, MINIMUM_PLACED = 30, 0.05, 20
ORDER_RULES = ("late_48h", "late_72h", "pickup_24h")


@dataclass(frozen=True)
class Expected:
    """``raised``: per order rule, every ``platform/shop/order`` that was ever raised. ``ratio``: per
    ``platform/shop``, whether ratio_5pct is raised at ``end`` (milliseconds since the workload's start); the
    shops whose state depends on the path are left out. ``events``: how many there were."""

    raised: dict[str, set[str]]
    ratio: dict[str, bool]
    end: int
    events: int


@dataclass
class _Order:
    placed: int | None = None
    shipped: int | None = None
    collected: int | None = None
    cancelled: int | None = None
    cancelled_by: str = ""

    def late(self, hours: int) -> bool:
        """Neither shipped nor cancelled by ``hours`` after it was placed; at that very instant is in time."""
        deadline = self.placed + hours * HOUR
        return not any(at is not None and at <= deadline for at in (self.shipped, self.cancelled))

    @property
    def collected_late(self) -> bool:
        if self.shipped is None:
            return False
        return self.collected is None or self.collected > self.shipped + 24 * HOUR

    @property
    def bad(self) -> bool:
        """Counts against its shop, once however many reasons there are."""
        return self.cancelled_by in ("seller", "system") or self.late(48)

    @property
    def last_deadline(self) -> int:
        return max(self.placed + 72 * HOUR, (self.shipped or 0) + 24 * HOUR)


def expect(events: Iterable[dict[str, Any]]) -> Expected:
    """The expectation at an hour past the last deadline and the last event."""
    orders: dict[str, _Order] = defaultdict(_Order)
    latest = count = 0
    for event in events:
        at = milliseconds(event["time"])
        _apply(orders["{platform}/{shop}/{order}".format_map(event)], event, at)
        latest = max(latest, at)
        count += 1
    end = max(latest, *(order.last_deadline for order in orders.values())) + HOUR
    raised = {
        "late_48h": {name for name, order in orders.items() if order.late(48)},
        "late_72h": {name for name, order in orders.items() if order.late(72)},
        "pickup_24h": {name for name, order in orders.items() if order.collected_late},
    }
    return Expected(raised, _ratio(orders, end), end, count)


def _apply(order: _Order, event: dict[str, Any], at: int) -> None:
    match event["type"]:
        case "order.placed":
            order.placed = at
        case "order.shipped":
            order.shipped = at
        case "order.cancelled":
            order.cancelled, order.cancelled_by = at, event["data"]["by"]
        case "pickup.collected":
            order.collected = at


def _ratio(orders: dict[str, _Order], end: int) -> dict[str, bool]:
    placed: dict[str, int] = defaultdict(int)
    bad: dict[str, int] = defaultdict(int)
    first_day = end // DAY - (WINDOW_DAYS - 1)
    for name, order in orders.items():
        shop = name.rpartition("/")[0]
        in_window = order.placed // DAY >= first_day
        placed[shop] += in_window
        bad[shop] += in_window and order.bad
    return {
        shop: above
        for shop, count in placed.items()
        for above in [bad[shop] > SHARE * count]
        # Above the share with too few placed: raised or not depends on whether there once were enough.
        if not (above and count < MINIMUM_PLACED)
    }
