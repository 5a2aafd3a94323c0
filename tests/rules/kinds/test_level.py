"""Levels: a rating, a SKU's stock, the share of pre-orders, points."""

from typing import Any

import pytest

from tests.rules.history import TimedEvent, book, brief, cancelled, emitted_of, event, placed, rule, stood


def rating(at: str, score: str) -> TimedEvent:
    return event("rating.updated", None, at, score=score)


def stock(at: str, on_hand: int, sku: str = "A") -> TimedEvent:
    return event("stock.level", None, at, sku=sku, on_hand=on_hand)


def sold(order: str, at: str, qty: int, sku: str = "A") -> TimedEvent:
    return placed(order, at, items=[{"sku": sku, "qty": qty}])


RATING = book(rule("level", "rating", of="rating", near="4.5", below="4.3"))
COVER = book(rule("level", "cover", of="stock_cover", velocity="7d", near=7, below=3))
REORDER = book(rule("level", "reorder", of="reorder_point", velocity="14d", lead_time="7d", safety="3d"))


def test_a_rating_that_falls_is_near_then_crossed_and_milder_again():
    alerts = emitted_of(
        "rating", RATING, [rating("1h", "4.4"), rating("2h", "4.29"), rating("3h", "4.3"), rating("4h", "4.5")]
    )
    assert brief(alerts) == [
        "1h opened near threshold_near",
        "2h updated crossed threshold_crossed",
        "3h updated near fell_back",
        "4h resolved near fell_back",
    ]
    assert (alerts[1].data.value, alerts[1].data.threshold, alerts[1].data.headroom) == (4.29, 4.3, -0.01)


@pytest.mark.parametrize(
    ("score", "stage"), [("4.5", None), ("4.4999", "near"), ("4.3", "near"), ("4.2999", "crossed")]
)
def test_the_value_itself_is_not_below_it(score, stage):
    assert [alert.data.stage for alert in emitted_of("rating", RATING, [rating("1h", score)])] == (
        [stage] if stage else []
    )


def test_a_rating_that_comes_late_changes_nothing_that_is_newer():
    assert len(emitted_of("rating", RATING, [rating("5h", "4.8"), rating("1h", "4.1")])) == 0


def test_stock_is_held_against_the_pace_of_its_sales():
    events = [sold(str(n), f"{24 * n}h", 10) for n in range(7)]
    alerts = emitted_of("cover", COVER, [*events, stock("150h", 69), stock("151h", 29), stock("152h", 70)])
    assert brief(alerts) == [
        "150h opened near threshold_near",
        "151h updated crossed threshold_crossed",
        "152h resolved crossed fell_back",
    ]
    assert (alerts[1].data.value, alerts[1].data.threshold) == (2.9, 3)
    assert alerts[1].data.evidence | {"sku": "A", "sold": 60, "days": 6, "on_hand": 29} == alerts[1].data.evidence


def test_a_new_product_is_held_against_the_days_it_has_been_on_sale():
    [alert] = emitted_of("cover", COVER, [sold("1", "0h", 10), stock("1h", 20)])
    assert (alert.data.stage, alert.data.value) == ("crossed", 2)


def test_what_no_longer_sells_lasts_longer_as_its_sales_slide_out_of_sight():
    alerts = emitted_of("cover", COVER, [sold("1", "0h", 21), stock("1h", 30)], "400h")
    assert brief(alerts) == [
        "1h opened crossed threshold_crossed",
        "48h updated crossed figures_moved",
        "72h updated near fell_back",  # 21 in three days
        "96h updated near figures_moved",
        "120h resolved near fell_back",  # and in five
    ]


def test_without_sales_stock_lasts_unless_there_is_none():
    assert emitted_of("cover", COVER, [stock("1h", 1)], "400h") == []
    [alert] = emitted_of("cover", COVER, [stock("1h", 0)], "400h")
    assert (alert.data.stage, alert.data.value) == ("crossed", 0)


def test_a_cancelled_order_takes_its_sale_back():
    events = [sold("1", "0h", 70), stock("1h", 100), cancelled("1", "2h", by="buyer")]
    assert brief(emitted_of("cover", COVER, events, "3h"))[-1] == "2h resolved crossed fell_back"


def test_each_sku_is_told_of_by_itself():
    events = [sold("1", "0h", 10), sold("2", "0h", 10, "B"), stock("1h", 1), stock("1h", 1, "B")]
    assert [alert.data.alert for alert in emitted_of("cover", COVER, events)] == [
        "joom.cover:joom/s1:A:-",
        "joom.cover:joom/s1:B:-",
    ]


def test_the_pace_is_the_same_when_old_orders_have_expired():
    events = [sold("old", "0h", 7), *[sold(str(n), f"{24 * n}h", 7) for n in range(100, 104)], stock("2480h", 30)]
    kept = stood(COVER, events, "2490h")["metrics"]["own-cover"]
    fresh = stood(COVER, events[1:], "2490h")["metrics"]["own-cover"]
    assert kept == fresh


def test_the_reorder_point_is_the_demand_over_lead_time_and_safety():
    days = [sold(str(n), f"{24 * n}h", 2) for n in range(14)]
    alerts = emitted_of("reorder", REORDER, [*days, stock("330h", 20), stock("331h", 19), stock("332h", 25)])
    assert brief(alerts) == ["331h opened crossed threshold_crossed", "332h resolved crossed fell_back"]
    assert (alerts[0].data.threshold, alerts[0].data.headroom) == (20, -1)


def test_a_share_of_preorders_above_its_limit():
    rules = book(rule("level", "preorders", of="preorder_share", near="0.08", above="0.1"))
    counts = [
        event("listing.counts", None, f"{n}h", total=100, preorder=share) for n, share in enumerate((8, 9, 10, 11, 0))
    ]
    assert brief(emitted_of("preorders", rules, counts)) == [
        "1h opened near threshold_near",
        "2h updated near figures_moved",
        "3h updated crossed threshold_crossed",
        "4h resolved crossed fell_back",
    ]
    empty = event("listing.counts", None, "0h", total=0, preorder=0)
    assert emitted_of("preorders", rules, [empty]) == []


def ledger(**parts: Any) -> Any:
    feeds = [{"clause": "own-1", "of": [{"violation": ["fake_orders"]}], "points": 5}]
    return rule("ledger", "points", stages=(), **{"ledger": "points", "feeds": feeds, **parts})


def test_points_of_a_ledger_reach_tiers_by_name():
    tiers = [{"name": "demoted", "at": 5}, {"name": "hidden", "at": 10}]
    rules = book(
        ledger(expires="10d"),
        rule("level", "visibility", stages=("demoted", "hidden"), of="points", ledger="joom.points", tiers=tiers),
    )
    events = [event("violation.recorded", None, at, kind="fake_orders") for at in ("1h", "2h")]
    alerts = emitted_of("visibility", rules, events, "300h")
    assert brief(alerts) == [
        "1h opened demoted threshold_crossed",
        "2h updated hidden threshold_crossed",
        "241h updated demoted fell_back",
        "242h resolved demoted fell_back",
    ]
    assert alerts[0].data.headroom == 5
