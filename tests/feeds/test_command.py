"""`shipclock feeds map` and `shipclock feeds test` as a user meets them."""

import json
from pathlib import Path

import pytest

from tests.commands.support import run
from tests.feeds.support import own, shopee


def _file(folder: Path, content: object, name: str = "body.json") -> Path:
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def test_a_body_comes_out_as_events_with_their_ids(tmp_path: Path) -> None:
    result = run("feeds", "map", "shopee", _file(tmp_path, shopee()))
    assert result.exit_code == 0
    (line,) = result.output.splitlines()
    assert json.loads(line) == {
        "specversion": "1.0",
        "id": "A1:shipped",
        "source": "feed/shopee",
        "type": "order.shipped",
        "time": "2026-11-04T09:30:00Z",
        "platform": "shopee",
        "shop": "910044217",
        "order": "A1",
        "data": {"logistics": "platform"},
    }


def test_a_body_is_read_from_stdin(tmp_path: Path) -> None:
    result = run("feeds", "map", "shopee", "-", stdin=json.dumps(shopee()).encode())
    assert json.loads(result.output)["id"] == "A1:shipped"


def test_what_can_not_be_mapped_is_said_on_stderr_and_ends_with_1(tmp_path: Path) -> None:
    result = run("feeds", "map", "shopee", _file(tmp_path, shopee("WAT")))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "shopee: order status: status 'WAT' is not known\n"


def test_the_context_stands_for_the_settings(tmp_path: Path) -> None:
    order = {"order_sn": "A1", "order_status": "READY_TO_SHIP", "pay_time": 1_793_671_490}
    file = _file(tmp_path, {"response": {"order_list": [order]}})
    result = run("feeds", "map", "shopee", file, "--transport", "poll", "--context", '{"shop": "jakarta"}')
    assert json.loads(result.output)["shop"] == "jakarta"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope", "FILE"], "nope is no source; known are aftership, "),
        (["shopee", "GONE"], "No such file or directory"),
        (["shopee", "FILE", "--transport", "pigeon"], "'pigeon' is not one of"),
        (["shopee", "FILE", "--context", "{"], "--context: it is no JSON"),
        (["shopee", "FILE", "--context", "[]"], "--context: it is no object"),
        (["shopee", "FILE", "--context", '{"zone": "Mars"}'], "--context: Mars is no time zone"),
        (["shopee", "FILE", "--context", '{"shop": []}'], "--context: shop is no text"),
        (["tiktok", "FILE", "--context", '{"shipped_at": "soon"}'], "--context: shipped_at is one of scan, rts"),
        (["shopee", "FILE", "--context", '{"received_at": "soon"}'], "--context: 'soon' is no time"),
        (["shopee", "FILE", "--sources", "GONE"], "is no folder"),
    ],
)
def test_a_wrong_use_is_one_line_and_ends_with_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    places = {"FILE": str(_file(tmp_path, shopee())), "GONE": str(tmp_path / "gone")}
    result = run("feeds", "map", *(places.get(each, each) for each in arguments))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def _sample(folder: Path, **changes: object) -> None:
    samples = folder / "samples" / "etsy"
    samples.mkdir(parents=True)
    _file(samples, {"event": "order", "status": "paid", "shop_id": 5, "receipt": 9, "at": 1_793_784_600}, "paid.json")
    event = {
        "type": "order.placed",
        "time": "2026-11-04T09:30:00Z",
        "platform": "etsy",
        "shop": "5",
        "order": "9",
        "data": {},
        "key": "9:placed",
    }
    expected = {"sample": "paid.json", "transport": "push", "context": {}, "events": [event | changes]}
    _file(samples, expected, "paid.expected.json")


def test_a_source_of_ones_own_is_tested_by_its_samples(tmp_path: Path) -> None:
    folder = own(tmp_path / "own")
    _sample(folder)
    result = run("feeds", "test", "etsy", "--sources", folder)
    assert (result.exit_code, result.output) == (0, "1 samples passed\n")


def test_a_sample_that_comes_out_otherwise_fails(tmp_path: Path) -> None:
    folder = own(tmp_path / "own")
    _sample(folder, order="10")
    result = run("feeds", "test", "etsy", "--sources", folder)
    assert result.exit_code == 1
    assert "paid.expected.json: " in result.output
    assert "1 of 1 samples failed" in result.output


def test_a_forged_example_that_passes_fails(tmp_path: Path) -> None:
    folder = own(tmp_path / "own")
    _sample(folder)
    forged = {"secret": "s", "vectors": [{"body": "x", "header": "X-Sign", "expected": "00", "valid": True}]}
    _file(folder / "samples" / "etsy", forged, "signature.json")
    result = run("feeds", "test", "etsy", "--sources", folder)
    assert result.exit_code == 1
    assert "0: taken for forged" in result.output


def test_all_built_in_samples_pass() -> None:
    result = run("feeds", "test")
    assert result.exit_code == 0
    assert result.output.endswith("samples passed\n")
