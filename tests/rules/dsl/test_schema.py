"""The JSON Schema that editors check packs by says what the packs' own reader says."""

from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
import yaml

from rules.dsl.schema import schema
from rules.dsl.yaml_source import Source
from tests.rules.history import ROOT

SCHEMA = orjson.loads(orjson.dumps(schema()))
PACKS = [
    *sorted((ROOT / "rules/packs").glob("*.yaml")),
    ROOT / "tests/bench/job.yaml",
    ROOT / "deploy/examples/olist.yaml",
]


def errors(written: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(written)]


def test_the_file_that_editors_read_is_what_the_types_give():
    kept = orjson.loads((ROOT / "rules/packs/pack.schema.json").read_bytes())
    assert kept == SCHEMA, "run: shipclock schema > rules/packs/pack.schema.json"


def test_it_is_a_schema_itself():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


class Unread(Source):
    """Parameters with an origin of their own, as they stand."""

    def _parameter(self, read: dict[str, Any], node: yaml.Node, path: str) -> Any:
        return read


def plain(file: Path) -> Any:
    """As an editor sees it: numbers and booleans, but dates as text."""
    return Unread(file.read_text(), str(file)).value


@pytest.mark.parametrize("file", PACKS, ids=lambda file: file.stem)
def test_every_pack_of_the_repository_is_valid(file: Path):
    assert errors(plain(file)) == []


def test_overrides_are_valid_too():
    assert errors({"overrides": [{"rule": "joom.late_ship", "shops": ["s17"], "set": {"within": "48h"}}]}) == []


@pytest.mark.parametrize(
    "part",
    [{"witin": "48h"}, {"within": "two days"}, {"kind": "deadlin"}, {"severity": {"overdue": "bad"}}],
    ids=str,
)
def test_what_the_reader_refuses_is_marked_in_the_editor(part: dict[str, Any]):
    pack = plain(ROOT / "rules/packs/joom.yaml")
    rule = pack["rules"][0]
    assert errors(pack) == []
    rule.update(part)
    assert errors(pack) != []
