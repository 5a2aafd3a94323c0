"""Reads a pack from its text and validates it."""

import re
from typing import Any, TypeVar

import msgspec

from rules.dsl.choices import choices, is_of_a_list
from rules.dsl.model import Pack, Version, convert
from rules.dsl.validate import diagnostics
from rules.dsl.yaml_source import BadPack, Diagnostic, Source


def parse(text: str, file: str) -> Pack:
    """Reads a pack. Raises BadPack with everything that is wrong in it."""
    return pack_of(Source(text, file))


def pack_of(source: Source) -> Pack:
    """`parse`, for callers that report diagnostics of their own at the source's lines."""
    value, versions, written, origin = _taken_apart(source)
    pack = read(Pack, value, source)
    pack.written, pack.origin = written, origin
    pack.versions = {
        rule_id: [
            msgspec.structs.replace(read(Version, each, source, path), at=f"{source.file}:{source.line(path)}")
            for path, each in found
        ]
        for rule_id, found in versions.items()
    }
    if found := list(diagnostics(pack, source)):
        raise BadPack(found)
    return pack


Versions = dict[str, list[tuple[str, Any]]]


def _taken_apart(source: Source) -> tuple[Any, Versions, dict[str, dict[str, Any]], dict[str, str]]:
    """A pack's value without its rules' `versions`; the versions by rule, with their paths; each rule as written; and
    the line of each rule."""
    value = source.value
    versions: Versions = {}
    written: dict[str, dict[str, Any]] = {}
    origin: dict[str, str] = {}
    if not isinstance(value, dict) or not isinstance(value.get("rules"), list):
        return value, versions, written, origin
    rules = []
    for n, rule in enumerate(value["rules"]):
        if isinstance(rule, dict) and isinstance(rule.get("id"), str):
            path = f"$.rules[{n}]"
            own = rule.get("versions", [])
            if not isinstance(own, list):
                raise BadPack([source.diagnose("versions is a list", f"{path}.versions")])
            rule = {name: part for name, part in rule.items() if name != "versions"}
            if own:
                versions[rule["id"]] = [(f"{path}.versions[{m}]", each) for m, each in enumerate(own)]
            written.setdefault(rule["id"], rule)
            origin.setdefault(rule["id"], f"{source.file}:{source.line(path)}")
        rules.append(rule)
    return value | {"rules": rules}, versions, written, origin


_T = TypeVar("_T")


def read(kind: type[_T], value: Any, source: Source, at: str = "$") -> _T:
    """Converts a value to the type it must be. Raises BadPack with the lines of what is wrong."""
    try:
        return msgspec.convert(value, kind, dec_hook=convert)
    except msgspec.ValidationError as error:
        raise BadPack([placed(_with_choices(error, kind, value), source, at)]) from None


def _with_choices(error: msgspec.ValidationError, kind: Any, value: Any) -> msgspec.ValidationError:
    """The same error; where a value is none of a closed list, with the name of the field and what it takes."""
    message, at, where = str(error).partition(" - at `")
    if not is_of_a_list(error) or not (takes := choices(kind, value, where.rstrip("`"))):
        return error
    field = re.findall(r"\.(\w+)", where)[-1:]
    return msgspec.ValidationError(f"{message}: {''.join(field) or 'it'} takes {', '.join(takes)}{at}{where}")


def placed(error: msgspec.ValidationError, source: Source, at: str = "$") -> Diagnostic:
    """An error of msgspec as a diagnostic at its line."""
    message, _, where = str(error).partition(" - at `")
    path = at + where.rstrip("`").rpartition("$")[2]  # msgspec writes a mapping's key as "`key` in `$.its.path`"
    if unknown := re.search("unknown field `(.*)`", message):
        path = f"{path}.{unknown[1]}"
        message += "; is it misspelt, or does it belong elsewhere?"
    return source.diagnose(message, path)
