from pathlib import Path

import orjson
import pytest

from rules.messages.events import decode
from streams.importing import olist
from streams.importing.history import Event
from streams.importing.report import Report, UnreadableError
from tests.importing.support import ITEMS_HEADER, ORDERS_HEADER, written

# Brazil was 3 h behind UTC on these days.
DELIVERED = "o1,c1,delivered,2018-05-02 10:00:00,2018-05-02 11:00:00,2018-05-04 09:00:00,2018-05-09 18:00:00,"
NOT_SHIPPED = "o1,c1,processing,2018-05-02 10:00:00,2018-05-02 11:00:00,,,"
ITEM = "o1,1,p1,s1,2018-05-08 11:00:00,58.90,13.29"


def imported(folder: Path, orders: list[str], items: list[str]) -> tuple[list[Event], Report]:
    report = Report()
    orders_csv = written(folder, "orders.csv", ORDERS_HEADER, *orders)
    items_csv = written(folder, "items.csv", ITEMS_HEADER, *items)
    return list(olist.events(orders_csv, items_csv, report)), report


def types_and_times(events: list[Event]) -> list[tuple[str, str]]:
    return [(event["type"], event["time"]) for event in events]


def test_a_delivered_order_is_placed_shipped_collected_and_delivered(tmp_path: Path) -> None:
    events, report = imported(tmp_path, [DELIVERED], [ITEM])
    assert types_and_times(events) == [
        ("order.placed", "2018-05-02T13:00:00Z"),
        ("order.shipped", "2018-05-04T12:00:00Z"),
        ("pickup.collected", "2018-05-04T12:00:00Z"),
        ("tracking.updated", "2018-05-09T21:00:00Z"),
    ]
    assert events[3]["data"] == {"status": "delivered"}
    assert report == Report()


def test_the_placed_event_carries_amount_items_and_ship_by(tmp_path: Path) -> None:
    second = "o1,2,p1,s1,2018-05-08 11:00:00,58.9,13.29"
    third = "o1,3,p2,s1,2018-05-08 11:00:00,10,1"
    events, _ = imported(tmp_path, [NOT_SHIPPED], [ITEM, second, third])
    assert events == [
        {
            "specversion": "1.0",
            "id": "olist/s1/o1/placed",
            "source": "olist",
            "type": "order.placed",
            "time": "2018-05-02T13:00:00Z",
            "platform": "olist",
            "shop": "s1",
            "order": "o1",
            "data": {
                "amount": "127.80",
                "currency": "BRL",
                "items": [{"sku": "p1", "qty": 2}, {"sku": "p2", "qty": 1}],
                "ship_by": "2018-05-08T14:00:00Z",
            },
        }
    ]


def test_every_event_is_one_the_rules_can_read(tmp_path: Path) -> None:
    cancelled = "o2,c2,canceled,2018-05-03 10:00:00,,,,"
    events, _ = imported(tmp_path, [DELIVERED, cancelled], [ITEM, ITEM.replace("o1", "o2")])
    for event in events:
        decode(orjson.dumps(event))
    assert len(events) == 6


def test_an_order_of_two_sellers_is_one_order_for_each(tmp_path: Path) -> None:
    other = "o1,2,p9,s2,2018-05-07 11:00:00,5.00,1"
    events, _ = imported(tmp_path, [DELIVERED], [ITEM, other])
    placed = {event["shop"]: event["data"] for event in events if event["type"] == "order.placed"}
    assert {shop: data["amount"] for shop, data in placed.items()} == {"s1": "58.90", "s2": "5.00"}
    assert len({event["id"] for event in events}) == len(events) == 8


def test_the_earliest_limit_of_a_sellers_items_is_the_orders(tmp_path: Path) -> None:
    sooner = "o1,2,p2,s1,2018-05-06 11:00:00,5.00,1"
    events, _ = imported(tmp_path, [NOT_SHIPPED], [ITEM, sooner])
    assert events[0]["data"]["ship_by"] == "2018-05-06T14:00:00Z"


@pytest.mark.parametrize(("status", "reason"), [("canceled", "other"), ("unavailable", "stock")])
def test_a_cancelled_order_is_cancelled_at_its_last_known_time(tmp_path: Path, status: str, reason: str) -> None:
    events, _ = imported(tmp_path, [NOT_SHIPPED.replace("processing", status)], [ITEM])
    assert types_and_times(events)[1:] == [("order.cancelled", "2018-05-02T14:00:00Z")]
    assert events[1]["data"] == {"by": "system", "reason": reason}


def test_summer_time_is_minded(tmp_path: Path) -> None:
    summer = NOT_SHIPPED.replace("2018-05-02", "2018-01-10")
    events, _ = imported(tmp_path, [summer], [ITEM])
    assert events[0]["time"] == "2018-01-10T12:00:00Z"


def test_a_hand_over_before_the_purchase_is_taken_as_it_is(tmp_path: Path) -> None:
    odd = "o1,c1,shipped,2018-05-02 10:00:00,2018-05-02 11:00:00,2018-05-01 09:00:00,,"
    events, report = imported(tmp_path, [odd], [ITEM])
    assert [event["type"] for event in events] == ["order.shipped", "pickup.collected", "order.placed"]
    assert not report.bad_rows


def test_events_of_all_orders_are_sorted_by_time(tmp_path: Path) -> None:
    earlier = DELIVERED.replace("o1", "o2").replace("2018-05", "2018-04")
    events, _ = imported(tmp_path, [DELIVERED, earlier], [ITEM, ITEM.replace("o1", "o2")])
    times = [event["time"] for event in events]
    assert times == sorted(times)
    assert events[0]["order"] == "o2"


def test_orders_without_items_are_left_out_and_counted(tmp_path: Path) -> None:
    events, report = imported(tmp_path, [DELIVERED, DELIVERED.replace("o1", "o2")], [ITEM])
    assert {event["order"] for event in events} == {"o1"}
    assert report.notes == ["1 orders have no items, so no seller: left out"]


def test_items_of_unknown_orders_are_left_out_and_counted(tmp_path: Path) -> None:
    _, report = imported(tmp_path, [DELIVERED], [ITEM, ITEM.replace("o1", "o9")])
    assert report.notes == [f"1 orders have items but are not in {tmp_path / 'orders.csv'}: left out"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            DELIVERED.replace("2018-05-04 09:00:00", "5/4/2018 9:00"),
            "order_delivered_carrier_date: '5/4/2018 9:00' is not a time like 2026-01-31 18:30:00",
        ),
        (DELIVERED.replace("2018-05-02 10:00:00", ""), "order_purchase_timestamp is empty"),
        (
            DELIVERED.replace("2018-05-02 10:00:00", "1018-05-02 10:00:00"),
            "order_purchase_timestamp: '1018-05-02 10:00:00' read as iso is not in 2001-2100",
        ),
        (DELIVERED.replace("o1", ""), "order_id is empty"),
        ("o1,c1,delivered", "3 cells where the header has 8"),
    ],
)
def test_a_bad_order_is_named_and_the_rest_goes_on(tmp_path: Path, row: str, message: str) -> None:
    events, report = imported(tmp_path, [row, NOT_SHIPPED.replace("o1", "o2")], [ITEM, ITEM.replace("o1", "o2")])
    assert report.bad_rows == [f"{tmp_path / 'orders.csv'}:2: {message}"]
    assert [event["order"] for event in events] == ["o2"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ITEM.replace("58.90", "cheap"), "price: 'cheap' is not a number"),
        (ITEM.replace("58.90", "-1"), "price: '-1' is not an amount"),
        (ITEM.replace("58.90", "NaN"), "price: 'NaN' is not an amount"),
        (ITEM.replace("2018-05-08 11:00:00", ""), "shipping_limit_date is empty"),
        (ITEM.replace("s1", ""), "seller_id is empty"),
    ],
)
def test_a_bad_item_is_named_and_its_order_left_out(tmp_path: Path, row: str, message: str) -> None:
    items = [row, ITEM.replace("o1,1", "o1,2"), ITEM.replace("o1", "o2")]
    events, report = imported(tmp_path, [NOT_SHIPPED, NOT_SHIPPED.replace("o1", "o2")], items)
    assert report.bad_rows == [f"{tmp_path / 'items.csv'}:2: {message}"]
    assert [event["order"] for event in events] == ["o2"]


def test_a_row_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    events, report = imported(tmp_path, [NOT_SHIPPED, NOT_SHIPPED], [ITEM, ITEM])
    assert [event["data"]["amount"] for event in events] == ["58.90"]
    assert report.bad_rows == [
        f"{tmp_path / 'items.csv'}:3: item 1 of order o1 is there twice",
        f"{tmp_path / 'orders.csv'}:3: order o1 is there twice",
    ]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    orders_csv = written(tmp_path, "orders.csv", "order_id,status", "o1,delivered")
    items_csv = written(tmp_path, "items.csv", ITEMS_HEADER, ITEM)
    with pytest.raises(UnreadableError, match=r"orders\.csv:1: no column 'order_status'; the columns are"):
        olist.events(orders_csv, items_csv, Report())


def test_swapped_files_are_told_by_their_columns(tmp_path: Path) -> None:
    orders_csv = written(tmp_path, "orders.csv", ORDERS_HEADER, DELIVERED)
    items_csv = written(tmp_path, "items.csv", ITEMS_HEADER, ITEM)
    with pytest.raises(UnreadableError, match=r"orders\.csv:1: no column 'order_item_id'"):
        olist.events(items_csv, orders_csv, Report())
