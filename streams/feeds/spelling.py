"""Finds names in a source file that are probably misspelt: nearly, but not quite, names of events and ids.

Any name of data is allowed, and a place in an id may be any path, so only likely misspellings are reported.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import get_args

from msgspec import inspect

from rules.messages.events import AnyEvent
from streams.feeds.language import Fact

NEAR = 0.8
"""How similar two names must be, from 0 to 1."""

OF_EVERY_ID = ("platform", "shop", "order", "time", "day", "quarter", "ship_by")


def _data_names() -> dict[str, list[str]]:
    """Names of data, by type of event."""
    found: dict[str, list[str]] = {}
    for kind in get_args(AnyEvent):
        event = inspect.type_info(kind)
        assert isinstance(event, inspect.StructType)
        data = next((field.type for field in event.fields if field.name == "data"), None)
        found[str(event.tag)] = [field.encode_name for field in getattr(data, "fields", ())]
    return found


DATA_NAMES = _data_names()


def slips(fact: Fact, at: str) -> Iterator[tuple[str, str]]:
    """Likely misspellings in a fact, each with its place in the file."""
    known = DATA_NAMES.get(fact.type, [])
    for name in (*fact.data, *fact.constants, *fact.templates):
        if (meant := _meant(name, known)) is not None:
            yield (
                f"{at}.data.{name}" if name in fact.data else at,
                f"{name} is no data of {fact.type}; is {meant} meant?",
            )
    names = [*OF_EVERY_ID, *fact.data, *fact.constants, *fact.templates]
    for place in fact.id.places:
        if (meant := _meant(place, names)) is not None:
            yield f"{at}.id", f"{{{place}}} is none of the names that ids know; is {{{meant}}} meant?"


def _meant(name: str, known: list[str]) -> str | None:
    return None if name in known else next(iter(get_close_matches(name, known, 1, NEAR)), None)
