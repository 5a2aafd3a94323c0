"""The public Olist files (Brazilian marketplace, 2016–2018) as canonical events.

An Olist order may hold items of several sellers; here it is one order per seller, all with Olist's order
id. Olist knows the hand-over to the carrier and the delivery once per order, so they count for each of its
sellers.

- `order.shipped` and `pickup.collected` both stand at the hand-over: Olist has no seller's click, and the
  hand-over is where the parcel left the seller and where the carrier first had it.
- `order.cancelled` comes from the status (canceled, unavailable), which has no time of its own. It stands
  at the order's last known time, and is by=system as nobody is named. The real cancelling was later, so
  such an order never shows as late here: better than inventing lateness the file doesn't tell.
  "unavailable" has reason stock.
- Orders without items have no seller, so no shop to belong to; they are left out and counted.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

from rules.calendar.instants import rfc3339
from streams.importing.history import Fact, Order, Timeline
from streams.importing.report import Report
from streams.importing.table import rows
from streams.importing.times import ISO, instant_ms

PLATFORM = "olist"
SOURCE = "olist"
CURRENCY = "BRL"
ZONE = ZoneInfo("America/Sao_Paulo")

_PURCHASED = "order_purchase_timestamp"
_APPROVED = "order_approved_at"
_HANDED_OVER = "order_delivered_carrier_date"
_DELIVERED = "order_delivered_customer_date"
_ORDER_COLUMNS = ("order_id", "order_status", _PURCHASED, _APPROVED, _HANDED_OVER, _DELIVERED)
_ITEM_COLUMNS = ("order_id", "order_item_id", "product_id", "seller_id", "shipping_limit_date", "price")
_CANCEL_REASONS = {"canceled": "other", "unavailable": "stock"}


@dataclass(slots=True)
class _Basket:
    """What one seller has to ship for one order; amount in BRL."""

    ship_by_ms: int
    amount: Decimal = Decimal(0)
    quantities: Counter[str] = field(default_factory=Counter)


# Order id → seller id → basket; None where an item of the order could not be read.
_Baskets = dict[str, dict[str, _Basket] | None]


def events(orders_csv: Path, items_csv: Path, report: Report) -> Timeline:
    """Read both files into events sorted by time.

    Rows that can't be read go to `report`, and the order they belong to is left out. Raises UnreadableError
    when a file or one of its columns is missing.
    """
    baskets = _baskets(items_csv, report)
    return Timeline(_facts(orders_csv, baskets, report))


def _baskets(items_csv: Path, report: Report) -> _Baskets:
    baskets: _Baskets = {}
    seen: set[tuple[str, str]] = set()
    for line, row in rows(items_csv, _ITEM_COLUMNS, report):
        order_id, item_id = row["order_id"], row["order_item_id"]
        if (order_id, item_id) in seen:
            report.bad_row(items_csv, line, f"item {item_id} of order {order_id} is there twice")
            continue
        seen.add((order_id, item_id))
        try:
            seller_id, product_id, ship_by_ms, price = _item(row)
        except ValueError as error:
            report.bad_row(items_csv, line, str(error))
            baskets[order_id] = None
            continue
        sellers = baskets.setdefault(order_id, {})
        if sellers is None:
            continue
        basket = sellers.setdefault(seller_id, _Basket(ship_by_ms))
        # The seller is late with the first item not handed over in time, so the earliest limit is the
        # order's. In the data looked at, a seller's items of one order always shared their limit.
        basket.ship_by_ms = min(basket.ship_by_ms, ship_by_ms)
        basket.amount += price
        basket.quantities[product_id] += 1
    return baskets


def _item(row: dict[str, str]) -> tuple[str, str, int, Decimal]:
    for column in ("order_id", "product_id", "seller_id"):
        if not row[column]:
            raise ValueError(f"{column} is empty")
    try:
        price = Decimal(row["price"])
    except InvalidOperation:
        raise ValueError(f"price: {row['price']!r} is not a number") from None
    if not price.is_finite() or price < 0:
        raise ValueError(f"price: {row['price']!r} is not an amount")
    ship_by_ms = _time_ms(row, "shipping_limit_date")
    if ship_by_ms is None:
        raise ValueError("shipping_limit_date is empty")
    return row["seller_id"], row["product_id"], ship_by_ms, price


def _facts(orders_csv: Path, baskets: _Baskets, report: Report) -> Iterator[Fact]:
    seen: set[str] = set()
    no_items = 0
    for line, row in rows(orders_csv, _ORDER_COLUMNS, report):
        order_id = row["order_id"]
        if not order_id:
            report.bad_row(orders_csv, line, "order_id is empty")
            continue
        if order_id in seen:
            report.bad_row(orders_csv, line, f"order {order_id} is there twice")
            continue
        seen.add(order_id)
        sellers = baskets.get(order_id, {})
        if sellers is None:
            continue
        if not sellers:
            no_items += 1
            continue
        try:
            times_ms = _times_ms(row)
        except ValueError as error:
            report.bad_row(orders_csv, line, str(error))
            continue
        for seller_id, basket in sellers.items():
            order = Order(SOURCE, PLATFORM, seller_id, order_id)
            yield from _order_facts(order, basket, times_ms, row["order_status"])
    if no_items:
        report.note(f"{no_items} orders have no items, so no seller: left out")
    strangers = len(baskets.keys() - seen)
    if strangers:
        report.note(f"{strangers} orders have items but are not in {orders_csv}: left out")


def _order_facts(order: Order, basket: _Basket, times_ms: dict[str, int], status: str) -> Iterator[Fact]:
    yield Fact(
        order,
        "placed",
        times_ms[_PURCHASED],
        {
            "amount": f"{basket.amount:.2f}",
            "currency": CURRENCY,
            "items": [{"sku": product, "qty": quantity} for product, quantity in basket.quantities.items()],
            "ship_by": rfc3339(basket.ship_by_ms),
        },
    )
    if _HANDED_OVER in times_ms:
        yield Fact(order, "shipped", times_ms[_HANDED_OVER], {})
        yield Fact(order, "collected", times_ms[_HANDED_OVER], {})
    if _DELIVERED in times_ms:
        yield Fact(order, "delivered", times_ms[_DELIVERED], {"status": "delivered"})
    if status in _CANCEL_REASONS:
        data = {"by": "system", "reason": _CANCEL_REASONS[status]}
        yield Fact(order, "cancelled", max(times_ms.values()), data)


def _times_ms(row: dict[str, str]) -> dict[str, int]:
    times_ms = {}
    for column in (_PURCHASED, _APPROVED, _HANDED_OVER, _DELIVERED):
        at_ms = _time_ms(row, column)
        if at_ms is not None:
            times_ms[column] = at_ms
    if _PURCHASED not in times_ms:
        raise ValueError(f"{_PURCHASED} is empty")
    return times_ms


def _time_ms(row: dict[str, str], column: str) -> int | None:
    if not row[column]:
        return None
    try:
        return instant_ms(row[column], ISO, ZONE)
    except ValueError as error:
        raise ValueError(f"{column}: {error}") from None
