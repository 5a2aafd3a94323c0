"""What shipping several orders saves together."""

from decimal import Decimal
from typing import Any

from rules.reports.saving import Saved, Saving


def saving(*clauses: str, money: dict[str, str] | None = None, points: dict[str, str] | None = None) -> Saving:
    def sums(of: dict[str, str] | None) -> dict[str, Decimal] | None:
        return None if of is None else {name: Decimal(each) for name, each in of.items()}

    return Saving(0, False, 0, clauses, sums(money), sums(points))


def together(*savings: Saving) -> Any:
    saved = Saved()
    for each in savings:
        saved.add(each)
    return saved.as_json()


def test_money_points_and_clauses_of_all_orders_are_summed() -> None:
    assert together(
        saving("joom-3", "joom-2", money={"USD": "0.10"}),
        saving("joom-3", money={"USD": "0.20", "CNY": "1.50"}),
        saving(points={"A": "0.1"}),
        saving(points={"A": "0.2", "B": "1"}),
    ) == {
        "orders": 4,
        "clauses": ["joom-2", "joom-3"],
        "money": [{"amount": "0.30", "currency": "USD"}, {"amount": "1.50", "currency": "CNY"}],
        "points": {"A": 0.3, "B": 1.0},
    }


def test_orders_whose_shipping_saves_nothing_are_not_counted() -> None:
    assert together(saving(), saving("joom-3"))["orders"] == 1
    assert together() is None
    assert together(saving()) is None
