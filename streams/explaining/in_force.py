"""What `shipclock check` shows of a pack: which parameters are in force where, and from which file and line."""

from collections.abc import Iterator, Mapping
from typing import Any

from rules.dsl.model import Version
from rules.dsl.yaml_source import Source
from streams.pack_files import PackFile

NOT_PARAMETERS = {
    *("id", "clause", "kind", "source", "confidence", "summary", "severity", "actions"),
    *("title", "title_zh", "text", "text_zh", "link"),
}
"""Fields that say what a rule is and how it is worded."""


def lines(file: PackFile) -> Iterator[str]:
    """A pack's rules, each with its parameters and where they hold."""
    pack, source = file
    yield f"{source.file}: {pack.platform}, {len(pack.rules)} rules, {len(pack.tests)} tests"
    for rule in pack.rules:
        yield f"  {rule.id} ({rule.clause})  {pack.origin[rule.id]}"
        yield from rule_lines(file, rule.id)


def rule_lines(file: PackFile, rule_id: str) -> Iterator[str]:
    """A rule's parameters: value, confidence, file and line, and where and when each holds, if not everywhere and
    always."""
    pack, source = file
    n, rule = next((n, rule) for n, rule in enumerate(pack.rules) if rule.id == rule_id)
    for name, value in pack.written[rule_id].items():
        if name not in NOT_PARAMETERS:
            yield from _of_parameter(source, f"$.rules[{n}].{name}", name, value, rule.confidence)
    for version in pack.versions.get(rule_id, ()):
        yield from _of_version(version)


def _of_parameter(source: Source, at: str, name: str, value: Any, confidence: str) -> Iterator[str]:
    confidence = source.origins.get(at, ("", confidence))[1]
    yield f"    {name} = {_short(value)}  {confidence}  {source.file}:{source.line(at)}"
    for path, (_, inner) in source.origins.items():
        if path.startswith((f"{at}.", f"{at}[")):
            yield f"      {name}{path.removeprefix(at)}  {inner}  {source.file}:{source.line(path)}"


def _of_version(version: Version) -> Iterator[str]:
    for name, value in version.set.items():
        yield f"    {name} = {_short(value)}  {version.confidence}  {version.at}  for {_where(version)}"


def _where(version: Version) -> str:
    places = [
        f"{what} {', '.join(names)}"
        for what, names in (("site", version.sites), ("programme", version.programmes), ("shop", version.shops))
        if names
    ]
    if version.effective_from:
        places.append(f"from {version.effective_from}")
    if version.effective_to:
        places.append(f"until {version.effective_to}")
    return ", ".join(places) or "every shop"


def _short(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_short(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
