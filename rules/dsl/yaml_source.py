"""YAML text as plain values that remember the line and the origin of each."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import yaml
from msgspec import Struct
from yaml.reader import ReaderError

from rules.dsl.yaml_nodes import BoundedLoader, nodes
from rules.kinds.rule import Confidence


class Diagnostic(Struct, frozen=True):
    """What is wrong, and where."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class BadPack(ValueError):
    """A pack that can't be used; `diagnostics` say why, each with its line."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__("\n".join(map(str, diagnostics)))
        self.diagnostics = diagnostics


class BadYamlError(ValueError):
    """Text that is no YAML, or none that is safe to read; `line` is where."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


_QUOTE_IT = {
    "found undefined alias": "no &name before is meant by this *name; a text that begins with * stands in quotes",
    "could not determine a constructor": "there are no types of one's own; a text that begins with ! stands in quotes",
    "found undefined tag handle": "there are no types of one's own; a text that begins with ! stands in quotes",
}
"""Errors of PyYAML that quote the file, where that may be a secret without its quotes; and what is said in their place.
"""


def compose(text: str) -> yaml.Node | None:
    """The nodes of a YAML text, without constructing objects; None if it is empty. Every YAML file is read by this
    function. Raises BadYamlError."""
    with _clear_errors(text):
        return nodes(text)[1]


@contextmanager
def _clear_errors(text: str) -> Iterator[None]:
    """PyYAML's error as BadYamlError."""
    try:
        yield
    except ReaderError as error:
        line = 1 + text.count("\n", 0, error.position)
        raise BadYamlError(line, f"the character {chr(error.character)!r} can't stand here") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context)
        problem = next((ours for theirs, ours in _QUOTE_IT.items() if problem.startswith(theirs)), problem)
        raise BadYamlError(1 + (mark.line if mark else 0), problem) from None
    except RecursionError:  # thousands of brackets
        raise BadYamlError(1, "is nested too deeply") from None


class Source:
    """A pack's text as plain values, remembering the line of each."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self._lines: dict[str, int] = {}
        #: `(source, confidence)` of each value that has an origin of its own, by path.
        self.origins: dict[str, tuple[str, str]] = {}
        try:
            with _clear_errors(text):
                loader, node = nodes(text)
                self.value = None if node is None else self._read(loader, node, "$")
        except BadYamlError as error:
            raise BadPack([Diagnostic(file, error.line, str(error))]) from None

    def _read(self, loader: BoundedLoader, node: yaml.Node, path: str) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self._read(loader, part, f"{path}[{n}]") for n, part in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._read_mapping(loader, node, path)
        try:
            return loader.construct_object(node)
        except (ValueError, KeyError):  # `!!int abc`, `!!bool maybe`, or more digits than Python reads
            kind = node.tag.rpartition(":")[2]
            raise yaml.MarkedYAMLError(problem=f"can't be read as {kind}", problem_mark=node.start_mark) from None

    def _read_mapping(self, loader: BoundedLoader, node: yaml.MappingNode, path: str) -> Any:
        read: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in read:
                raise yaml.MarkedYAMLError(problem=f"{key} stands here a second time", problem_mark=key_node.start_mark)
            self._lines[f"{path}.{key}"] = key_node.start_mark.line + 1
            read[key] = self._read(loader, value_node, f"{path}.{key}")
        if "value" in read and path.startswith(("$.rules", "$.overrides")):
            return self._parameter(read, node, path)
        return read

    def _parameter(self, read: dict[str, Any], node: yaml.Node, path: str) -> Any:
        """`{value: 48h, source: …, confidence: ours}`: a value that comes from elsewhere than its rule."""
        if set(read) != {"value", "source", "confidence"}:
            raise yaml.MarkedYAMLError(
                problem="a value with its own origin has exactly value, source and confidence",
                problem_mark=node.start_mark,
            )
        if read["confidence"] not in get_args(Confidence):
            known = ", ".join(get_args(Confidence))
            raise yaml.MarkedYAMLError(problem=f"confidence is one of {known}", problem_mark=node.start_mark)
        self.origins[path] = (str(read["source"]), str(read["confidence"]))
        return read["value"]

    def line(self, path: str) -> int:
        """The line of what stands at `path` (`$.rules[2].within`), or of what holds it."""
        while path not in self._lines and path != "$":
            holder = re.sub(r"(\.[^.\[]*|\[[^\]]*\])$", "", path)
            path = "$" if holder in ("", path) else holder
        return self._lines.get(path, 1)

    def diagnose(self, message: str, path: str = "$") -> Diagnostic:
        """Adds a diagnostic for the value at a path."""
        return Diagnostic(self.file, self.line(path), message)
