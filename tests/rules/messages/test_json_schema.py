"""JSON Schemas are the same whichever release of msgspec makes them."""

from typing import Literal

from msgspec import Struct

from rules.messages.json_schema import schema_components


class Parcel(Struct):
    """A parcel of an order.

    Its description goes over
    several lines.
    """

    weight_g: int | None = None
    counts: dict[Literal["day", "week"], int] = {}


def test_a_description_has_no_indentation_of_the_source() -> None:
    _, components = schema_components([Parcel], ref_template="#/{name}")
    assert components["Parcel"]["description"] == ("A parcel of an order.\n\nIts description goes over\nseveral lines.")


def test_null_is_the_last_of_the_alternatives_and_keys_are_not_listed() -> None:
    _, components = schema_components([Parcel], ref_template="#/{name}")
    properties = components["Parcel"]["properties"]
    assert properties["weight_g"]["anyOf"] == [{"type": "integer"}, {"type": "null"}]
    assert properties["counts"] == {"type": "object", "additionalProperties": {"type": "integer"}, "default": {}}
