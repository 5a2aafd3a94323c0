"""The English texts of a pack, and which of them it has in Chinese."""

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from rules.dsl.model import Pack
from rules.kinds.rule import FieldDiagnostic

_SHOWN = frozenset({"summary", "effect", "name", "lines"})
"""Fields of rules that are shown as they are written. Of `summary` and `lines` that are the values."""


def phrases(pack: Pack) -> set[str]:
    """The summaries, effects and names in a pack's rules and their versions."""
    written: list[Any] = [*pack.written.values()]
    written += [version.set for versions in pack.versions.values() for version in versions]
    return {text for each in written for text in _in(each)}


def _in(value: Any, field: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _in(part, field if field in _SHOWN else name)
    elif isinstance(value, list):
        for part in value:
            yield from _in(part)
    elif isinstance(value, str) and field in _SHOWN:
        yield value


def chinese_diagnostics(pack: Pack) -> Iterator[FieldDiagnostic]:
    """What of `chinese` stands for nothing that the pack says, or names what the English doesn't."""
    known = phrases(pack) if pack.chinese else set()
    for english, chinese in pack.chinese.items():
        where = f"$.chinese.{english}"
        if english not in known:
            yield where, f"{english!r} is no summary, effect or name of this pack"
            continue
        try:
            odd = _names(chinese) - _names(english)
        except ValueError as error:
            yield where, f"{chinese!r}: {error}"
            continue
        for name in sorted(odd):
            yield where, f"{{{name}}} is not in the English"


def _names(text: str) -> set[str]:
    """The names in a text. Raises ValueError."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}
