"""What an engine has changed since it was last drained; it is written before the events' offsets are committed."""

from msgspec import Struct

from rules.facts.shop_facts import Key
from rules.messages.alerts import Alert
from rules.state.shop import Order, Shop


class Changes(Struct):
    """`alerts` are those that no `emit` function has got. `expired` are those of the `orders` that are to be deleted.
    `entries` are changed facts of shops by kind and key (deleted, if the shop has none there). `computed` are changed
    results of ratios by rule and boundary (epoch ms). `forgotten`: ids of alerts of which nothing is known any more."""

    alerts: list[Alert] = []
    orders: list[Order] = []
    expired: list[Order] = []
    entries: dict[tuple[str, str, Key], Shop] = {}
    computed: dict[tuple[str, str, int], Shop] = {}
    forgotten: list[str] = []

    def note_order(self, order: Order) -> None:
        """Adds an order that isn't noted yet (`unsaved`): once, however often it changes."""
        order.unsaved = True
        self.orders.append(order)

    def note_results(self, shop: Shop) -> None:
        """Adds the results of a shop's ratios that have changed."""
        for rule, boundary_ms in shop.period_results.take_unsaved():
            self.computed[shop.key, rule, boundary_ms] = shop

    def note_alert(self, _: Shop, alert: Alert) -> None:
        """Adds an alert."""
        self.alerts.append(alert)

    def drain(self) -> "Changes":
        """Returns what was added since the last call."""
        drained = Changes(self.alerts, self.orders, self.expired, self.entries, self.computed, self.forgotten)
        self.alerts, self.orders, self.expired, self.entries, self.computed, self.forgotten = [], [], [], {}, {}, []
        for order in drained.orders:
            order.unsaved = False
        return drained
