"""The small parts of which source files are written: values, conditions, and texts with places to fill in."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from streams.feeds.paths import Path
from streams.feeds.values import text

_T = TypeVar("_T")


class Reading(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """How a value is made where one path doesn't say it all.

    `path` may be a list: the first that says something holds. `take` makes one of many. `table` names a table of the
    file. With `each`, `path` (`times` and `less` other numbers) is read in each part of a list, and `fields` makes a
    list of items; items that differ only in their `qty` are one.
    """

    path: Any = None
    take: Literal["first", "sum", "earliest", "latest"] = "first"
    table: str | None = None
    multiply: int = 1
    divide: int = 1
    each: Path | None = None
    times: Path | None = None
    less: Path | None = None
    fields: "dict[str, Value]" = {}


class Value:
    """A path, a list of paths of which the first that says something holds, or a `Reading`."""

    __slots__ = ("paths", "reading")

    def __init__(self, written: Any) -> None:
        self.reading = convert(written, Reading) if isinstance(written, dict) else Reading(path=written)
        listed = self.reading.path
        if (listed is None) == (not self.reading.fields) or (self.reading.fields and self.reading.each is None):
            raise ValueError("a value has a path, or each with fields")
        self.paths = (
            [] if listed is None else [Path(each) for each in (listed if isinstance(listed, list) else [listed])]
        )


class Conditions:
    """`{path: value}` or `{path: [one, or another]}`; all of them must hold. A missing value is `""`; `*` in a value
    stands for any text."""

    __slots__ = ("_parts",)

    def __init__(self, written: Any) -> None:
        if not isinstance(written, dict):
            raise ValueError("conditions are written like {code: 3, data.status: [SHIPPED, COMPLETED]}")
        self._parts = [
            (Path(path), [text(each) for each in (wanted if isinstance(wanted, list) else [wanted])])
            for path, wanted in written.items()
        ]

    def hold(self, scope: Mapping[str, Any]) -> bool:
        return all(_is_one_of(word_at(path, scope), wanted) for path, wanted in self._parts)

    @property
    def paths(self) -> list[Path]:
        return [path for path, _ in self._parts]


def _is_one_of(word: str | None, wanted: list[str]) -> bool:
    if word is None or word in wanted:
        return word is not None
    return any("*" in each and fnmatchcase(word, each) for each in wanted)


def hold(conditions: Conditions | None, scope: Mapping[str, Any]) -> bool:
    """None asks for nothing."""
    return conditions is None or conditions.hold(scope)


def word_at(path: Path, scope: Mapping[str, Any]) -> str | None:
    """To be compared; None, which equals nothing, where no scalar stands, or a function can't take what does."""
    try:
        return text(path.search(scope))
    except ValueError:
        return None


class Template:
    """Text with places to fill in: `{order}:shipped`. A place is one of the names given, or a path."""

    __slots__ = ("_parts", "text")

    def __init__(self, written: Any) -> None:
        if not isinstance(written, str):
            raise ValueError(f"{written!r} is no text with places, like {{order}}:shipped")
        self.text = written
        pieces = re.split(r"\{([^{}]+)\}", written)
        self._parts = [(piece, Path(piece) if n % 2 else None) for n, piece in enumerate(pieces)]

    @property
    def places(self) -> list[str]:
        return [piece for piece, path in self._parts if path is not None]

    def fill(self, names: Mapping[str, Any], scope: Mapping[str, Any]) -> str:
        """Raises ValueError where a place stays empty."""
        filled = ""
        for piece, path in self._parts:
            if path is None:
                filled += piece
                continue
            found = text(names[piece] if piece in names else path.search(scope))
            if not found:
                raise ValueError(f"{piece} is missing, and {self.text} needs it")
            filled += found
        return filled


def convert(written: Any, kind: type[_T]) -> _T:
    """Raises msgspec.ValidationError, which names the place."""
    return msgspec.convert(written, kind, dec_hook=_of_own_type)


def _of_own_type(kind: type, written: Any) -> Any:
    if kind in (Path, Value, Conditions, Template):
        return kind(written)
    raise NotImplementedError(kind)


def look_up(table: Mapping[str, _T], found: str) -> tuple[bool, _T | None]:
    """Whether a table knows a word, and what for. Case doesn't matter; `*` in a key stands for any text."""
    wanted = found.casefold()
    for key, meant in table.items():
        if key.casefold() == wanted:
            return True, meant
    for key, meant in table.items():
        if "*" in key and wanted and fnmatchcase(wanted, key.casefold()):
            return True, meant
    return False, None
