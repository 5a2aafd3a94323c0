"""Fields of events' `data` that nothing reads: most likely misspelt. They are no error, and are reported once."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, get_args

import msgspec
from msgspec import Raw, Struct, UnsetType, structs

from rules.messages.bounds import LARGEST_BYTES
from rules.messages.events import TYPES
from rules.messages.text import visible

MOST = 1_000
"""At most so many are reported: somebody may send another name each time."""

LONGEST_NAME = 100


class _Peek(Struct):
    type: str
    source: str
    data: dict[str, Raw] | None = None


_peek = msgspec.json.Decoder(_Peek).decode
_items = msgspec.json.Decoder(list[dict[str, Raw]]).decode


class UnknownField(NamedTuple):
    """A field that no event of this type has, and a known one of nearly the same name."""

    source: str
    type: str
    name: str
    near: str | None

    def __str__(self) -> str:
        hint = f"; did you mean {self.near}?" if self.near else ""
        return f"data.{self.name} of {self.type} from {self.source} is read by nothing{hint}"


class UnknownFields:
    """Finds them in records that are looked at, each once for a source."""

    def __init__(self) -> None:
        self._reported: set[tuple[str, str]] = set()

    def find(self, raw: bytes | None) -> Iterator[UnknownField]:
        """The fields of one record that were not seen before. Nothing of a record that can't be read."""
        if not raw or len(raw) > LARGEST_BYTES or len(self._reported) >= MOST:
            return
        try:
            event = _peek(raw)
            known = _FIELDS.get(event.type)
            if known is None or event.data is None:
                return
            names = [name for name in event.data if name not in known]
            if (of_items := known.get("items")) and "items" in event.data:
                items = _items(event.data["items"])
                names += [f"items.{name}" for item in items[:1] for name in item if name not in of_items]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        for name in names:
            if (event.source, name) not in self._reported:
                self._reported.add((event.source, name))
                yield _unknown(event, name, known)


def _unknown(event: _Peek, name: str, known: Mapping[str, frozenset[str]]) -> UnknownField:
    of_items = known.get("items", frozenset())
    near = get_close_matches(name, [*known, *(f"items.{each}" for each in of_items)], 1, 0.7)
    return UnknownField(
        visible(event.source[:LONGEST_NAME]), event.type, visible(name[:LONGEST_NAME]), near[0] if near else None
    )


def _fields_of(kind: type) -> dict[str, frozenset[str]]:
    """The names of a type's `data` fields, and the names of the fields inside those that hold lists of lines."""
    data = next(field.type for field in structs.fields(kind) if field.name == "data")
    return {field.encode_name: _inside(field.type) for field in structs.fields(data)}


def _inside(wanted: Any) -> frozenset[str]:
    if isinstance(wanted, type) and issubclass(wanted, Struct):
        return frozenset(field.encode_name for field in structs.fields(wanted))
    return frozenset().union(*(_inside(each) for each in get_args(wanted) if each is not UnsetType))


_FIELDS: Final = {name: _fields_of(kind) for name, kind in TYPES.items()}
