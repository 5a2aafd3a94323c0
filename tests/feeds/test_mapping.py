"""What holds for every source."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.feeds.decoding import Request
from streams.feeds.mapping import map_request
from tests.feeds.support import mapped, shopee, source

steady = settings(derandomize=True, database=None, deadline=None, max_examples=50)


def test_ids_beyond_two_to_the_53_stay_as_they_are() -> None:
    body = [{"tag": 106, "data": {"p_id": 69381100455127773019, "shop_id": 88120457, "cancel_time": 1_793_700_000}}]
    (event,) = mapped("douyin", body).events
    assert event["order"] == "69381100455127773019"


def test_times_may_be_seconds_milliseconds_text_or_written() -> None:
    times = [1_793_784_600, 1_793_784_600_000, "1793784600", "2026-11-04T17:30:00+08:00", "2026-11-04 09:30:00"]
    events = [event for each in times for event in mapped("shopee", shopee(update_time=each)).events]
    assert {event["time"] for event in events} == {"2026-11-04T09:30:00Z"}
    assert len(events) == len(times)


def test_a_time_far_ahead_of_the_receipt_is_that_of_the_receipt_and_the_id_stays() -> None:
    ahead = {"received_at": "2026-11-04T01:30:00Z"}  # eight hours before: a zone mistake
    cutoff = {
        "message_type": "TYPE_STATE_CHANGED",
        "posting_number": "1-1",
        "seller_id": 7,
        "new_state": "posting_not_in_sort_center",
        "changed_state_date": "2026-11-04T09:30:00Z",
    }
    (event,) = mapped("ozon", cutoff, **ahead).events
    assert event["time"] == "2026-11-04T01:30:00Z"
    assert event["id"] == "1-1:pickup_failed:1793784600"
    (near,) = mapped("ozon", cutoff, received_at="2026-11-04T09:25:00Z").events
    assert near["time"] == "2026-11-04T09:30:00Z"


def test_the_settings_say_when_a_shop_counts_an_order_as_shipped() -> None:
    body = {
        "type": 1,
        "shop_id": "7",
        "data": {"order_id": "9", "order_status": "AWAITING_COLLECTION", "update_time": 1_793_772_000},
    }
    assert mapped("tiktok", body).events == []
    assert [event["id"] for event in mapped("tiktok", body, shipped_at="rts").events] == ["9:shipped"]


def test_the_settings_choose_among_the_deadlines() -> None:
    order = {
        "id": "9",
        "status": "AWAITING_SHIPMENT",
        "paid_time": 1_793_671_200,
        "rts_sla_time": 1_793_894_399,
        "tts_sla_time": 1_793_980_799,
    }
    answer = {"data": {"orders": [order]}}
    (default,) = mapped("tiktok", answer, "poll", shop="7").events
    (chosen,) = mapped("tiktok", answer, "poll", shop="7", deadline_field="rts_sla_time").events
    assert default["data"]["ship_by"] == "2026-11-06T15:59:59Z"
    assert chosen["data"]["ship_by"] == "2026-11-05T15:59:59Z"


def test_the_settings_name_the_zone_of_times_without_one() -> None:
    detail = {"id": 1, "order_status": "WAIT_SELLER_SEND_GOODS", "gmt_pay_success": "2026-11-04 08:03:10"}
    answer = {"aliexpress_solution_order_info_get_response": {"result": {"data": detail}}}
    (event,) = mapped("aliexpress", answer, "poll", shop="s1", zone="Asia/Shanghai").events
    assert event["time"] == "2026-11-04T00:03:10Z"


def test_orders_that_the_platform_ships_itself_are_passed_over() -> None:
    order = {"order_sn": "A1", "order_status": "SHIPPED", "pay_time": 1_793_671_490}
    theirs = order | {"fulfillment_flag": "fulfilled_by_shopee"}
    assert mapped("shopee", {"response": {"order_list": [order]}}, "poll", shop="s1").events
    result = mapped("shopee", {"response": {"order_list": [theirs]}}, "poll", shop="s1")
    assert result.events == result.problems == []


def test_push_and_poll_of_one_fact_have_one_id() -> None:
    (pushed,) = mapped("shopee", shopee("READY_TO_SHIP")).events
    order = {"order_sn": "A1", "order_status": "READY_TO_SHIP", "pay_time": 1_793_671_490}
    (polled,) = mapped("shopee", {"response": {"order_list": [order]}}, "poll", shop="910044217").events
    assert (pushed["source"], pushed["id"]) == (polled["source"], polled["id"])


def _line(n: int, status: str, package: str = "") -> dict[str, object]:
    return {
        "order_item_id": n,
        "order_id": 5,
        "sku": f"S{n}",
        "status": status,
        "created_at": "2026-11-03 10:00:01 +0800",
        "updated_at": f"2026-11-04 1{n}:00:00 +0800",
        "package_id": package,
    }


def test_an_order_is_shipped_when_every_line_that_is_not_cancelled_is() -> None:
    lines = [_line(1, "shipped", "P1"), _line(2, "canceled"), _line(3, "delivered", "P2"), _line(4, "shipped", "P1")]
    for order in itertools.permutations(lines):
        ids = {event["id"] for event in mapped("lazada", {"data": list(order)}, "poll", shop="s1").events}
        assert ids == {"5:placed", "5:shipped", "5:cancelled:2", "5:shipped:P1", "5:shipped:P2"}
    part = [_line(1, "shipped", "P1"), _line(2, "pending")]
    events = {event["id"]: event for event in mapped("lazada", {"data": part}, "poll", shop="s1").events}
    assert events.keys() == {"5:placed", "5:shipped:P1"}
    assert events["5:shipped:P1"]["data"]["items"] == [{"sku": "S1", "qty": 1}]


def test_the_lines_of_many_orders_are_put_together_by_order() -> None:
    other = _line(2, "canceled") | {"order_id": 6}
    answer = {"data": [{"order_id": 5, "order_items": [_line(1, "pending")]}, {"order_id": 6, "order_items": [other]}]}
    events = mapped("lazada", answer, "poll", shop="s1").events
    assert [event["id"] for event in events] == ["5:placed", "6:placed", "6:cancelled"]


def test_parcels_of_one_order_are_told_one_by_one() -> None:
    parcels = [{"tracking_no": f"T{n}", "company": "sf", "ship_time": 1_793_676_100 + n} for n in (1, 2)]
    order = {"order_id": "9", "order_status": 101, "pay_time": 1_793_606_403, "logistics_info": parcels}
    events = mapped("douyin", {"data": {"shop_order_list": [order]}}, "poll", shop="7").events
    assert [event["id"] for event in events] == ["9:placed", "9:shipped:T1", "9:shipped:T2"]
    assert all(event["data"]["complete"] is False for event in events[1:])
    order |= {"order_status": 3, "ship_time": 1_793_676_200}
    events = mapped("douyin", {"data": {"shop_order_list": [order]}}, "poll", shop="7").events
    assert [event["id"] for event in events] == ["9:placed", "9:shipped:T1", "9:shipped:T2", "9:shipped"]


def test_a_part_of_an_order_that_is_sent_is_told_as_a_part() -> None:
    states = {1: "WAIT_BUYER_ACCEPT_GOODS", 2: "WAIT_SELLER_SEND_GOODS"}
    lines = [{"child_id": n, "sku_code": f"S{n}", "product_count": n, "son_order_status": states[n]} for n in states]
    order = {
        "order_id": 9,
        "order_status": "SELLER_PART_SEND_GOODS",
        "gmt_pay_time": "2026-11-04 08:03:10",
        "gmt_send_goods_time": "2026-11-05 08:03:10",
        "product_list": {"order_product_dto": lines},
    }
    answer = {"aliexpress_solution_order_get_response": {"result": {"target_list": {"order_dto": [order]}}}}
    placed, part = mapped("aliexpress", answer, "poll", shop="s1").events
    assert len(placed["data"]["items"]) == 2
    assert (part["id"], part["data"]) == ("9:shipped:1", {"items": [{"sku": "S1", "qty": 1}], "complete": False})


def test_a_number_is_registered_with_the_order_it_belongs_to() -> None:
    body = {"event": "TRACKING_UPDATED", "data": {"number": "N1", "tag": "ours"}}
    assert mapped("track17", body).problems == [
        "tracking updated: no reference platform/shop/order is there; numbers are registered with one"
    ]
    body["data"] = {"number": "N1", "tag": "joom/s1/a/b"}
    assert mapped("track17", body).problems == []


def test_the_reference_may_stand_in_the_url() -> None:
    param = 'param={"status":"abort","lastResult":{"nu":"N1"}}'  # no percent-encoding is needed here
    request = Request(param.encode(), "/feeds/kuaidi100/main?ref=douyin/7/9")
    (event,) = map_request(source("kuaidi100"), request, "push", {"received_at": "2026-11-06T12:00:00Z"}).events
    assert (event["platform"], event["shop"], event["order"]) == ("douyin", "7", "9")


def test_stock_is_what_is_there_and_not_reserved() -> None:
    item = {"sku": 5, "updated_at": "2026-11-04T00:00:00Z", "stocks": [{"present": 9, "reserved": 2}, {"present": 1}]}
    (event,) = mapped("ozon", {"message_type": "TYPE_STOCKS_CHANGED", "seller_id": 7, "items": [item]}).events
    assert event["data"] == {"sku": "5", "on_hand": 8}


@given(st.permutations(["READY_TO_SHIP", "SHIPPED", "SHIPPED", "TO_CONFIRM_RECEIVE", "COMPLETED"]))
@steady
def test_pushes_in_any_order_and_any_number_of_times_are_the_same_facts(statuses: list[str]) -> None:
    pushed = [event for status in statuses for event in mapped("shopee", shopee(status)).events]
    assert {event["id"] for event in pushed} == {"A1:placed", "A1:shipped"}
