"""Bounds of what events say: numbers, texts, names and how many of them."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from rules.engine.engine import Engine
from rules.messages.bad_events import BadEvent
from rules.messages.bounds import LARGEST_BYTES
from rules.messages.events import (
    AnyEvent,
)
from rules.plan.rule_book import RuleBook
from streams.kafka.topics import topic_of
from tests.rules.history import START_MS
from tests.rules.messages.placed import read, reason, reason_for, with_number

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
    reason = "flood\nin the south"
    assert read(type="emergency.declared", data={"reason": reason})[0].data.reason == reason


def test_a_reason_shows_what_it_quotes_without_control_characters():
    assert reason_for(type="order.pl\x1b[31maced\n") == "Invalid value 'order.pl\\x1b[31maced\\n' - at `$.type`"
