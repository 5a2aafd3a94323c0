"""Mistakes in source files, each with its line."""

from pathlib import Path

import orjson
import pytest

from streams.feeds import library
from streams.feeds.schema import schema
from tests.commands.support import run
from tests.feeds.support import own

SCHEMA = library.built_in() / "source.schema.json"

API = """\
api: {host: "https://etsy.example", credentials: [key], secrets: [key], signature: {key: key, signed: "{path}"},
      answers: {ok: {}}, polls: {orders: {call: {path: /p, parameters: {from: "{from_s}"}}, documents: d,
      next: n, paging: cursor}}}
messages:"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("shop: shop_id", "shop: 'shop_id['", 4, "is no JMESPath expression"),
        ("order: receipt", "ordre: receipt", 5, "unknown field `ordre`"),
        ("event: order", "'event ==': order", 9, "is no JMESPath expression"),
        ("paid: [placed]", "paid: [gone]", 11, "gone is no fact of receipt"),
        (", canceled: [cancelled]", "", 14, "no status of receipt means cancelled"),
        ("type: order.placed", "type: order.plcaed", 13, "order.plcaed is no event"),
        ("table: parties", "table: people", 14, "people is no table of this file"),
        ("  parties:", "  others: {a: b}\n  parties:", 16, "the table others is used nowhere"),
        ("platform: etsy\n", "platform: etsy\nzone: Mars\n", 3, "Mars is no time zone"),
        ("source: etsy", "source: shop", 1, "the file of shop is called shop.yaml, not etsy.yaml"),
        ("key: secret, ", "", 3, "an HMAC has a key"),
        ("header: X-Sign", "senders: [1.2.3]", 3, "a signature stands either in a header or in a form's field"),
        ("signature: {method: hmac-sha256, key: secret, header: X-Sign}\n", "", 6, "needs a signature"),
        ("platform: etsy\n", "", 7, "a reference platform/shop/order is needed"),
        ("time: at\n", "", 12, "order.placed has no time"),
        ("amount: total", "amount: {take: sum}", 13, "a value has a path, or each with fields"),
        ('id: "{order}:placed"', "id: 3", 13, "is no text with places"),
        (
            "shopper: buyer",
            "shopper: client",
            14,
            "'client' is no by of order.cancelled; they are buyer, ",
        ),
        ("data: {amount", "constants: {mode: fast}, data: {amount", 13, "'fast' is no mode of order.placed"),
        ("messages:", "messages: 3\nrest:", 7, "Expected `array`"),
        ("source: etsy", "source: [", 3, "expected"),
        ("messages:", API.replace("{from_s}", "{form_s}"), 8, "{form_s} is nothing that calls may name"),
        ("messages:", API.replace("next: n, ", ""), 8, "paging cursor needs next"),
        (
            "messages:",
            API.replace("signature: {key: key,", "signature: {key: kay,"),
            7,
            "kay is no credential of this API",
        ),
        ("messages:", API.replace("secrets: [key]", "secrets: [word]"), 7, "word is no credential of this API"),
        ("messages:", API.replace("next: n", "next: n, ids: i"), 8, "ids and detail belong together"),
        ("event: order}", "event: order}\n    fetch: order", 10, "order is no call under fetches; those are none"),
        ("messages:", API.replace("secrets: [key]", "optional: [word]"), 7, "word is no credential of this API"),
        (
            "messages:",
            API.replace("polls:", "registration: {call: {path: '/{tracking_on}'}, batch: 2}, polls:"),
            8,
            "a batch of more than 1 needs each, rejected and number",
        ),
        (
            "messages:",
            API.replace("polls:", "registration: {call: {path: /p, body: '{tracking_on}'}}, polls:"),
            8,
            "{tracking_on} is nothing that calls may name",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    folder = own(tmp_path / "own", old, new)
    result = run("feeds", "check", "etsy", "--sources", folder)
    assert result.exit_code == 1, result.output
    output = result.output.splitlines()
    assert any(each.startswith(f"{folder / 'etsy.yaml'}:{line}: ") and message in each for each in output), output
    assert output[-1].startswith("mistakes in sources: ")


def test_built_in_sources_and_a_good_one_have_none(tmp_path: Path) -> None:
    assert run("feeds", "check").output == "sources without a mistake: 11\n"
    result = run("feeds", "check", "--sources", own(tmp_path / "own"))
    assert (result.exit_code, result.output) == (0, "sources without a mistake: 12\n")


def test_the_schema_for_editors_is_the_one_the_types_give() -> None:
    kept = orjson.loads(SCHEMA.read_bytes())
    assert kept == orjson.loads(orjson.dumps(schema())), f"run: shipclock feeds schema > {SCHEMA}"
    assert orjson.loads(run("feeds", "schema").output) == kept


def test_the_schema_takes_every_built_in_source_and_refuses_a_misspelt_one() -> None:
    from jsonschema import Draft202012Validator

    from rules.dsl.yaml_source import Source

    validator = Draft202012Validator(schema())
    for file in library.files().values():
        assert [error.message for error in validator.iter_errors(Source(file.read_text(), file.name).value)] == []
        assert file.read_text().startswith("# yaml-language-server: $schema=source.schema.json\n")
    assert not validator.is_valid({"source": "x", "mesages": []})
