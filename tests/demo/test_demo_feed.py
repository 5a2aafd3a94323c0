from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import orjson
import pytest

from rules.calendar.instants import DAY_MS, HOUR_MS, from_rfc3339
from rules.messages.events import decode
from streams.demo import generator

START_MS = from_rfc3339("2026-11-01T00:00:00Z")
DAYS = 10


@dataclass
class Lifecycle:
    """What the feed told of one order: when each type first happened (epoch ms), its carrier, its end."""

    at_ms: dict[str, int] = field(default_factory=dict)
    last_scan_ms: int | None = None
    delivered: bool = False
    carrier: str | None = None
    cancelled: dict[str, str] = field(default_factory=dict)

    @property
    def placed_ms(self) -> int:
        return self.at_ms["order.placed"]

    @property
    def day(self) -> float:
        return (self.placed_ms - START_MS) / DAY_MS

    def hours_to(self, kind: str) -> float:
        """From placing to the first event of a type; infinite when it never came."""
        if kind not in self.at_ms:
            return float("inf")
        return (self.at_ms[kind] - self.placed_ms) / HOUR_MS


@pytest.fixture(scope="module")
def arrivals() -> list[tuple[int, generator.Event]]:
    """The first 15 days, so that the end of every order of the first 10 is in sight."""
    found: list[tuple[int, generator.Event]] = []
    for arrival_ms, event in generator.events(seed=1, start_ms=START_MS):
        if arrival_ms >= START_MS + (DAYS + 5) * DAY_MS:
            return found
        found.append((arrival_ms, event))
    raise AssertionError("the feed has an end")


@pytest.fixture(scope="module")
def orders(arrivals: list[tuple[int, generator.Event]]) -> dict[str, list[Lifecycle]]:
    """By shop, all that was told of the orders placed in the first 10 days."""
    found: dict[tuple[str, str], Lifecycle] = defaultdict(Lifecycle)
    for _, event in arrivals:
        if "order" not in event:
            continue
        order = found[f"{event['platform']}/{event['shop']}", event["order"]]
        at_ms = from_rfc3339(event["time"])
        order.at_ms[event["type"]] = min(at_ms, order.at_ms.get(event["type"], at_ms))
        if event["type"] == "tracking.updated":
            order.last_scan_ms = max(at_ms, order.last_scan_ms or at_ms)
            order.delivered |= event["data"]["status"] == "delivered"
        elif event["type"] == "order.shipped":
            order.carrier = event["data"]["carrier"]
        elif event["type"] == "order.cancelled":
            order.cancelled = event["data"]
    by_shop = defaultdict(list)
    for (shop, _), order in found.items():
        if "order.placed" in order.at_ms and order.day < DAYS:
            by_shop[shop].append(order)
    return by_shop


def share(orders: list[Lifecycle], holds: Callable[[Lifecycle], bool]) -> float:
    return sum(map(holds, orders)) / len(orders)


def unshipped_after(hours: float) -> Callable[[Lifecycle], bool]:
    return lambda order: order.hours_to("order.shipped") > hours and order.cancelled.get("by") != "buyer"


def test_the_same_seed_gives_the_same_events() -> None:
    first, second = (list(islice(generator.events(5, START_MS), 5000)) for _ in range(2))
    assert first == second


def test_another_seed_gives_other_events() -> None:
    assert list(islice(generator.events(5, START_MS), 100)) != list(islice(generator.events(6, START_MS), 100))


def test_a_later_start_moves_every_event_with_it() -> None:
    moved = islice(generator.events(5, START_MS + DAY_MS), 2000)
    plain = islice(generator.events(5, START_MS), 2000)
    assert [arrival_ms - DAY_MS for arrival_ms, _ in moved] == [arrival_ms for arrival_ms, _ in plain]


def test_every_event_is_one_the_rules_can_read(arrivals: list[tuple[int, generator.Event]]) -> None:
    for arrival_ms, event in arrivals:
        _, at_ms = decode(orjson.dumps(event))
        assert event["time"].endswith("Z")
        assert at_ms <= arrival_ms


def test_arrival_never_goes_back_and_times_do(arrivals: list[tuple[int, generator.Event]]) -> None:
    moments = [arrival_ms for arrival_ms, _ in arrivals]
    assert moments == sorted(moments)
    times = [from_rfc3339(event["time"]) for _, event in arrivals]
    assert times != sorted(times)


def test_one_message_in_a_hundred_comes_twice(arrivals: list[tuple[int, generator.Event]]) -> None:
    seen = Counter((event["source"], event["id"]) for _, event in arrivals)
    assert set(seen.values()) == {1, 2}
    assert 0.005 < (len(arrivals) - len(seen)) / len(arrivals) < 0.015


def test_a_few_messages_come_minutes_to_hours_late(arrivals: list[tuple[int, generator.Event]]) -> None:
    late = sum(arrival_ms - from_rfc3339(event["time"]) >= 60_000 for arrival_ms, event in arrivals)
    assert 0.03 < late / len(arrivals) < 0.06


def test_a_dozen_shops_place_some_thousand_orders_a_day(orders: dict[str, list[Lifecycle]]) -> None:
    assert orders.keys() == {shop.key for shop in generator.SHOPS}
    assert len(orders) == 12
    assert 1500 < sum(map(len, orders.values())) / DAYS < 3000


def test_order_ids_are_long_digits_and_never_repeat(arrivals: list[tuple[int, generator.Event]]) -> None:
    ids = [event["order"] for _, event in arrivals if event["type"] == "order.placed"]
    assert all(order.isdigit() and len(order) >= 14 for order in ids)
    placed = {(event["source"], event["id"]) for _, event in arrivals if event["type"] == "order.placed"}
    assert len(placed) == len(set(ids))


def test_nights_are_quieter_than_evenings(orders: dict[str, list[Lifecycle]]) -> None:
    hours = Counter((order.placed_ms // HOUR_MS + 8) % 24 for order in orders["douyin/s204"])
    assert hours[20] > 4 * hours[4]


def test_a_late_message_may_bring_a_pickup_before_its_order(
    arrivals: list[tuple[int, generator.Event]],
) -> None:
    found: set[str] = set()
    early = 0
    for _, event in arrivals:
        if event["type"] == "order.placed":
            found.add(event["order"])
        elif event["type"] in ("order.shipped", "pickup.collected") and event["order"] not in found:
            early += 1
    assert early > 0


def test_the_stock_out_shop_stops_shipping_on_day_2_and_cancels(orders: dict[str, list[Lifecycle]]) -> None:
    before = [order for order in orders["joom/s17"] if order.day < generator.STOCK_OUT_DAY]
    after = [order for order in orders["joom/s17"] if order.day >= generator.STOCK_OUT_DAY]
    assert share(before, unshipped_after(72)) < 0.05
    assert 0.5 < share(after, unshipped_after(72)) < 0.7
    without = [order for order in after if order.cancelled.get("reason") == "stock"]
    assert 0.5 < len(without) / len(after) < 0.7
    assert all(80 <= order.hours_to("order.cancelled") <= 110 for order in without)


def test_the_stock_out_shop_reports_an_empty_shelf_on_day_2(arrivals: list[tuple[int, generator.Event]]) -> None:
    levels = {
        (from_rfc3339(event["time"]) - START_MS) // DAY_MS: event["data"]["on_hand"]
        for _, event in arrivals
        if event["type"] == "stock.level"
    }
    assert [levels[day] for day in range(4)] == [220, 110, 0, 0]


def test_the_silent_carrier_scans_nothing_from_day_3(orders: dict[str, list[Lifecycle]]) -> None:
    silent_ms = START_MS + generator.SILENCE_DAY * DAY_MS
    parcels = [order for found in orders.values() for order in found if order.carrier == generator.SILENT_CARRIER]
    after = [order for order in parcels if order.at_ms["order.shipped"] >= silent_ms]
    assert len(after) > 1000
    assert not any("pickup.collected" in order.at_ms for order in after)
    on_their_way = [order for order in parcels if order.last_scan_ms and not order.delivered]
    assert len(on_their_way) > 50
    assert all((order.last_scan_ms or 0) < silent_ms for order in on_their_way)


def test_the_drifting_shop_passes_5_percent_about_day_7(orders: dict[str, list[Lifecycle]]) -> None:
    of_shop = orders["joom/slow-river"]

    def late_share(day: float) -> float:
        now_ms = START_MS + int(day * DAY_MS)
        placed = [order for order in of_shop if order.placed_ms <= now_ms]
        return share(placed, lambda o: o.placed_ms + 72 * HOUR_MS <= now_ms and unshipped_after(72)(o))

    assert late_share(4) < 0.02
    assert 0.02 < late_share(6) < 0.05
    assert late_share(9) > 0.05


def test_the_late_evening_shop_clicks_shipped_around_the_48th_hour(orders: dict[str, list[Lifecycle]]) -> None:
    of_shop = orders["douyin/night-market"]
    assert all(47 <= order.hours_to("order.shipped") <= 50 for order in of_shop)
    assert 0.5 < share(of_shop, unshipped_after(48)) < 0.8
    clicks = {(order.at_ms["order.shipped"] // HOUR_MS + 8) % 24 for order in of_shop}
    assert clicks <= {18, 19, 20, 21, 22, 23, 0, 1}


def test_the_faking_shop_has_parcels_that_nobody_scanned(orders: dict[str, list[Lifecycle]]) -> None:
    of_shop = orders["douyin/fast-labels"]
    assert all(order.hours_to("order.shipped") <= 5 for order in of_shop)
    never = share(of_shop, lambda order: "pickup.collected" not in order.at_ms and order.last_scan_ms is None)
    assert 0.35 < never < 0.45


def of_shop(arrivals: list[tuple[int, generator.Event]], shop: str, kind: str) -> dict[str, list[generator.Event]]:
    """What a shop told of this kind, by order; each event once."""
    shown = {(each["id"]): each for _, each in arrivals if (each["shop"], each["type"]) == (shop, kind)}
    found = defaultdict(list)
    for each in shown.values():
        found[each["order"]].append(each)
    return found


def test_one_order_in_six_of_a_shop_goes_out_in_two_parcels(arrivals: list[tuple[int, generator.Event]]) -> None:
    placed, shipped = (of_shop(arrivals, "s204", f"order.{kind}") for kind in ("placed", "shipped"))
    double = {order: parcels for order, parcels in shipped.items() if len(parcels) == 2}
    assert 0.12 < len(double) / len(shipped) < 0.21
    for order, parcels in double.items():
        lines = [item["line"] for each in parcels for item in each["data"]["items"]]
        assert sorted(lines) == [item["line"] for item in placed[order][0]["data"]["items"]] == ["1", "2"]
        assert len({each["data"]["tracking_no"] for each in parcels}) == 2


def test_some_pieces_of_an_order_go_out_days_after_the_first_or_not_at_all(
    arrivals: list[tuple[int, generator.Event]],
) -> None:
    shipped = of_shop(arrivals, "s5", "order.shipped")
    parts = [parcels for parcels in shipped.values() if "items" in parcels[0]["data"]]
    assert 0.08 < len(parts) / len(shipped) < 0.18
    assert {len(parcels) for parcels in parts} == {1, 2}


def test_orders_are_reopened_after_a_buyer_has_taken_the_cancellation_back(
    arrivals: list[tuple[int, generator.Event]],
) -> None:
    cancelled, reopened, shipped = (
        of_shop(arrivals, "shenzhen-parts", f"order.{kind}") for kind in ("cancelled", "reopened", "shipped")
    )
    assert 0.05 < len(reopened) / len(of_shop(arrivals, "shenzhen-parts", "order.placed")) < 0.12
    assert reopened.keys() <= cancelled.keys()
    assert 0.2 < len(reopened.keys() - shipped.keys()) / len(reopened) < 0.5


def test_the_model_shop_has_no_trouble(orders: dict[str, list[Lifecycle]]) -> None:
    for order in orders["joom/steady-hands"]:
        assert order.hours_to("order.shipped") < 24
        assert order.hours_to("pickup.collected") - order.hours_to("order.shipped") <= 12
        assert not order.cancelled
