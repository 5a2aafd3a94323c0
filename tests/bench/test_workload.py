"""The yardstick itself: the expectation on a handful of orders, and what the generator promises."""

from typing import Any

from tests.bench.expected import expect
from tests.bench.workload import DAY, HOUR, Workload, milliseconds, rfc3339

NOON = 12 * HOUR


def event(kind: str, at: int, order: str = "o1", **data: str) -> dict[str, Any]:
    where = {"platform": "joom", "shop": "s1", "order": order}
    return {"type": kind, "time": rfc3339(at), "data": data, **where}


def placed(at: int = 0, order: str = "o1") -> dict[str, Any]:
    return event("order.placed", at, order)


def raised_by(*events: dict[str, Any]) -> set[str]:
    return {rule for rule, orders in expect(events).raised.items() if "joom/s1/o1" in orders}


def test_an_order_never_shipped_is_late_twice_and_has_no_pickup_to_miss() -> None:
    assert raised_by(placed()) == {"late_48h", "late_72h"}


def test_an_order_shipped_between_the_deadlines_is_late_once() -> None:
    events = placed(), event("order.shipped", 50 * HOUR), event("pickup.collected", 51 * HOUR)
    assert raised_by(*events) == {"late_48h"}


def test_an_event_at_the_very_deadline_is_in_time() -> None:
    events = placed(), event("order.shipped", 48 * HOUR), event("pickup.collected", 72 * HOUR)
    assert raised_by(*events) == set()


def test_an_event_a_millisecond_after_the_deadline_is_late() -> None:
    events = placed(), event("order.shipped", 48 * HOUR + 1), event("pickup.collected", 72 * HOUR + 2)
    assert raised_by(*events) == {"late_48h", "pickup_24h"}


def test_a_parcel_never_collected_is_raised() -> None:
    assert raised_by(placed(), event("order.shipped", HOUR)) == {"pickup_24h"}


def test_an_order_cancelled_in_time_is_never_late() -> None:
    assert raised_by(placed(), event("order.cancelled", 47 * HOUR, by="buyer")) == set()


def test_the_end_is_an_hour_past_the_last_deadline() -> None:
    assert expect([placed()]).end == 73 * HOUR
    assert expect([placed(), event("order.shipped", 60 * HOUR)]).end == 85 * HOUR


def ratio_after(total: int, bad: int, at: int = NOON, later: int = NOON) -> dict[str, bool]:
    """``total`` orders placed at ``at``, ``bad`` of them cancelled by the seller; an order of another shop,
    placed at ``later``, sets the end."""
    events = [placed(at, f"o{n}") for n in range(total)]
    events += [event("order.shipped", at + HOUR, f"o{n}") for n in range(bad, total)]
    events += [event("order.cancelled", at + HOUR, f"o{n}", by="seller") for n in range(bad)]
    other = placed(later) | {"shop": "s2"}
    return expect([*events, other]).ratio


def test_a_shop_at_exactly_5_percent_is_not_raised() -> None:
    assert ratio_after(total=20, bad=1)["joom/s1"] is False


def test_a_shop_above_5_percent_is_raised() -> None:
    assert ratio_after(total=20, bad=2)["joom/s1"] is True


def test_a_shop_above_5_percent_with_too_few_orders_is_left_out() -> None:
    assert "joom/s1" not in ratio_after(total=19, bad=2)


def test_an_order_late_and_then_cancelled_by_the_seller_counts_once() -> None:
    prompt = [placed(0, f"o{n}") for n in range(2, 21)]
    prompt += [event("order.shipped", HOUR, f"o{n}") for n in range(2, 21)]
    late = [placed(), event("order.cancelled", 50 * HOUR, by="seller")]
    assert expect([*prompt, *late]).ratio["joom/s1"] is False


def test_the_window_is_today_and_the_29_days_before() -> None:
    last_day_in = 29 * DAY - 73 * HOUR
    assert ratio_after(total=20, bad=2, at=NOON, later=last_day_in)["joom/s1"] is True
    assert ratio_after(total=20, bad=2, at=NOON, later=last_day_in + DAY)["joom/s1"] is False


def test_the_same_seed_gives_the_same_events_in_time_order_with_ids_of_their_own() -> None:
    events = list(Workload(orders=500, shops=5).events())
    times = [milliseconds(event["time"]) for event in events]
    assert events == list(Workload(orders=500, shops=5).events())
    assert times == sorted(times)
    assert len({event["id"] for event in events}) == len(events)


def test_nearly_every_parcel_collected_is_delivered_in_the_end() -> None:
    events = list(Workload(orders=5_000, shops=5).events())
    collected = {event["order"] for event in events if event["type"] == "pickup.collected"}
    delivered = {event["order"] for event in events if event["data"].get("status") == "delivered"}
    assert delivered <= collected
    assert 0.97 < len(delivered) / len(collected) < 1


def test_the_workload_has_something_to_find_under_every_rule() -> None:
    orders = 20_000
    expected = expect(Workload(orders=orders, shops=30).events())
    late_48h, late_72h, pickup_24h = (len(found) / orders for found in expected.raised.values())
    assert 0.01 < late_72h < late_48h < 0.1
    assert 0.03 < pickup_24h < 0.1
    assert set(expected.ratio.values()) == {True, False}
