"""What the bounds on events come to: all that one order or one fact of a shop can grow to fits into a record."""

from typing import Any

import msgspec
import orjson
import pytest

from rules.engine.engine import Engine
from rules.facts.shop_facts import KINDS
from rules.facts.statements import MOVES_KEPT
from rules.messages.bounds import LARGEST_BYTES
from rules.messages.events import decode
from rules.plan.rule_book import RuleBook
from streams.kafka.cutting import LARGEST_VALUE_BYTES
from streams.runtime.changelog import fact_records
from tests.runtime.support import START_MS

LONGEST = "\N{DELIVERY TRUCK}"
"""Four bytes in UTF-8, as no other character takes more."""

ID, TEXT = LONGEST * 128, LONGEST * 256


def written(kind: str, number: int = 0, /, **data: Any) -> bytes:
    name = f"{number:03}{ID[3:]}"
    attributes = {"type": kind, "id": name, "source": name, "time": START_MS + number, "data": data}
    return orjson.dumps(attributes | {"platform": ID, "shop": ID, "order": ID})


def records(*values: bytes) -> list[tuple[bytes, bytes]]:
    """What is written of these events."""
    engine = Engine(RuleBook([]), stepping=True)
    for value in values:
        assert len(value) <= LARGEST_BYTES
        engine.apply(*decode(value))
    return [(key, value) for key, value in fact_records(engine.drain()) if value is not None]


def test_the_largest_order_fits_into_a_record() -> None:
    item: dict[str, Any] = {"sku": ID, "qty": 2**53, "product": TEXT}
    items = [item] * ((LARGEST_BYTES - 5_000) // len(orjson.dumps(item)))
    placed = written("order.placed", amount="0." + "1" * 48, currency="USD", items=items)
    assert len(placed) > 0.98 * LARGEST_BYTES
    moves = [written("order.deadline_changed", n, ship_by=START_MS + n, by=TEXT) for n in range(MOVES_KEPT + 2)]
    ((key, value),) = records(
        placed,
        *moves,
        written("order.shipped", carrier=TEXT, tracking_no=TEXT, logistics="platform", label="platform"),
        written("order.cancelled", by="system", reason="asked_by_seller"),
        written("order.returned", reason=TEXT, amount="1"),
        written("order.refunded", reason=TEXT, amount="1"),
        written("pickup.collected", carrier=TEXT, tracking_no=TEXT),
        written("pickup.failed", carrier=TEXT, tracking_no=TEXT),
        written("tracking.updated", tracking_no=TEXT, status="delivered"),
    )
    assert len(key) + len(value) > LARGEST_BYTES
    assert len(key) + len(value) < 320_000 < LARGEST_VALUE_BYTES


def test_the_largest_order_of_many_parcels_fits_into_a_record() -> None:
    item: dict[str, Any] = {"sku": ID, "qty": 2**53, "line": ID}
    items = [item] * ((LARGEST_BYTES - 9_000) // len(orjson.dumps(item)))
    names = {"parcel": TEXT, "tracking_no": TEXT}
    ((key, value),) = records(
        written("order.placed", items=items),
        *(written("order.shipped", n, **names, items=items, replaces=TEXT[1:], combined_with=ID) for n in range(60)),
        *(written("order.cancelled", n, by="system", items=items) for n in range(20)),
        *(
            written(kind, n, parcel=f"{n:03}{TEXT[3:]}", tracking_no=TEXT)
            for kind in ("pickup.failed", "pickup.collected", "tracking.updated")
            for n in range(120)
        ),
    )
    assert len(key) + len(value) < LARGEST_VALUE_BYTES


@pytest.mark.parametrize("kind", KINDS)
def test_the_largest_fact_of_a_shop_fits_into_a_record(kind: type) -> None:
    data = next(each.type for each in msgspec.structs.fields(kind) if each.name == "data")
    full: dict[str, Any] = {}
    for field in msgspec.structs.fields(data):
        type_name = str(field.type)
        if "Decimal" in type_name:
            full[field.name] = "0." + "1" * 48
        elif "Literal" in type_name:
            continue
        elif "int" in type_name:
            full[field.name] = 2**53 if "datetime" not in type_name else START_MS
        elif "bool" in type_name:
            full[field.name] = True
        else:
            full[field.name] = {"sku": ID, "currency": "USD", "alert": LONGEST * 2_048}.get(field.name, TEXT)
    ((key, value),) = records(written(str(kind.__struct_config__.tag), **full))  # type: ignore[attr-defined]
    assert len(key) + len(value) < 20_000
