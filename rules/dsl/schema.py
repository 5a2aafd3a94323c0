"""A JSON Schema of packs and overrides, made from the types that read them, so that editors complete and check."""

from typing import Any, get_args

from rules.calendar.counting import TimeOfDay, WorkingWeek
from rules.calendar.durations import BusinessDays, Duration, Share, Span
from rules.dsl.model import Pack, Version
from rules.dsl.overrides import OverrideFile
from rules.expr.conditions import Condition
from rules.facts.order_facts import FACT_NAMES
from rules.kinds.rule import Confidence
from rules.messages.events import CancelReason, Party
from rules.messages.json_schema import schema_components

_FILLED_IN = {"Pack": ("versions", "written", "origin"), "Version": ("at",)}
"""Fields that no author writes."""


def schema() -> dict[str, Any]:
    """The schema of a file that `shipclock check` reads: a pack, or overrides."""
    (pack, overrides, version), components = schema_components(
        [Pack, OverrideFile, Version], schema_hook=_of_own_type, ref_template="#/$defs/{name}"
    )
    for name, fields in _FILLED_IN.items():
        for field in fields:
            components[name]["properties"].pop(field, None)
    rules = components["Pack"]["properties"]["rules"]["items"]["discriminator"]["mapping"].values()
    for name in set(components) - {"Pack", "PackTest", "Version", "Override", "OverrideFile", "Site"}:
        parts = components[name]["properties"]
        components[name]["properties"] = {field: _with_origin(field, part) for field, part in parts.items()}
    for rule in (components[str(ref).rpartition("/")[2]] for ref in rules):
        rule["properties"]["versions"] = {"type": "array", "items": version}
    components = _numbers_as_written(components)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "shipclock rule pack, or overrides of one",
        "anyOf": [pack, overrides],
        "$defs": components | {"Condition": _condition()},
    }


def _of_own_type(kind: type) -> dict[str, Any]:
    """The types that packs write in their own way."""
    if kind is Condition:
        return {"$ref": "#/$defs/Condition"}
    if kind is Share:
        return {
            "anyOf": [{"type": "string", "pattern": r"^\d+(\.\d+)?\s*%?$"}, {"type": "number"}],
            "description": "5%",
        }
    if kind is TimeOfDay:
        return {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$", "description": "14:00, in quotes"}
    if kind is WorkingWeek:
        day = "(mon|tue|wed|thu|fri|sat|sun)"
        return {"type": "string", "pattern": f"^{day}-{day}$", "description": "mon-sat"}
    duration = r"(\d+(ms|s|m|h|d|w))+"
    patterns = {Duration: duration, BusinessDays: r"\d+bd", Span: rf"\d+bd|{duration}"}
    return {"type": "string", "pattern": f"^({patterns[kind]})$", "description": "72h, 14d; 2bd for working days"}


def _numbers_as_written(part: Any) -> Any:
    """Decimals are written as plain numbers, or as text."""
    if isinstance(part, dict):
        if part.get("format") == "decimal":
            return {"type": ["number", "string"]}
        return {name: _numbers_as_written(inner) for name, inner in part.items()}
    return [_numbers_as_written(inner) for inner in part] if isinstance(part, list) else part


def _with_origin(name: str, part: dict[str, Any]) -> dict[str, Any]:
    """A parameter, or one with an origin of its own; parts of it may have theirs."""
    if part.get("type") == "object" and isinstance(inner := part.get("additionalProperties"), dict):
        part = part | {"additionalProperties": _with_origin("", inner)}
    if name in ("id", "kind", "clause", "title", "title_zh", "text", "text_zh", "link", "source", "confidence"):
        return part
    own = {
        "type": "object",
        "properties": {
            "value": part,
            "source": {"type": "string"},
            "confidence": {"enum": list(get_args(Confidence))},
        },
        "required": ["value", "source", "confidence"],
        "additionalProperties": False,
    }
    return {"anyOf": [part, own]}


def _condition() -> dict[str, Any]:
    one: dict[str, Any] = {"$ref": "#/$defs/Condition"}
    several = {"type": "array", "items": one, "minItems": 1}
    text = {"type": "string"}
    forms = [
        {"any": several},
        {"all": several},
        {"not": one},
        {"has": {"enum": list(FACT_NAMES)}, "by": _some(get_args(Party)), "reason": _some(get_args(CancelReason))},
        {"late": text},
        {"overdue": text},
        {"term": {"enum": ["mode", "logistics", "sensitive", "predeclared"]}, "is": {}},
        {"parcel": {"enum": ["logistics", "label", "tracked"]}, "is": {}},
    ]
    written = [
        {"type": "object", "properties": form, "required": [next(iter(form))], "additionalProperties": False}
        for form in forms
    ]
    return {"anyOf": [{"enum": list(FACT_NAMES)}, *written]}


def _some(words: tuple[str, ...]) -> dict[str, Any]:
    word = {"enum": list(words)}
    return {"anyOf": [word, {"type": "array", "items": word}]}
