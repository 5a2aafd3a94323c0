"""The nodes of a YAML text: safe to read, bounded, and scanned by libyaml where that makes no difference.

`tests/rules/dsl/test_yaml_scanners.py` holds the two scanners to each other.
"""

import re
from typing import Any

import yaml

try:
    from yaml._yaml import CParser
except ImportError:  # a PyYAML that was built without libyaml
    CParser = None  # type: ignore[assignment,misc]


_SURROGATE = re.compile("[\ud800-\udfff]")

MOST_REPEATED = 100_000
"""How many nodes aliases may stand for in one file. Ten lines of aliases of aliases can stand for billions."""


class BoundedLoader(yaml.SafeLoader):
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


BoundedLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

_SCANNED_DIFFERENTLY = re.compile(
    r"[^\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"  # tabs, odd line ends
    r"|[!?]|^(?:---|\.\.\.|%)|[|>][^\n]*#",  # tags, keys of several lines, several documents, `| # comment`
    re.MULTILINE,
)
"""What libyaml may read in another way than PyYAML does, or place on another line. No built-in pack has any of it."""


class _QuickLoader(BoundedLoader):
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


def nodes(text: str) -> tuple[BoundedLoader, yaml.Node | None]:
    """The text's nodes, and what makes values of them. Raises yaml.YAMLError and RecursionError."""
    if CParser is not None and not _SCANNED_DIFFERENTLY.search(text):
        quick = _QuickLoader(text)
        try:
            return quick, quick.get_single_node()
        except (yaml.YAMLError, RecursionError):
            pass  # read again below: libyaml describes errors in words of its own
    loader = BoundedLoader(text)
    return loader, loader.get_single_node()
