"""Cuts records that would be too large for Kafka until they fit."""

from collections.abc import Callable
from itertools import islice
from typing import Any

LARGEST_RECORD_BYTES = 1_000_000
"""The most bytes of a record that the worker writes, with key, headers and framing. Below Kafka's default for a topic
(`max.message.bytes`, 1,048,588), so that topics made with defaults take all of them."""

LARGEST_VALUE_BYTES = 950_000
"""The most bytes of its value."""

KEEPS = (1_000, 200, 50, 10, 0)
"""How many entries of each list to keep, tried one after the other."""

SMALLEST_MAPPING = 100
"""A mapping with no more entries than this is a record with fields, and isn't cut."""


def fitting(record: dict[str, Any], encode: Callable[[Any], bytes], largest: int = LARGEST_VALUE_BYTES) -> bytes:
    """Encodes a record; its longest lists are cut if it would have more than `largest` bytes. It may still be too
    large: strings are not cut."""
    value = encode(record)
    for keep in KEEPS:
        if len(value) <= largest:
            break
        value = encode(_cut(record, keep))
    return value


def _cut(value: Any, keep: int) -> Any:
    """A copy with at most `keep` entries in lists and large mappings. Beside each that was cut, `<name>_left_out` says
    how many are missing."""
    if isinstance(value, list):
        return [_cut(each, keep) for each in value[:keep]]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, each in value.items():
        most = _most(each, keep)
        if isinstance(each, dict) and len(each) > most:
            found[name] = {key: _cut(part, keep) for key, part in islice(each.items(), most)}
        else:
            found[name] = _cut(each, keep)
        if isinstance(each, dict | list) and len(each) > most:
            found[f"{name}_left_out"] = len(each) - most
    return found


def _most(value: Any, keep: int) -> int:
    return max(keep, SMALLEST_MAPPING) if isinstance(value, dict) else keep
