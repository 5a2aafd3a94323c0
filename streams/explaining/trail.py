"""An alert's trail in words: its records in time, what proves it, and the rule with its parameters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rules.messages.alerts import Alert
from streams.explaining.in_force import rule_lines
from streams.pack_files import PackFile


def trail(records: Sequence[Alert], packs: Iterable[PackFile]) -> Iterator[str]:
    """Lines about an alert whose records these are, oldest first; not yet safe to print (see `visible`)."""
    newest = records[-1]
    data = newest.data
    yield data.alert
    yield f"{data.state}, {data.stage}, {data.severity}: {data.summary}"
    yield ""
    for record in records:
        data = record.data
        change = record.type.removeprefix("alert.")
        yield f"{record.time}  /{data.revision} {change:<8}  {data.stage:<12} {data.severity:<8}  {data.reason}"
    if records[0].data.revision > 1:
        yield f"(revisions before {records[0].data.revision} are no longer in the topic)"
    yield from _section("evidence", msgspec.to_builtins(data.evidence))
    figures = {name: getattr(data, name) for name in ("value", "threshold", "headroom", "due_at")}
    yield from _section("figures", {name: value for name, value in figures.items() if value is not None})
    yield from _section("penalty", msgspec.to_builtins(data.penalty))
    yield from _section("actions", [f"{action.to}: {action.do}" for action in data.actions])
    for file in packs:
        if any(rule.id == data.rule for rule in file.pack.rules):
            yield ""
            yield "rule"
            rule = next(rule for rule in file.pack.rules if rule.id == data.rule)
            yield from (f"  {line}" for line in (rule.titles()["en"], rule.text, rule.link) if line)
            yield f"  {rule.source} ({rule.confidence})"
            yield from rule_lines(file, data.rule)


def _section(title: str, content: Any) -> Iterator[str]:
    if content:
        yield ""
        yield title
        yield from _indented(content, "  ")


def _indented(content: Any, indent: str) -> Iterator[str]:
    if isinstance(content, Mapping):
        for name, value in content.items():
            if isinstance(value, Mapping | list) and value and not _is_short(value):
                yield f"{indent}{name}"
                yield from _indented(value, indent + "  ")
            elif value is not None:
                yield f"{indent}{name}: {_short(value)}"
    else:
        for value in content:
            yield f"{indent}{_short(value)}"


def _is_short(value: Any) -> bool:
    parts = value.values() if isinstance(value, Mapping) else value
    return not any(isinstance(part, Mapping | list) for part in parts)


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return "  ".join(f"{name} {_short(part)}" for name, part in value.items() if part is not None)
    if isinstance(value, list):
        return ", ".join(_short(part) for part in value)
    return str(value)
