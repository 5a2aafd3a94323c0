"""What an engine has changed since it was last asked, to be written before the events behind it are called done."""

from msgspec import Struct

from rules.facts.shop_facts import Key
from rules.messages.alerts import Alert
from rules.state.shop import Order, Shop


class Changes(Struct):
    """`alerts` are those that were told to nobody else. `expired` are those of the `orders` that are to be dropped.
    `entries` are a shop's own facts by kind and key (gone, where the shop has none there), `computed` its ratios'
    computations by rule and boundary (epoch ms)."""

    alerts: list[Alert] = []
    orders: list[Order] = []
    expired: list[Order] = []
    entries: dict[tuple[str, str, Key], Shop] = {}
    computed: dict[tuple[str, str, int], Shop] = {}

    def note_order(self, order: Order) -> None:
        """Once, however often it changes."""
        if not order.unsaved:
            order.unsaved = True
            self.orders.append(order)
