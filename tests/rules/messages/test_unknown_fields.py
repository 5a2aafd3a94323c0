"""Fields of events that nothing reads are told of, once for a source."""

import json
from typing import Any

import pytest

from rules.messages.events import TYPES
from rules.messages.unknown_fields import MOST, UnknownFields


def event(data: Any, source: str = "erp/1", kind: str = "order.placed", **others: Any) -> bytes:
    return json.dumps({"type": kind, "source": source, "data": data, **others}).encode()


def reported(*values: bytes | None) -> list[str]:
    fields = UnknownFields()
    return [str(each) for value in values for each in fields.find(value)]


def test_a_misspelt_field_is_told_of_with_the_one_that_is_meant() -> None:
    assert reported(event({"amout": "12.50", "currency": "USD"})) == [
        "data.amout of order.placed from erp/1 is read by nothing; did you mean amount?"
    ]


def test_one_like_no_other_is_told_of_as_well() -> None:
    assert reported(event({"colour": "red"})) == ["data.colour of order.placed from erp/1 is read by nothing"]


def test_so_are_those_of_lines() -> None:
    assert reported(event({"items": [{"sku": "A", "quantity": 1}]})) == [
        "data.items.quantity of order.placed from erp/1 is read by nothing; did you mean items.qty?"
    ]


def test_each_is_told_of_once_for_a_source() -> None:
    values = [event({"amout": 1}), event({"amout": 2}), event({"amout": 1}, source="erp/2")]
    assert [each.split(" from ")[1].split(" ")[0] for each in reported(*values)] == ["erp/1", "erp/2"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{",
        b"\xff",
        b"[" * 10_000,
        event({"amount": "1", "items": [{"sku": "A", "qty": 1}]}),
        event({"items": "three"}),
        event({"items": []}),
        event(None),
        event("text"),
        event({"anything": 1}, kind="clock.tick"),
        event({"anything": 1}, kind="never.heard_of"),
        event({}, extension="of CloudEvents"),
    ],
)
def test_of_nothing_else_anything_is_told(value: bytes | None) -> None:
    assert reported(value) == []


def test_whoever_sends_another_name_each_time_is_told_of_no_more_after_many() -> None:
    assert len(reported(*(event({f"name{n}": 1}) for n in range(2 * MOST)))) == MOST


def test_names_are_shown_without_escapes() -> None:
    assert "\x1b" not in reported(event({"\x1b[31m": 1}))[0]


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_event_is_known(kind: str) -> None:
    (found,) = reported(event({"none_of_them": 1}, kind=kind))
    assert found.startswith(f"data.none_of_them of {kind} from erp/1 is read by nothing")
