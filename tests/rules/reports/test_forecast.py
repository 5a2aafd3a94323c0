"""What is to come if nobody ships, and what shipping saves."""

from typing import Any

import pytest

from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.plan.rule_book import RuleBook
from rules.reports.forecast import with_forecast
from rules.reports.standing import standing
from tests.rules.history import TimedEvent, book, collected, late_ship, ms, pack_file, placed, rule, scanned, shipped

DOUYIN = RuleBook([pack_file("rules/packs/douyin.yaml")])
JOOM = RuleBook([pack_file("rules/packs/joom.yaml")])
SHOPEE = RuleBook([pack_file("rules/packs/shopee.yaml")])


def outlook(rules: RuleBook, events: list[TimedEvent], at: str, platform: str = "joom") -> dict[str, Any]:
    engine = Engine(rules, stepping=True)
    for _ in replay(engine, events, ms(at)):
        pass
    shop = engine.shop(platform, "s1")
    return with_forecast(standing(shop, engine.clock_ms), shop, engine.clock_ms)


def orders(numbers: range, at: str = "0h", **more: Any) -> list[TimedEvent]:
    return [placed(str(number), at, **more) for number in numbers]


def test_a_ratio_is_forecast_with_every_open_order_that_falls_due_by_its_next_evaluation():
    late = late_ship(within="48h")
    share = rule("ratio", "share", numerator={"late": "joom.late"}, threshold="5%")
    events = [*orders(range(20)), *[shipped(str(n), "1h") for n in range(17)]]
    found = outlook(book(late, share), events, "47h")["metrics"]["own-share"]
    assert (found["numerator"], found["denominator"]) == (0, 20)
    forecast = found["forecast"]
    assert (forecast["at"], forecast["numerator"], forecast["denominator"]) == ("2026-01-03T00:00:00Z", 3, 20)
    assert (forecast["stage"], forecast["orders"], forecast["needed"]) == ("crossed", ["17", "18", "19"], 2)


def test_what_falls_due_after_the_next_evaluation_is_not_in_it():
    late = late_ship(within="48h")
    share = rule("ratio", "share", numerator={"late": "joom.late"}, threshold="5%")
    forecast = outlook(book(late, share), orders(range(20)), "20h")["metrics"]["own-share"]["forecast"]
    assert (forecast["numerator"], forecast["orders"], "needed" in forecast) == (0, [], False)


def test_what_carriers_may_leave_undone_is_a_case_of_its_own():
    """No more orders than wait to be shipped can be bad because nothing ships."""
    events = [
        *orders(range(40)),
        *[shipped(str(n), "1h") for n in range(35)],
        *[collected(str(n), "2h") for n in range(30)],
    ]
    forecast = outlook(JOOM, events, "47h")["metrics"]["joom-3"]["forecast"]
    assert (forecast["numerator"], forecast["denominator"], forecast["stage"]) == (5, 40, "crossed")
    assert forecast["needed"] == 3
    assert forecast["if_silent"] == {"value": 1.0, "numerator": 40, "denominator": 40, "stage": "crossed"}


def test_a_shop_that_has_shipped_everything_is_forecast_to_stay_as_it_is():
    events = [
        *orders(range(40)),
        *[shipped(str(n), "1h") for n in range(40)],
        *[collected(str(n), "2h") for n in range(40)],
    ]
    found = outlook(JOOM, events, "47h")["metrics"]["joom-3"]
    assert (found["value"], found["forecast"]["value"], found["forecast"]["stage"]) == (0, 0, None)
    assert "needed" not in found["forecast"]
    assert found["forecast"]["if_silent"]["value"] == 1


def test_where_carriers_have_nothing_there_is_no_such_case():
    forecast = outlook(JOOM, orders(range(3)), "47h")["metrics"]["joom-3"]["forecast"]
    assert "if_silent" not in forecast


def test_points_for_what_carriers_may_leave_undone_are_not_forecast():
    events = [*orders(range(9), platform="douyin"), *[shipped(str(n), "1h", platform="douyin") for n in range(9)]]
    found = outlook(DOUYIN, events, "2h", "douyin")["ledgers"]["A"]
    assert (found["points"], found["forecast"]["points"]) == (0, 0)


def test_points_to_come_are_held_by_the_same_caps_as_points_that_came():
    found = outlook(DOUYIN, orders(range(30), platform="douyin"), "47h", "douyin")
    # 30 orders late at 08:00 in Shanghai would be 3 points, but no more than 2 a day.
    assert found["ledgers"]["A"]["points"] == 0
    assert found["ledgers"]["A"]["forecast"] == {"at": "2026-01-03T16:00:00Z", "points": 2.0, "tier": None}


def test_next_mondays_points_follow_from_what_the_ratio_would_be_computed_to():
    start = "2026-01-05T00:00:00Z"  # a Monday; the orders are late on Wednesday, Singapore time
    events = [placed(str(n), start, platform="shopee") for n in range(10)]
    events += [shipped(str(n), "2026-01-05T01:00:00Z", platform="shopee") for n in range(5)]
    events += [shipped(str(n), "2026-01-08T01:00:00Z", platform="shopee") for n in range(5, 10)]
    found = outlook(SHOPEE, events, "2026-01-09T00:00:00Z", "shopee")
    assert found["metrics"]["sho-2"]["forecast"]["stage"] == "severe"
    assert found["ledgers"]["points"]["forecast"] == {"at": "2026-01-11T16:00:00Z", "points": 2.0, "tier": None}


def test_the_list_of_what_to_ship_is_worst_first_and_says_what_each_order_saves():
    cheap = orders(range(2), amount="5.00", currency="USD", items=[{"sku": "A"}])
    dear = orders(range(2, 4), amount="100.00", currency="USD", items=[{"sku": "B"}])
    due = outlook(JOOM, [*cheap, *dear, *[shipped("0", "2h"), collected("0", "3h")]], "60h")["due"]
    assert [each["order"] for each in due] == ["2", "3", "1"]
    assert due[0] == {
        "order": "2",
        "skus": ["B"],
        "items": [{"sku": "B", "qty": 1}],
        "carrier": None,
        "logistics": None,
        "due_at": "2026-01-04T00:00:00Z",
        "rules": ["joom.late_ship"],
        "saves": {"clauses": ["joom-10", "joom-3"], "amount": "20.00", "currency": "USD"},
    }


def test_overdue_orders_are_listed_first_and_the_forecast_names_those_that_bring_a_ratio_back():
    """As in cases/ship-next-overdue: 50 orders, of which 13 are overdue and not shipped."""
    gone = [each for n in range(37) for each in (shipped(str(n), "5h"), scanned(str(n), "24h", "delivered"))]
    late = [shipped(str(n), "6h", tracking_no=f"T{n}") for n in range(47, 50)]
    later = orders(range(50, 52), "100h", amount="900.00", currency="USD")
    found = outlook(JOOM, [*orders(range(50), amount="100.00", currency="USD"), *gone, *late, *later], "120h")
    assert [each["order"] for each in found["due"]] == [*(str(n) for n in range(37, 47)), "50", "51"]
    assert {each["due_at"] for each in found["due"][:10]} == {"2026-01-04T00:00:00Z"}
    assert found["due"][0]["saves"] == {"clauses": ["joom-10", "joom-3"], "amount": "20.00", "currency": "USD"}
    assert [(each["order"], each["tracking_no"], each["due_at"]) for each in found["chase"]] == [
        (str(n), f"T{n}", "2026-01-03T06:00:00Z") for n in range(47, 50)
    ]
    forecast = found["metrics"]["joom-3"]["forecast"]
    assert (forecast["numerator"], forecast["denominator"]) == (15, 52)
    assert sorted(forecast["orders"]) == sorted(each["order"] for each in found["due"])
    assert "needed" not in forecast  # 2 of 52 are allowed, and 3 are the carrier's


def test_what_is_needed_can_be_shipped():
    gone = [each for n in range(37) for each in (shipped(str(n), "5h"), scanned(str(n), "24h", "delivered"))]
    found = outlook(JOOM, [*orders(range(50), amount="100.00", currency="USD"), *gone], "216h")
    forecast = found["metrics"]["joom-3"]["forecast"]
    assert (forecast["needed"], forecast["orders_total"], found["due_total"]) == (11, 13, 13)
    assert sorted(forecast["orders"]) == sorted(each["order"] for each in found["due"])


def test_an_order_whose_lateness_stays_counted_is_not_named_but_still_to_be_shipped():
    """The ratio counts those that missed their deadline, so shipping them late brings none back."""
    share = rule("ratio", "share", numerator={"late": "joom.late"}, threshold="5%")
    found = outlook(book(late_ship(within="48h"), share), orders(range(20)), "60h")
    forecast = found["metrics"]["own-share"]["forecast"]
    assert (forecast["numerator"], forecast["orders"], forecast["orders_total"]) == (20, [], 0)
    assert "needed" not in forecast
    assert (found["due_total"], found["due"][0]["saves"]) == (20, {"clauses": []})


def test_an_order_that_is_shipped_saves_nothing_more():
    gone = [each for n in range(3) for each in (shipped(str(n), "2h"), collected(str(n), "3h"))]
    events = [*orders(range(3)), *gone]
    found = outlook(JOOM, events, "10h")
    assert (found["due"], found["due_total"], found["chase"], found["chase_total"]) == ([], 0, [], 0)


@pytest.mark.parametrize("rules", [JOOM, DOUYIN, SHOPEE], ids=["joom", "douyin", "shopee"])
def test_a_forecast_moves_nothing(rules: RuleBook):
    platform = rules.packs[0].platform
    engine = Engine(rules, stepping=True)
    for _ in replay(engine, orders(range(5), platform=platform), ms("40h")):
        pass
    shop = engine.shop(platform, "s1")
    before = standing(shop, engine.clock_ms)
    first = with_forecast(standing(shop, engine.clock_ms), shop, engine.clock_ms)
    assert with_forecast(standing(shop, engine.clock_ms), shop, engine.clock_ms) == first
    assert standing(shop, engine.clock_ms) == before


@pytest.mark.parametrize(
    ("align", "every", "next_at"),
    [("month", "week", "2026-01-12T00:00:00Z"), ("week", "day", "2026-01-07T00:00:00Z")],
)
def test_a_ratio_is_forecast_for_the_instant_at_which_it_is_next_computed(align: str, every: str, next_at: str):
    late = late_ship(within="48h")
    share = rule(
        "ratio", "share", numerator={"late": "joom.late"}, threshold="5%", window={"align": align}, every=every
    )
    events = [placed(str(n), "2025-12-29T00:00:00Z") for n in range(20)]
    at = "2026-01-06T12:00:00Z"
    found = outlook(book(late, share), events, at)["metrics"]["own-share"]["forecast"]
    assert found["at"] == next_at


def test_a_period_without_orders_is_none_to_forecast():
    late = late_ship(within="48h")
    window = {"align": "month", "lag": "7d"}
    share = rule("ratio", "share", numerator={"late": "joom.late"}, threshold="5%", window=window, every="month")
    found = outlook(book(late, share), orders(range(20)), "60h")["metrics"]["own-share"]["forecast"]
    assert (found["at"], found["denominator"]) == ("2026-02-08T00:00:00Z", 20)
