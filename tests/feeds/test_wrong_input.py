"""What can't be mapped is said in a line, and never raises."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feeds.support import mapped, shopee


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is no JSON"),
        (b"nope{", "the body is no JSON"),
        (b"\xff\xfe\xff", "the body is not UTF-8"),
        (b"[1]", "the body is an array, and an object is wanted"),
        (b'"text"', "the body is a single value, and an object is wanted"),
        (b"[" * 100_000, "the JSON is nested too deeply"),
        (b'{"code":3,"shop_id":1%s}' % (b"0" * 5_000), "the JSON holds a number of absurd length"),
        (b'{"code":NaN}', "the body is no JSON"),
        ({"code": 99}, "nothing is known of code '99'"),
        ({}, "nothing is known of such a message"),
        (shopee(status="WAT"), "order status: status 'WAT' is not known"),
        (shopee(status=None), "order status: there is no status"),
        (shopee(ordersn=None), "order status: no order is named"),
        (shopee(ordersn={"a": 1}), "order status: is an object, and a text is wanted"),
        (shopee(ordersn="x" * 129), "order status: has 129 characters; at most 128 are taken"),
        (shopee(ordersn="a\u202eb"), "order status: holds the character U+202E, which can't be seen"),
        (shopee(ordersn="\ud800"), "order status: holds the character U+D800, which can't be seen"),
        (shopee(update_time=0), "order status: order.shipped has no time"),
        (shopee(update_time="soon"), "order status: 'soon' is no time"),
        (shopee() | {"shop_id": None}, "order status: no shop is named, neither there nor in the settings"),
        (shopee() | {"data": "text"}, "order status: there is no status"),
    ],
)
def test_a_push_that_can_not_be_mapped(body: Any, message: str) -> None:
    result = mapped("shopee", body)
    assert result.events == []
    (problem,) = result.problems
    assert problem.startswith(message)
    assert "\n" not in problem


def test_an_array_where_objects_are_wanted() -> None:
    assert mapped("douyin", [1, 2]).problems == ["the body is a single value, and an object is wanted"]
    assert mapped("douyin", {"tag": 101}).problems == ["the body is an object, and an array is wanted"]


def test_a_form_without_its_field() -> None:
    assert mapped("kuaidi100", b"other=1").problems == ["the form has no field param"]
    assert mapped("kuaidi100", b"&".join(b"a%d=1" % n for n in range(200))).problems == [
        "the form has more than 100 fields"
    ]


def test_one_bad_order_of_an_answer_does_not_cost_the_others() -> None:
    good = {"order_sn": "A2", "order_status": "READY_TO_SHIP", "pay_time": 1_793_671_490}
    answer = {"response": {"order_list": [{"order_sn": "A1", "order_status": "WAT"}, 7, good]}}
    result = mapped("shopee", answer, "poll", shop="s1")
    assert [event["id"] for event in result.events] == ["A2:placed"]
    assert result.problems == ["order detail: 1 of 3 records are no objects", "order detail: status 'WAT' is not known"]


def test_one_bad_push_among_those_that_were_lost_does_not_cost_the_others() -> None:
    lost = [{"data": "no json"}, {"data": json.dumps(shopee("WAT"))}, {"data": json.dumps(shopee())}]
    result = mapped("shopee", {"response": {"push_message_list": lost}}, "poll")
    assert [event["id"] for event in result.events] == ["A1:shipped"]
    assert len(result.problems) == 2


@pytest.mark.parametrize(
    ("detail", "message"),
    [
        ({"total_amount": "much"}, "amount: 'much' is no number to reckon with"),
        ({"total_amount": -1}, "amount: -1 is not a sum of money"),
        ({"currency": "rupiah"}, "currency: 'rupiah' is no currency like USD"),
        ({"ship_by_date": "soon"}, "ship_by: 'soon' is no time"),
        ({"item_list": [{"item_sku": "S1", "model_quantity_purchased": -2}]}, "items: -2 is below 0"),
    ],
)
def test_one_odd_detail_does_not_cost_the_event(detail: dict[str, Any], message: str) -> None:
    order = {"order_sn": "A1", "order_status": "READY_TO_SHIP", "pay_time": 1_793_671_490} | detail
    result = mapped("shopee", {"response": {"order_list": [order]}}, "poll", shop="s1")
    assert [event["id"] for event in result.events] == ["A1:placed"]
    assert result.problems == [f"order detail: order.placed without data.{message}"]


def test_a_scan_of_an_unknown_kind_is_news_and_the_others_count() -> None:
    scans = [{"time_utc": f"2026-11-04T0{hour}:00:00Z", "sub_status": kind} for hour, kind in
             enumerate(["Delivered_Other", "Teleported", "InTransit_Departure"])]  # fmt: skip
    body = {
        "event": "TRACKING_UPDATED",
        "data": {"number": "N1", "tag": "joom/s1/A1", "track_info": {"tracking": {"providers": [{"events": scans}]}}},
    }
    result = mapped("track17", body)
    assert [event["data"]["status"] for event in result.events] == ["delivered", "in_transit"]
    assert result.problems == ["tracking updated: status 'Teleported' is not known"]


steady = settings(derandomize=True, database=None, deadline=None, max_examples=100)
_names = st.sampled_from(["data", "status", "order_sn", "order_list", "orders", "items", "id", "order_status", "lines"])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=8,
)


@steady
@given(st.sampled_from(["shopee", "ozon", "lazada", "tiktok", "aftership", "track17"]), st.data())
def test_no_body_makes_it_raise(name: str, data: st.DataObject) -> None:
    fields = ["code", "data", "message_type", "type", "event", "msg", "shop_id", "timestamp", "seller_id"]
    body = data.draw(st.dictionaries(st.sampled_from(fields), _json | st.integers(0, 50), max_size=4))
    mapped(name, json.dumps(body).encode())


@pytest.mark.parametrize("name", ["shopee", "douyin", "ozon", "lazada", "tiktok", "aliexpress", "joom"])
@steady
@given(answer=_json)
def test_no_answer_of_an_api_makes_it_raise(name: str, answer: Any) -> None:
    for wrapped in ({"data": answer}, {"response": {"order_list": [answer]}}, {"data": {"items": [answer]}}, answer):
        mapped(name, json.dumps(wrapped).encode(), "poll", shop="s1")


@pytest.mark.parametrize("amount", ["1E+1000000", "1E-1000000", "9" * 60, "NaN", "-Infinity"])
def test_a_number_nobody_can_reckon_with_costs_only_itself(amount: str) -> None:
    order = {"order_sn": "A1", "order_status": "READY_TO_SHIP", "pay_time": 1_793_671_490, "total_amount": amount}
    result = mapped("shopee", {"response": {"order_list": [order]}}, "poll", shop="s1")
    assert [event["id"] for event in result.events] == ["A1:placed"]
    assert len(result.problems) == 1
