"""What shipping an order saves, and what shipping several saves together."""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from rules.calendar.instants import rfc3339
from rules.messages.cost import rough_usd
from rules.reports.next_deadline import ship_deadlines
from rules.reports.order_lines import to_ship
from rules.state.shop import Order


class Saving(Struct):
    """What shipping one order saves: the clauses it keeps from a worse step or brings back from one, money and points.
    `due_ms` is the earliest deadline it hasn't met (epoch ms), `overdue` whether that has passed; shipping it at once
    also meets its other deadlines up to `then_ms`."""

    due_ms: int
    overdue: bool
    then_ms: int
    clauses: tuple[str, ...] = ()
    money: dict[str, Decimal] | None = None
    points: dict[str, Decimal] | None = None

    def rank(self) -> tuple[bool, int, Decimal, Decimal, int]:
        """The overdue ones first; then the worst: most clauses, most points, most money, soonest."""
        return not self.overdue, -len(self.clauses), -_sum(self.points), -_sum(self.money), self.due_ms

    def as_json(self, order: Order) -> dict[str, Any]:
        saves: dict[str, Any] = {"clauses": sorted(self.clauses)}
        if self.money:
            currency, amount = max(self.money.items(), key=lambda each: each[1])
            saves |= {"amount": str(amount), "currency": currency}
        if self.points:
            saves["points"] = {ledger: float(points) for ledger, points in sorted(self.points.items())}
        until_ms = max(self.then_ms, self.due_ms)
        shipment, terms = order.facts.shipment, order.facts.terms
        rules = {due.timer.rule.id for due in ship_deadlines(order.shop.plan, order.facts) if due.at_ms <= until_ms}
        return {
            "order": order.id,
            "skus": order.facts.skus(),
            "items": to_ship(order.facts),
            "carrier": shipment.carrier if shipment is not None else None,
            "logistics": terms.logistics if terms is not None else None,
            "due_at": rfc3339(self.due_ms),
            "rules": sorted(rules),
            "saves": saves,
        }


class Saved:
    """What shipping several orders saves together."""

    def __init__(self) -> None:
        self._orders = 0
        self._clauses: set[str] = set()
        self._money: dict[str, Decimal] = {}
        self._points: dict[str, Decimal] = {}

    def add(self, saving: Saving) -> None:
        """Adds one order, if shipping it saves anything."""
        if not (saving.clauses or saving.money or saving.points):
            return
        self._orders += 1
        self._clauses.update(saving.clauses)
        for sums, more in ((self._money, saving.money), (self._points, saving.points)):
            for name, amount in (more or {}).items():
                sums[name] = sums.get(name, Decimal()) + amount

    def as_json(self) -> dict[str, Any] | None:
        """The sums with the number of orders that they are of; a sum a currency, the largest first. None where nothing
        is saved."""
        if not self._orders:
            return None
        money = sorted(self._money.items(), key=lambda each: (-rough_usd(str(each[1]), each[0]), each[0]))
        return {
            "orders": self._orders,
            "clauses": sorted(self._clauses),
            "money": [{"amount": f"{amount:f}", "currency": currency} for currency, amount in money if amount],
            "points": {ledger: float(points) for ledger, points in sorted(self._points.items()) if points},
        }


def _sum(sums: dict[str, Decimal] | None) -> Decimal:
    return sum(sums.values(), Decimal()) if sums else Decimal()
