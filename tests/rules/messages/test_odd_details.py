"""One odd detail doesn't cost an event: it counts without it, and that is said."""

from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import pytest

from rules.messages.bad_events import BadEvent, KeptWithout
from rules.messages.events import decode
from tests.rules.history import START_MS


def raw(kind: str, data: Any, **more: Any) -> bytes:
    envelope = {"id": "e-1", "source": "erp", "type": kind, "time": START_MS, "platform": "joom", "shop": "s1"}
    return orjson.dumps({**envelope, "order": "1", "data": data, **more})


def read(kind: str, **data: Any) -> Any:
    return decode(raw(kind, data))[0].data


def kept(kind: str, **data: Any) -> tuple[Any, str]:
    """What counts of an event, and what is said of the rest."""
    with pytest.raises(KeptWithout) as odd:
        decode(raw(kind, data))
    assert odd.value.at_ms == START_MS
    return odd.value.event.data, str(odd.value)


ODD = [
    ("order.placed", "amount", "-3.50"),
    ("order.placed", "amount", ""),
    ("order.placed", "amount", "1,234.50"),
    ("order.placed", "currency", "rubles"),
    ("order.placed", "mode", "preorder"),
    ("order.placed", "ship_by", ""),
    ("order.placed", "ship_by", "2026-02-30"),
    ("order.placed", "ship_by", 1767225600),
    ("order.placed", "handling_h", -1),
    ("order.placed", "sensitive", "perhaps"),
    ("order.placed", "items", "A1"),
    ("order.paid", "amount", "much"),
    ("order.shipped", "tracking_no", 123456789012345678),
    ("order.shipped", "complete", "almost"),
    ("order.shipped", "carrier", ["SF"]),
    ("order.cancelled", "reason", "OUT_OF_STOCK"),
    ("order.cancelled", "by", "courier"),
    ("order.reopened", "ship_by", 1767225600),
    ("order.shipped", "parcel", "P\u200b1"),
    ("order.shipped", "replaces", "P\u202e1"),
    ("order.voided", "reason", "lost"),
    ("order.voided", "into", "2\u200b"),
    ("order.returned", "cause", "wind"),
    ("order.refunded", "amount", "-20"),
    ("order.refunded", "full", 3),
    ("pickup.collected", "tracking_no", {"no": 1}),
    ("tracking.updated", "status", "picked_up"),
    ("shop.profile", "currency", "rubles"),
    ("dispute.opened", "amount", "NaN"),
]


@pytest.mark.parametrize(("kind", "field", "value"), ODD)
def test_an_event_counts_without_a_detail_that_cannot_be_read(kind, field, value):
    data, found = kept(kind, **{field: value})
    assert getattr(data, field) is None
    assert found.startswith(f"kept without data.{field}: ")


@pytest.mark.parametrize("data", [[], "x", 5, True])
def test_so_does_one_without_any_detail_that_can_be_read(data):
    with pytest.raises(KeptWithout, match=r"^kept without data: Expected `object`, got ") as odd:
        decode(raw("order.placed", data))
    assert odd.value.event.data == read("order.placed")


def test_all_that_was_left_out_is_said_and_the_rest_counts():
    data, found = kept("order.placed", amount="ten", mode="x", currency="USD", items=[{"sku": "A", "qty": -1}, 7])
    assert (data.currency, [(item.sku, item.qty) for item in data.items]) == ("USD", [("A", 1)])
    for path in ("data.amount: ", "data.mode: ", "data.items[0].qty: ", "data.items[1]: "):
        assert path in found


@pytest.mark.parametrize("qty", [0, -1, 0.0, "0"])
def test_a_quantity_is_above_nothing(qty):
    for kind in ("order.placed", "order.shipped", "order.cancelled", "order.refunded"):
        assert "data.items[0].qty: " in kept(kind, items=[{"sku": "A", "qty": qty}])[1]


def test_goods_are_sold_by_weight():
    assert read("order.placed", items=[{"sku": "CHEESE", "qty": 0.75}]).items[0].qty == 0.75


@pytest.mark.parametrize(
    ("kind", "field", "value", "meant"),
    [
        ("order.placed", "handling_h", "48", 48.0),
        ("order.placed", "amount", 12.5, Decimal("12.5")),
        ("order.shipped", "tracking_no", 123456789, "123456789"),
        ("order.shipped", "parcel", 2, "2"),
        ("violation.recorded", "count", "3", 3),
        ("stock.level", "on_hand", " 7 ", 7),
        ("shop.profile", "programme", 1, "1"),
    ],
)
def test_numbers_for_text_and_text_for_numbers_are_read_where_there_is_no_doubt(kind, field, value, meant):
    assert getattr(read(kind, **{"on_hand": 1, field: value}), field) == meant


def test_so_are_those_of_items():
    item = read("order.placed", items=[{"sku": 12345, "qty": "2", "line": 1, "amount": 7}]).items[0]
    assert (item.sku, item.qty, item.line, item.amount) == ("12345", 2, "1", Decimal(7))


@pytest.mark.parametrize(
    ("kind", "field", "value", "why"),
    [
        ("order.placed", "handling_h", -1, "Expected `float` >= 0.0"),
        ("order.placed", "handling_h", "-1", "Expected `float` >= 0.0"),
        ("order.placed", "handling_h", "two", "Expected `float | null`, got `str`"),
        ("order.placed", "paid", 0, "Expected `bool | null`, got `int`"),
        ("order.placed", "paid", "1", "Expected `bool | null`, got `str`"),
        ("order.placed", "mode", 1, "Invalid enum value '1'"),
        ("order.placed", "currency", 840, "currency '840' is not three capitals"),
        ("order.shipped", "complete", 1, "Expected `bool | null`, got `int`"),
    ],
)
def test_the_reason_is_about_the_value_as_it_was_sent(kind, field, value, why):
    assert kept(kind, **{field: value})[1] == f"kept without data.{field}: {why}"


def test_null_says_nothing_wherever_it_stands():
    item = read("order.placed", items=[{"sku": None, "qty": None, "line": None, "amount": None}]).items[0]
    assert item == read("order.placed", items=[{}]).items[0]
    assert decode(raw("order.placed", None))[0].data == read("order.placed")


def test_a_ship_by_may_be_a_date():
    assert read("order.placed", ship_by="2026-01-08").ship_by == date(2026, 1, 8)
    assert read("order.deadline_changed", ship_by="2026-01-08").ship_by == date(2026, 1, 8)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("order.deadline_changed", {"ship_by": None}),
        ("order.deadline_changed", {"ship_by": "soon"}),
        ("stock.level", {"sku": "A", "on_hand": "many"}),
        ("stock.level", {"sku": "A\u200b", "on_hand": 1}),
        ("rating.updated", {"score": "1E+1000000"}),
        ("order.voided", {"into": "1"}),
        ("order.deadline_changed", []),
        ("stock.level", []),
        ("shop.profile", "x"),
        ("order.deadline_changed", None),
    ],
)
def test_an_event_of_which_nothing_would_be_left_is_turned_away(kind, data):
    with pytest.raises(BadEvent) as bad:
        decode(raw(kind, data))
    assert not isinstance(bad.value, KeptWithout)


@pytest.mark.parametrize("name", ["type", "time", "platform", "shop", "order", "id", "source"])
def test_what_an_event_is_about_must_be_good(name):
    with pytest.raises(BadEvent) as bad:
        decode(raw("order.placed", {"amount": "ten"}, **{name: 5}))
    assert not isinstance(bad.value, KeptWithout)


@pytest.mark.parametrize("names", [{"parcel": "P1"}, {"tracking_no": " p1 "}])
def test_a_parcel_does_not_replace_itself(names):
    data, found = kept("order.shipped", replaces="P1", **names)
    assert data.replaces is None
    assert "data.replaces: " in found
