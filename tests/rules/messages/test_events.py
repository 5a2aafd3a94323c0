"""Events decoded straight from the bytes, and what is turned away with a reason."""

from decimal import Decimal

import msgspec
import orjson
import pytest

from rules.messages.bad_events import as_bad_event
from rules.messages.events import (
    AnyEvent,
    ClockTick,
    OrderPlaced,
    decode,
)
from rules.messages.shop_events import StockLevel
from tests.rules.history import START_MS
from tests.rules.messages.placed import PLACED, read, reason, reason_for, with_number


def test_the_contracts_own_example_is_read():
    event, at_ms = read()
    assert isinstance(event, OrderPlaced)
    assert (event.order, event.data.amount, at_ms) == ("8412", Decimal("12.50"), START_MS)


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.000Z",
        "2026-01-01T08:00:00+08:00",
        "2025-12-31T19:00:00-05:00",
        START_MS,
    ],
)
def test_time_is_rfc_3339_with_any_zone_or_epoch_milliseconds(time):
    assert read(time=time)[1] == START_MS


def test_parts_of_a_millisecond_never_carry_into_the_next_month():
    assert read(time="2026-01-31T23:59:59.999999Z")[1] == read(time="2026-01-31T23:59:59.999Z")[1]


def test_whatever_an_order_may_leave_out_may_be_null():
    names = "amount currency items mode ship_by handling_h logistics sensitive predeclared"
    event, _ = read(data=dict.fromkeys(names.split()))
    assert event.data == read(data={})[0].data


def test_an_item_may_have_no_sku():
    event, _ = read(data={"items": [{"product": "P1"}, {"qty": 2}]})
    assert [(item.sku, item.qty, item.product) for item in event.data.items] == [(None, 1, "P1"), (None, 2, None)]


def test_specversion_and_data_may_be_missing():
    bare = {name: value for name, value in PLACED.items() if name not in ("specversion", "data")}
    event, _ = decode(orjson.dumps(bare))
    assert event.data.amount is None


def test_unknown_attributes_and_data_fields_are_passed_over():
    event, _ = read(colour="red", data={"amount": "1", "gift": {"wrap": [1, 2]}})
    assert event.data.amount == Decimal(1)


def test_a_clock_tick_has_only_type_and_time():
    assert decode(b'{"type":"clock.tick","time":1767225600000}') == (ClockTick(time=START_MS), START_MS)


def test_shop_level_events_need_no_order():
    event, _ = read(type="stock.level", data={"sku": "A1", "on_hand": -3})
    assert isinstance(event, StockLevel)
    assert event.data.on_hand == -3


@pytest.mark.parametrize("missing", ["id", "source", "type", "time", "platform", "shop", "order"])
def test_a_missing_attribute_is_named(missing):
    found = reason(orjson.dumps({name: value for name, value in PLACED.items() if name != missing}))
    assert f"missing required field `{missing}`" in found


@pytest.mark.parametrize("name", ["id", "source", "platform", "shop", "order"])
@pytest.mark.parametrize("value", [8412, None, "", ["x"], "x" * 129])
def test_ids_are_strings_of_at_most_128_characters(name, value):
    assert f"`$.{name}`" in reason_for(**{name: value})


@pytest.mark.parametrize(
    ("time", "message"),
    [
        ("2026-01-01T00:00:00", "timezone"),
        ("yesterday", "RFC3339"),
        (1767225600, "looks like seconds"),
        (1767225600000000, "outside 2001-2100"),
        ("2000-01-01T00:00:00Z", "stands for no time"),
        ("0001-01-01T00:00:00+14:00", "outside 2001-2100"),
        ("9999-12-31T23:59:59-14:00", "outside 2001-2100"),
        ("2026-06-30T23:59:60Z", "RFC3339"),
        ("2026-02-29T00:00:00Z", "RFC3339"),
        (-5, "outside 2001-2100"),
        (True, "got `bool`"),
        (1.5, "got `float`"),
        (None, "got `null`"),
    ],
)
def test_a_time_that_cannot_be_meant_is_turned_away(time, message):
    assert message in reason_for(time=time)


@pytest.mark.parametrize("digits", ["9" * 30, "9" * 5000])
def test_numbers_of_any_length_are_survived(digits):
    assert "time" in reason(orjson.dumps({**PLACED, "time": 77}).replace(b"77", digits.encode()))
    assert "qty" in reason(with_number(digits, data={"items": [{"sku": "a", "qty": 77}]}))
    assert "on_hand" in reason(with_number(digits, kind="stock.level", data={"on_hand": 77}))


@pytest.mark.parametrize("hours", ["-1", "1e308", "1e999", "9000"])
def test_a_handling_time_that_leads_to_no_date_is_turned_away(hours):
    assert "handling_h" in reason(with_number(hours, data={"handling_h": 77}))


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-1", "1e400", "1e999999999999999999", "1,5", "ten"])
def test_an_amount_that_is_no_money_is_turned_away(amount):
    assert "amount" in reason_for(data={"amount": amount})


def test_a_ship_by_of_no_time_is_passed_over_but_one_in_seconds_is_turned_away():
    assert read(data={"ship_by": "2000-01-01T00:00:00Z"})[0].order == "8412"
    assert "looks like seconds" in reason_for(data={"ship_by": 1767225600})


@pytest.mark.parametrize("ship_by", ["2000-01-01T00:00:00Z", 1767225600, "9999-12-31T00:00:00Z", 0])
def test_a_deadline_is_never_moved_to_no_time(ship_by):
    assert "ship_by" in reason_for(type="order.deadline_changed", data={"ship_by": ship_by})


def test_a_deadline_change_must_say_to_when():
    assert "missing required field `ship_by`" in reason_for(type="order.deadline_changed", data={"by": "platform"})


def test_an_unknown_type_and_an_unknown_status_are_named():
    assert "order.teleported" in reason_for(type="order.teleported")
    assert "teleported" in reason_for(type="tracking.updated", data={"status": "teleported"})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"5",
        b"{",
        b'"order.placed"',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"type":5}',
        b'{"type":"order.placed"} {}',
        orjson.dumps(PLACED)[:-1] + b',"x":Infinity}',
        orjson.dumps(PLACED)[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        orjson.dumps(PLACED)[:-1] + b',"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        orjson.dumps(PLACED).replace(b'"8412"', b'"\xff"'),
        orjson.dumps(PLACED).replace(b'"8412"', b'"\\ud800"'),
        orjson.dumps(PLACED).replace(b'"8412"', b'"\\udc00 "'),
        orjson.dumps(PLACED).replace(b'"8412"', b'"\\ud800\\u0041"'),
    ],
)
def test_whatever_is_no_event_is_turned_away_with_a_reason(raw):
    assert reason(raw)


def test_of_an_attribute_written_twice_the_last_holds():
    event, _ = decode(orjson.dumps(PLACED)[:-1] + b',"order":"2"}')
    assert event.order == "2"


def test_a_json_schema_can_be_made_of_every_event():
    schema = msgspec.json.schema(AnyEvent)
    assert set(schema["discriminator"]["mapping"]) >= {"order.placed", "pickup.collected", "stock.level", "clock.tick"}


@pytest.mark.parametrize(
    "changes", [{"type": "x" * 900_000}, {"data": {"amount": "9" * 900_000}}, {"time": "1" * 900_000}]
)
def test_a_reason_is_short_however_long_what_it_quotes(changes):
    assert len(reason_for(**changes)) < 400


def test_whatever_else_was_raised_becomes_a_reason():
    bad = as_bad_event(OverflowError("too\nlarge"))
    assert (str(bad), bad.kind) == ("can't be applied: OverflowError: too\\nlarge", "unforeseen")
