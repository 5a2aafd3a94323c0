"""Overrides: a user's own parameters for rules of packs, by site, programme or shop, or for a time."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from rules.dsl.model import Pack, Version
from rules.dsl.reader import read
from rules.dsl.validate import of_version, overlap
from rules.dsl.yaml_source import BadPack, Diagnostic, Source
from rules.kinds.rule import Confidence


class Override(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Other parameters (`set`) of one `rule`. Its source is the user, unless it names another."""

    rule: str
    set: dict[str, Any]
    source: str = "the user's own"
    confidence: Confidence = "ours"
    sites: tuple[str, ...] = ()
    programmes: tuple[str, ...] = ()
    shops: tuple[str, ...] = ()
    effective_from: str | None = None
    effective_to: str | None = None

    def version(self, at: str) -> Version:
        parts = {field: getattr(self, field) for field in self.__struct_fields__ if field != "rule"}
        return Version(**parts, at=at)


class OverrideFile(Struct, forbid_unknown_fields=True, frozen=True):
    overrides: list[Override]


def is_override(source: Source) -> bool:
    """Whether a file holds overrides, not a pack."""
    return isinstance(source.value, dict) and "overrides" in source.value and "rules" not in source.value


def lay_over(packs: Sequence[Pack], source: Source) -> None:
    """Adds a file's overrides as versions to the packs' rules; they come after the packs' own versions. Raises
    BadPack."""
    file = read(OverrideFile, source.value, source)
    diagnostics: list[Diagnostic] = []
    for n, override in enumerate(file.overrides):
        at = f"$.overrides[{n}]"
        pack = next((pack for pack in packs if any(rule.id == override.rule for rule in pack.rules)), None)
        if pack is None:
            hint = f"{override.rule} is no rule of the packs that are loaded; name its pack too"
            diagnostics.append(source.diagnose(hint, f"{at}.rule"))
            continue
        diagnostics += _lay(pack, override, source, at)
    if diagnostics:
        raise BadPack(diagnostics)


def _lay(pack: Pack, override: Override, source: Source, at: str) -> list[Diagnostic]:
    rule = next(rule for rule in pack.rules if rule.id == override.rule)
    version = override.version(f"{source.file}:{source.line(at)}")
    found = [
        source.diagnose(f"{rule.id}: {message}", f"{at}.{where}") for where, message in of_version(pack, rule, version)
    ]
    others = pack.versions.setdefault(rule.id, [])
    found += [
        source.diagnose(f"{rule.id}: overlaps with the override at {other.at}", at)
        for other in others
        if other.at.startswith(f"{source.file}:") and overlap(version, other)
    ]
    if not found:
        others.append(version)
    return found
