"""Events decoded straight from the bytes, and what is turned away with a reason."""

import re
from decimal import Decimal
from typing import Any

import msgspec
import orjson
import pytest

from rules.engine.engine import Engine
from rules.messages.bad_events import BadEvent, as_bad_event
from rules.messages.bounds import LARGEST_BYTES
from rules.messages.events import (
    AnyEvent,
    ClockTick,
    OrderPlaced,
    decode,
)
from rules.messages.shop_events import StockLevel
from rules.plan.rule_book import RuleBook
from streams.kafka.topics import topic_of
from tests.rules.history import START_MS

PLACED = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "erp/1",
    "type": "order.placed",
    "time": "2026-01-01T00:00:00Z",
    "platform": "joom",
    "shop": "s17",
    "order": "8412",
    "data": {"amount": "12.50", "currency": "USD", "items": [{"sku": "A1", "qty": 1}]},
}


def read(**changes: Any) -> tuple[Any, int]:
    return decode(orjson.dumps({**PLACED, **changes}))


def reason(raw: bytes) -> str:
    """Why a record is turned away, or a detail of it left out, with the place as in a JSON path."""
    with pytest.raises(BadEvent) as bad:
        decode(raw)
    return re.sub(r"kept without (data[^:]*): (.*)", r"\2 - at `$.\1`", str(bad.value))


def reason_for(**changes: Any) -> str:
    return reason(orjson.dumps({**PLACED, **changes}))


def with_number(digits: str, *, kind: str = "order.placed", data: dict[str, Any] | None = None) -> bytes:
    """The record with `digits` for the number 77, which JSON encoders would refuse to write."""
    return orjson.dumps({**PLACED, "type": kind, "data": data}).replace(b"77", digits.encode())


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
    said = reason(orjson.dumps({name: value for name, value in PLACED.items() if name != missing}))
    assert f"missing required field `{missing}`" in said


@pytest.mark.parametrize("name", ["id", "source", "platform", "shop", "order"])
@pytest.mark.parametrize("value", [8412, None, "", ["x"], "x" * 129])
def test_ids_are_strings_of_at_most_128_characters(name, value):
    assert f"`$.{name}`" in reason_for(**{name: value})


@pytest.mark.parametrize(
    ("time", "said"),
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
def test_a_time_that_cannot_be_meant_is_turned_away(time, said):
    assert said in reason_for(time=time)


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
        orjson.dumps({**PLACED, "data": None}),
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


NUMBERS = {
    "order.placed": "amount",
    "order.returned": "amount",
    "order.refunded": "amount",
    "rating.updated": "score",
    "price.changed": "price",
    "promotion.scheduled": "price",
    "metric.reported": "value",
    "points.reported": "value",
    "dispute.opened": "amount",
    "dispute.closed": "amount",
    "deposit.deducted": "amount",
    "deposit.topped_up": "amount",
}

every_number = pytest.mark.parametrize(("kind", "field"), NUMBERS.items())

EXTREME = ["1E+1000000", "-1E+1000000", "1E-1000000", "0E+1000000", "0E-1000000", "1E+15", "1E-41", "1" * 5000]


@every_number
@pytest.mark.parametrize("number", [*EXTREME, "NaN", "sNaN", "Infinity", "-Infinity", f"0.{'1' * 50}", "9" * 51])
def test_a_number_that_nobody_can_reckon_with_is_turned_away(kind, field, number):
    assert f"`$.data.{field}`" in reason_for(type=kind, data={field: number})


@every_number
@pytest.mark.parametrize("number", EXTREME)
def test_so_is_one_that_is_written_as_a_json_number(kind, field, number):
    assert f"`$.data.{field}`" in reason(with_number(number, kind=kind, data={field: 77}))


@every_number
@pytest.mark.parametrize("number", ["0", "0.00", "-0", "4.8333333333333333", "1E-40", "999999999999999.99", "9.9e14"])
def test_a_number_of_ordinary_size_is_read(kind, field, number):
    event, _ = read(type=kind, data={field: number})
    assert getattr(event.data, field) == Decimal(number)


def test_a_record_larger_than_any_event_is_turned_away_unread():
    assert "an event may have 262,144" in reason(b"x" * (LARGEST_BYTES + 1))
    assert "JSON is malformed" in reason(b"x" * LARGEST_BYTES)


TEXTS = {
    "order.placed": [],
    "order.deadline_changed": ["by"],
    "order.shipped": ["parcel", "carrier", "tracking_no", "replaces"],
    "order.reopened": ["by"],
    "order.returned": ["reason"],
    "order.refunded": ["reason"],
    "pickup.collected": ["parcel", "carrier", "tracking_no", "reason"],
    "pickup.failed": ["parcel", "carrier", "tracking_no", "reason"],
    "tracking.updated": ["parcel", "tracking_no", "carrier", "reason"],
    "shop.profile": ["site", "programme"],
    "stock.level": [],
    "dispute.opened": ["provider"],
    "violation.recorded": ["kind", "buyer"],
    "listing.counts": ["site"],
    "task.done": ["task"],
    "carrier.state": ["carrier", "region"],
    "emergency.declared": ["scope", "reason"],
    "metric.reported": ["name", "period"],
}
NEEDED = {"order.deadline_changed": {"ship_by": START_MS}, "stock.level": {"on_hand": 0}}

every_text = pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind in TEXTS for field in TEXTS[kind]])


@every_text
def test_text_has_at_most_256_characters(kind, field):
    needed = NEEDED.get(kind, {})
    assert getattr(read(type=kind, data={**needed, field: "店" * 256})[0].data, field) == "店" * 256
    assert f"`$.data.{field}`" in reason_for(type=kind, data={**needed, field: "x" * 257})


def test_no_text_of_any_event_is_unbounded():
    """Whatever is added has a bound: text, numbers and lists are only as large as their types say."""
    schema = msgspec.json.schema(AnyEvent)

    def unbounded(part: Any, path: str) -> list[str]:
        if isinstance(part, list):
            return [found for n, inner in enumerate(part) for found in unbounded(inner, f"{path}[{n}]")]
        if not isinstance(part, dict):
            return []
        found = [path] if part.get("type") == "array" and "maxItems" not in part else []
        closed = {"maxLength", "enum", "const", "format"} & set(part)  # dates and decimals have a format
        if part.get("type") == "string" and not closed:
            found.append(path)
        return found + [each for name, inner in part.items() for each in unbounded(inner, f"{path}.{name}")]

    assert unbounded(schema["$defs"], "$") == []


@pytest.mark.parametrize("kind", ["stock.level", "violation.recorded", "price.changed", "promotion.scheduled"])
def test_a_sku_has_at_most_128_characters(kind):
    needed = NEEDED.get(kind, {})
    assert read(type=kind, data={**needed, "sku": "店" * 128})[0].data.sku == "店" * 128
    assert "`$.data.sku`" in reason_for(type=kind, data={**needed, "sku": "x" * 129})
    assert "`$.data.items[1].sku`" in reason_for(data={"items": [{"sku": "A"}, {"sku": "x" * 129}]})


def test_an_order_has_at_most_1000_items():
    assert len(read(data={"items": [{}] * 1000})[0].data.items) == 1000
    assert "`$.data.items`" in reason_for(data={"items": [{}] * 1001})


@pytest.mark.parametrize("kind", ["order.placed", "shop.profile", "deposit.deducted", "deposit.topped_up"])
@pytest.mark.parametrize("currency", ["usd", "US", "USDT", "", "U1D", "ÄÖÜ", "US\n", "УСD"])
def test_a_currency_is_three_capitals(kind, currency):
    for _ in range(2):  # what is turned away is not remembered as good
        assert "`$.data.currency`" in reason_for(type=kind, data={"currency": currency})
    assert read(type=kind, data={"currency": "XTS"})[0].data.currency == "XTS"


HIDDEN = {
    "control": ["\0", "\t", "\n", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"],
    "bidirectional": ["\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"],
    "zero-width": [
        "\xad",
        "\u034f",
        "\u115f",
        "\u180e",
        "\u200b",
        "\u200d",
        "\u2060",
        "\u3164",
        "\ufeff",
        "\U000e0041",
    ],
}
every_hidden = pytest.mark.parametrize("char", [char for chars in HIDDEN.values() for char in chars])


@pytest.mark.parametrize("name", ["platform", "shop", "order"])
@every_hidden
def test_a_name_with_characters_that_nobody_sees_is_turned_away_and_shown_with_them_escaped(name, char):
    engine = Engine(RuleBook([]), stepping=True)
    with pytest.raises(BadEvent) as bad:
        engine.apply(*read(**{name: f"s1{char}7"}))
    shown = f"s1{char.encode('unicode_escape').decode()}7"
    assert str(bad.value) == f"{name} '{shown}' has control, bidirectional or zero-width characters - at `$.{name}`"
    assert not any(shop.orders for shop in engine.shops.values())
    assert all(shop.name == "s17" and shop.platform == "joom" for shop in engine.shops.values())


@every_hidden
def test_so_is_such_a_sku(char):
    assert "`$.data.items[1].sku`" in reason_for(data={"items": [{"sku": "A"}, {"sku": f"A{char}"}]})
    assert "`$.data.sku`" in reason_for(type="stock.level", data={"on_hand": 0, "sku": f"A{char}"})


@every_hidden
def test_so_is_such_an_order_that_a_shop_event_names(char):
    assert "`$.order`" in reason_for(type="violation.recorded", order=f"1{char}")


SHOP_NAMES = [
    (kind, field) for kind in TEXTS for field in TEXTS[kind] if topic_of(kind) == "shops" and field != "reason"
]


@pytest.mark.parametrize(("kind", "field"), SHOP_NAMES)
def test_so_is_such_a_name_of_what_a_shop_event_is_about(kind, field):
    assert f"`$.data.{field}`" in reason_for(type=kind, data={**NEEDED.get(kind, {}), field: "a\u202eb"})


@pytest.mark.parametrize(
    "name", ["小店\u3000一号", "Übergröße №5", "магазин", "متجر", "दुकान", "🛍\ufe0f", "a b", "a/b:c%", "\ue000"]
)
def test_a_name_of_any_script_is_read(name):
    event, _ = read(platform=name, shop=name, order=name, data={"items": [{"sku": name}]})
    Engine(RuleBook([]), stepping=True).apply(event, START_MS)
    assert (event.platform, event.shop, event.order, event.data.items[0].sku) == (name,) * 4


def test_free_text_may_have_line_breaks():
    said = "flood\nin the south"
    assert read(type="emergency.declared", data={"reason": said})[0].data.reason == said


def test_a_reason_shows_what_it_quotes_without_control_characters():
    assert reason_for(type="order.pl\x1b[31maced\n") == "Invalid value 'order.pl\\x1b[31maced\\n' - at `$.type`"


def test_whatever_else_was_raised_becomes_a_reason():
    bad = as_bad_event(OverflowError("too\nlarge"))
    assert (str(bad), bad.kind) == ("can't be applied: OverflowError: too\\nlarge", "unforeseen")
