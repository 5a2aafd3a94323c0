"""What the evidence of all kinds shares."""

from typing import Any

from rules.kinds.shop_view import ShopView
from rules.messages.alerts import Reason

ORDERS_SHOWN = 20
"""How many orders of a numerator an alert names; it always says how many there are."""


def percent(part: float | None) -> str:
    return "-" if part is None else f"{100 * part:.3g} %"


def voided_or(shop: ShopView, order_id: str, reason: Reason) -> Reason:
    """Why an alert about an order ends that has nothing left to rest on: the order was voided, or what is given."""
    facts = shop.order_facts(order_id)
    return reason if facts is None or facts.voided is None else "voided"


def products_of(shop: ShopView, order_id: str) -> dict[str, Any]:
    """The products of an order."""
    facts = shop.order_facts(order_id)
    terms = facts.terms if facts is not None else None
    items = terms.items if terms is not None else ()
    products = {name for item in items if (name := item.product or item.sku)}
    return {"products": sorted(products)} if products else {}
