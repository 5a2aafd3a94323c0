"""A JSON Schema of source files, made from the types that read them, so that editors complete and check."""

from typing import Any

import msgspec

from streams.feeds.expressions import Conditions, Reading, Template, Value
from streams.feeds.language import SourceFile
from streams.feeds.paths import Path

_SCALAR = {"type": ["string", "number", "boolean"]}
_PATH = {"type": "string", "minLength": 1, "description": "a JMESPath expression, like data.order_sn"}


def schema() -> dict[str, Any]:
    """The schema of a file that `shipclock feeds check` reads."""
    (source, _), components = msgspec.json.schema_components(
        [SourceFile, Reading], schema_hook=_of_own_type, ref_template="#/$defs/{name}"
    )
    components["Reading"]["properties"]["path"] = {"anyOf": [_PATH, {"type": "array", "items": _PATH}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "what a platform or carrier sends, and the events it means to shipclock",
        **source,
        "$defs": components,
    }


def _of_own_type(kind: type) -> dict[str, Any]:
    if kind is Path:
        return _PATH
    if kind is Template:
        return {"type": "string", "description": "text with places, like {order}:shipped"}
    if kind is Conditions:
        either = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}
        return {"type": "object", "additionalProperties": either, "description": "{path: value, or a list of them}"}
    if kind is Value:
        return {"anyOf": [_PATH, {"type": "array", "items": _PATH}, {"$ref": "#/$defs/Reading"}]}
    raise NotImplementedError(kind)
