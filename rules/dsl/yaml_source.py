"""YAML text as plain values that remember the line and the origin of each."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import yaml
from msgspec import Struct
from yaml.reader import ReaderError

from rules.kinds.rule import Confidence

try:
    from yaml._yaml import CParser
except ImportError:  # a PyYAML that was built without libyaml
    CParser = None  # type: ignore[assignment,misc]


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

_SURROGATE = re.compile("[\ud800-\udfff]")

MOST_REPEATED = 100_000
"""How many nodes aliases may stand for in one file. Ten lines of aliases of aliases can stand for billions."""


class _Loader(yaml.SafeLoader):
    """Safe YAML in which dates stay text and what aliases stand for is bounded."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = 0
        self._repeated = 0
        #: How many nodes each node stands for with all below it, by `id`, once it has been read to its end.
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        mark: Any = event.start_mark
        before = self._nodes
        node = super().compose_node(parent, index)
        if isinstance(node, yaml.ScalarNode) and _SURROGATE.search(node.value):
            raise yaml.MarkedYAMLError(problem="half of a surrogate pair is no character", problem_mark=mark)
        if not isinstance(event, yaml.AliasEvent):
            self._nodes += 1
            self._sizes[id(node)] = self._nodes - before
            return node
        if id(node) not in self._sizes:
            raise yaml.MarkedYAMLError(problem="this alias stands inside what it names", problem_mark=mark)
        self._nodes += self._sizes[id(node)]
        self._repeated += self._sizes[id(node)]
        if self._repeated > MOST_REPEATED:
            problem = f"the aliases up to here stand for more than {MOST_REPEATED} values"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return node


_SCANNED_DIFFERENTLY = re.compile(
    r"[^\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"  # tabs, odd line ends
    r"|[!?]|^(?:---|\.\.\.|%)|[|>][^\n]*#",  # tags, keys of several lines, several documents, `| # comment`
    re.MULTILINE,
)
"""What libyaml may read in another way than PyYAML does, or place on another line. No built-in pack has any of it."""


class _QuickLoader(_Loader):
    """Has libyaml scan the text, which takes a fifth of the time; not for what is `_SCANNED_DIFFERENTLY`."""

    def __init__(self, text: str) -> None:
        super().__init__("")
        self._events: Any = CParser(text)

    def check_event(self, *kinds: Any) -> bool:
        return bool(self._events.check_event(*kinds))

    def peek_event(self) -> Any:
        return self._events.peek_event()

    def get_event(self) -> Any:
        return self._events.get_event()


def _loaded(text: str) -> tuple[_Loader, yaml.Node | None]:
    """The text's nodes, and what makes values of them. Raises yaml.YAMLError and RecursionError."""
    if CParser is not None and not _SCANNED_DIFFERENTLY.search(text):
        quick = _QuickLoader(text)
        try:
            return quick, quick.get_single_node()
        except (yaml.YAMLError, RecursionError):
            pass  # read again below: libyaml describes errors in words of its own
    loader = _Loader(text)
    return loader, loader.get_single_node()


def compose(text: str) -> yaml.Node | None:
    """The nodes of a YAML text, without constructing objects; None if it is empty. Every YAML file is read by this
    function. Raises BadYamlError."""
    with _clear_errors(text):
        return _loaded(text)[1]


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


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Source:
    """A pack's text as plain values, remembering the line of each."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self._lines: dict[str, int] = {}
        #: `(source, confidence)` of each value that has an origin of its own, by path.
        self.origins: dict[str, tuple[str, str]] = {}
        try:
            with _clear_errors(text):
                loader, node = _loaded(text)
                self.value = None if node is None else self._read(loader, node, "$")
        except BadYamlError as error:
            raise BadPack([Diagnostic(file, error.line, str(error))]) from None

    def _read(self, loader: _Loader, node: yaml.Node, path: str) -> Any:
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

    def _read_mapping(self, loader: _Loader, node: yaml.MappingNode, path: str) -> Any:
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
