"""What comes first: sanctions in force, then money, then points, then the severity."""

from hypothesis import given
from hypothesis import strategies as st

from rules.messages.cost import ROUGH_USD, rank, rough_usd


def test_sanctions_then_money_then_points_then_the_severity() -> None:
    in_order = [
        rank("active", "warning", [], None),
        rank("crossed", "warning", [("8076.98", "USD")], None),
        rank("overdue", "critical", [("60", "USD")], 0.1),
        rank("overdue", "critical", [], 2.0),
        rank("overdue", "critical", [], 0.1),
        rank("near", "critical", [], None),
        rank("near", "info", [], None),
    ]
    assert sorted(in_order) == in_order


def test_sums_in_different_currencies_are_compared_by_about_what_they_are_worth() -> None:
    assert rough_usd("90000", "IDR") < rough_usd("80", "USD") < rough_usd("9000", "RUB")
    assert rough_usd("7", "XYZ") == rough_usd("7", None) == 7


@given(st.text(), st.sampled_from([*ROUGH_USD, None, "?"]))
def test_whatever_stands_for_an_amount_has_a_place(amount: str, currency: str | None) -> None:
    assert rough_usd(amount, currency) < float("inf")


def test_what_is_no_sum_costs_nothing() -> None:
    assert [rough_usd(each, "USD") for each in ("nan", "inf", "-Infinity", "much", "")] == [0.0] * 5
