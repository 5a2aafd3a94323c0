"""Finds the line of an error that msgspec reports: inside a mapping msgspec writes `[...]` in place of the key."""

import copy
import re
from typing import Any

import msgspec

from rules.dsl.reader import placed
from rules.dsl.yaml_source import Diagnostic, Source
from streams.feeds.expressions import convert

Keys = list[str | int | None]
"""From the outside in; None for the key that isn't told."""


def diagnostic(error: msgspec.ValidationError, text: Source, kind: type) -> Diagnostic:
    """An error inside a value is reported with two places, of which the file knows the last."""
    message, *places = re.split(r" - at `([^`]*)`", str(error))
    keys = _keys(places[-2]) if places else []
    value = text.value
    while None in keys:
        keys, value = _with_key(keys, value, str(error), kind)
    place = "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return placed(msgspec.ValidationError(f"{message} - at `{place}`"), text)


def _keys(place: str) -> Keys:
    parts = re.findall(r"\.([^.\[]+)|\[(\d+)\]|\[\.\.\.\]", place)
    return [name or (int(number) if number else None) for name, number in parts]


def _with_key(keys: Keys, value: Any, error: str, kind: type) -> tuple[Keys, Any]:
    """The first key that isn't reported: the one that, alone there, gives the same error. Else its holder."""
    n = keys.index(None)
    for key in _at(value, keys[:n]):
        alone = copy.deepcopy(value)
        holder = _at(alone, keys[:n])
        for other in holder.keys() - {key}:
            del holder[other]
        if _error(alone, kind) == error:
            return [*keys[:n], key, *keys[n + 1 :]], alone
    return keys[:n], value


def _at(value: Any, keys: Keys) -> Any:
    for key in keys:
        value = value[key]
    return value


def _error(value: Any, kind: type) -> str:
    try:
        convert(value, kind)
    except msgspec.ValidationError as error:
        return str(error)
    return ""
