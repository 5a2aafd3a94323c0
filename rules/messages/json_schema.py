"""JSON Schemas from the types, the same whichever release of msgspec makes them."""

from collections.abc import Callable, Iterable
from inspect import cleandoc
from typing import Any

import msgspec


def schema_components(
    types: Iterable[Any], *, ref_template: str, schema_hook: Callable[[type], dict[str, Any]] | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """`msgspec.json.schema_components` without what differs between releases: 0.20 keeps the source's indentation in
    descriptions, `null` comes first or last among alternatives, and only 0.23 says which keys an object may have."""
    schemas, components = msgspec.json.schema_components(types, schema_hook=schema_hook, ref_template=ref_template)
    return [_tidy(schema) for schema in schemas], _tidy(components)


def _tidy(part: Any) -> Any:
    if isinstance(part, list):
        return [_tidy(inner) for inner in part]
    if isinstance(part, dict):
        tidy = {name: _tidy(inner) for name, inner in part.items() if name != "propertyNames"}
        if isinstance(description := tidy.get("description"), str):
            tidy["description"] = cleandoc(description)
        if "anyOf" in tidy:
            tidy["anyOf"].sort(key=lambda alternative: alternative == {"type": "null"})
        return tidy
    return part
