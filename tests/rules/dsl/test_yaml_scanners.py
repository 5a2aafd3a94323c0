"""YAML is read by libyaml where that makes no difference, and by PyYAML's own, slower scanner elsewhere."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rules.dsl import yaml_nodes
from rules.dsl.yaml_source import BadYamlError, compose
from tests.rules.history import ROOT

FILES = [file for folder in ("rules/packs", "streams/feeds/sources") for file in sorted((ROOT / folder).glob("*.yaml"))]
PACKS = [file for file in FILES if file.parent.name == "packs"]
PARTS = [
    *(
        "a",
        "b: ",
        "- ",
        "? ",
        "?",
        ": ",
        ":",
        "{",
        "}",
        "[",
        "]",
        ",",
        ", ",
        "\n",
        "\n  ",
        "\n- ",
        " ",
        "  ",
        "\t",
        "\r",
    ),
    *("'", '"', "|", "|\n", ">", ">-\n", "#", " #c", "&a ", "*a", "!", "!!str ", "%", "@", "`", "\\", "\\n", "\\ud800"),
    *(
        "---",
        "--- ",
        "\n---\n",
        "\n...\n",
        "%YAML 1.1\n",
        "%TAG ! x\n",
        "<<: ",
        "=",
        "-",
        "1",
        "0x1",
        "~",
        "2020-01-01",
    ),
    *("\ufeff", "\x85", "\u2028", "\xa0", "é", "\U0001f600", "\ud800", "\x00", "\x07", "\r\n"),
]


def read(text: str) -> Any:
    """All that is seen of a text, or what is said against it."""
    try:
        return seen(compose(text))
    except BadYamlError as error:
        return error.line, str(error)


def seen(node: yaml.Node | None) -> Any:
    if isinstance(node, yaml.MappingNode):
        return node.tag, node.start_mark.line, [(seen(key), seen(value)) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return node.tag, node.start_mark.line, [seen(part) for part in node.value]
    return node and (node.tag, node.start_mark.line, node.value)


def read_slowly(text: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_nodes, "CParser", None)
        return read(text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_both_scanners_see_the_same_in_what_comes_with_shipclock(file: Path) -> None:
    assert read(file.read_text()) == read_slowly(file.read_text())


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_whatever_a_text_is_both_see_the_same_or_say_the_same_against_it(text: str) -> None:
    assert read(text) == read_slowly(text)


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")
@pytest.mark.parametrize("file", PACKS, ids=lambda file: file.stem)
def test_the_built_in_packs_are_read_by_the_quick_one(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml.SafeLoader, "get_event", None)  # of PyYAML's own scanner
    assert compose(file.read_text()) is not None
