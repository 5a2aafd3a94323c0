"""Stock: how long it lasts at the pace at which a SKU sells."""

from typing import Any

import pytest

from rules.calendar.days import day_of
from rules.messages.events import Item
from rules.plan.rule_book import RuleBook
from rules.state.sales import Sales
from tests.rules.history import START_MS, brief, event, pack_file, placed, run, tick

TODAY = day_of(START_MS, "UTC")


def selling(*per_day: int) -> Sales:
    """A shop that sells so many of A1 a day, the last of these days today."""
    sales = Sales()
    for n, units in enumerate(reversed(per_day)):
        sales.replace(None, (TODAY - n, (Item(sku="A1", qty=units),)))
    return sales


@pytest.mark.parametrize(
    ("per_day", "sold", "days"),
    [
        ((10, 10, 10, 0), 30, 3),  # today has only begun
        ((10, 10, 10, 4), 30, 3),
        ((10, 10, 10, 40), 70, 4),  # today is already better than the days before
        ((7,), 7, 1),
        ((7, 0), 7, 1),
        ((1, 2, 3, 4, 5, 6, 7, 8, 0), 35, 7),
        ((10, 0, 0, 0, 0, 0, 0, 0, 0), 0, 0),
    ],
)
def test_a_day_that_is_not_over_only_counts_where_it_makes_sales_faster(
    per_day: tuple[int, ...], sold: int, days: int
) -> None:
    assert selling(*per_day).of("A1", 7, TODAY) == (sold, days)


def test_steady_sales_bring_one_word_about_the_stock_and_not_one_a_day() -> None:
    rules = RuleBook([pack_file("rules/packs/joom.yaml")])
    daily: list[Any] = [placed(f"{n}", f"{12 + 24 * n}h", items=[{"sku": "A1", "qty": 10}]) for n in range(14)]
    events = [*daily[:9], event("stock.level", at="210h", sku="A1", on_hand=65), *daily[9:], tick("350h")]
    alerts = [alert for alert in run(rules, events) if alert.data.rule == "joom.stock_cover"]
    assert brief(alerts) == ["210h opened near threshold_near"]
