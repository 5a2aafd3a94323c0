"""Requests to the platforms' APIs: signed like the examples of the platforms, and filled in as source files say."""

import json
from pathlib import Path
from typing import Any

import pytest

from streams.feeds.polling.requests import filled, sign
from tests.feeds.support import source

EXAMPLES = json.loads(Path(__file__).with_name("api_signatures.json").read_bytes())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: f"{each['source']}{each['path'].replace('/', '-')}")
def test_a_call_is_signed_as_the_platform_does_it(example: dict[str, Any]) -> None:
    api = source(example["source"]).api
    assert api is not None
    assert api.signature is not None
    names = {**example["credentials"], "shop": example["shop"], "access_token": example["access_token"]}
    signed = sign(api.signature, example["path"], example["parameters"], example["body"].encode(), names)
    assert signed == example["expected"]


def test_what_has_an_empty_place_is_left_out() -> None:
    written = {
        "cursor": "{cursor}",
        "size": 100,
        "filter": {"from": "{from_s}", "odd": "x{cursor}"},
        "ids": ["{a:int}"],
    }
    names = {"cursor": "", "from_s": 5, "a": "17"}
    assert filled(written, names) == {"size": 100, "filter": {"from": 5}, "ids": [17]}
