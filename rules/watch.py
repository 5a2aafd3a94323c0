"""What is being watched: shops and their orders, with what has been derived from their facts."""

from rules.alerts import Emitted
from rules.book import Plan
from rules.facts import OrderFacts
from rules.instants import NEVER
from rules.kinds.ratio import Part, Tally


class Order:
    """One order's facts, and what they led to. `armed_ms` is when its entry in the timer index is due."""

    __slots__ = ("alerts", "armed_ms", "dirty", "facts", "id", "parts", "shop", "unsaved")

    def __init__(self, order_id: str, shop: "Shop") -> None:
        self.id = order_id
        self.shop = shop
        self.facts = OrderFacts()
        self.alerts: dict[str, Emitted] | None = None
        self.parts: list[Part | None] = [None] * len(shop.plan.gauges)
        self.armed_ms = NEVER
        self.dirty = False
        self.unsaved = False


class Shop:
    """One shop on one platform; `key` is `platform/shop`, as in Kafka."""

    __slots__ = (
        "alerts",
        "armed_ms",
        "dirty",
        "key",
        "marks",
        "name",
        "open_alerts",
        "orders",
        "plan",
        "platform",
        "tallies",
    )

    def __init__(self, platform: str, name: str, plan: Plan) -> None:
        self.platform = platform
        self.name = name
        self.key = f"{platform}/{name}"
        self.plan = plan
        self.orders: dict[str, Order] = {}
        self.tallies = [Tally(gauge) for gauge in plan.gauges]
        self.marks: list[dict[str, int]] = [{} for _ in plan.counters]
        self.alerts: dict[str, Emitted] = {}
        self.open_alerts = 0
        self.armed_ms = NEVER
        self.dirty = False

    def open_orders(self) -> int:
        """Orders neither shipped nor cancelled yet."""
        return sum(
            order.facts.shipped is None and order.facts.cancelled is None and order.facts.placed is not None
            for order in self.orders.values()
        )

    def marks_of(self, n: int) -> list[tuple[int, str]]:
        """The marks of count rule `n` as `(at_ms, order)`."""
        return [(at_ms, order) for order, at_ms in self.marks[n].items()]
