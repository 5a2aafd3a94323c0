"""Lines of a history that can't be read or believed: each is reported, and the rest goes on."""

from pathlib import Path
from typing import Any

import pytest

from rules.engine.engine import Engine
from tests.commands.support import START_MS, event, history, pack, run
from tests.replaying.support import alerts


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{not json", "JSON is malformed"),
        ("[" * 100_000, "Expected `object`, got `array`"),
        (event("order.placed", 0, x="\0")[:-2] + "[" * 100_000, "JSON is"),
        (event("order.placed", 0, time="2026-01-01T00:00:00"), "Expected `datetime` with a timezone component"),
        (event("order.placed", 0, time=START_MS // 1000), "time 1767225600 looks like seconds"),
        (event("order.placed", 0, time="9999-01-01T00:00:00Z"), "time 253370764800000 ms is outside 2001-2100"),
        (event("order.placed", 0, order=8412), "Expected `str`, got `int` - at `$.order`"),
        (event("order.plced", 0), "Invalid value 'order.plced'"),
        (event("rating.updated", 0, data={"score": "1E+1000000"}), "score 1E+1000000 is no number to reckon with"),
        (event("rating.updated", 0, data={"score": 77}).replace("77", "1E+1000000"), "score 1E+1000000 is no number"),
        (event("order.placed", 0, x="x" * 262_144), "the record has 262,"),
        (event("order.pl\x1b[31maced", 0), "Invalid value 'order.pl\\x1b[31maced'"),
        (event("order.placed", 0, shop="s\u202e1"), "shop 's\\u202e1' has control, bidirectional or zero-width"),
    ],
)
def test_a_bad_line_is_told_and_the_rest_goes_on(tmp_path: Path, line: str, why: str) -> None:
    file = history(tmp_path, event("order.placed", 0), line, "", event("order.shipped", 80))
    result = run("replay", file, "--pack", pack(tmp_path))
    (output,) = result.stderr.splitlines()
    assert output.startswith(f"{file}:2: {why}")
    assert len(alerts(result)) == 2
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("data", "left_out"),
    [
        ({"amount": "1e30"}, "data.amount: amount 1E+30 is not a sum of money"),
        ({"handling_h": -1e12}, "data.handling_h: Expected `float` >= 0.0"),
    ],
)
def test_a_detail_that_cannot_be_read_is_told_and_its_event_counts(
    tmp_path: Path, data: dict[str, Any], left_out: str
) -> None:
    file = history(tmp_path, event("order.placed", 0, data=data), event("order.shipped", 80))
    result = run("replay", file, "--pack", pack(tmp_path))
    assert result.stderr == f"{file}:1: kept without {left_out}\n"
    assert (len(alerts(result)), result.exit_code) == (2, 0)


@pytest.mark.parametrize("sort", [[], ["--sort"]])
def test_a_line_whose_event_can_not_be_applied_is_told_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sort: list[str]
) -> None:
    apply = Engine.apply

    def fail_for_2(engine: Engine, read: Any, at_ms: int) -> None:
        if read.order == "2":
            raise OverflowError
        apply(engine, read, at_ms)

    monkeypatch.setattr(Engine, "apply", fail_for_2)
    file = history(tmp_path, event("order.placed", 0), event("order.placed", 1, "2"), event("order.shipped", 80))
    result = run("replay", file, "--pack", pack(tmp_path), *sort)
    assert result.stderr == f"{file}:2: can't be applied: OverflowError: \n"
    assert (len(alerts(result)), result.exit_code) == (2, 2)


YEAR_H = 366 * 24


@pytest.mark.parametrize("sort", [[], ["--sort"]])
def test_an_event_that_leaps_is_told_and_the_rest_is_as_if_it_were_not_there(tmp_path: Path, sort: list[str]) -> None:
    good = [event("order.placed", 0), event("order.placed", 1, "3"), event("order.shipped", 80)]
    far = event("order.placed", YEAR_H * 36, "2")
    without = run("replay", history(tmp_path, *good), "--pack", pack(tmp_path))
    file = history(tmp_path, good[0], far, *good[1:])
    result = run("replay", file, "--pack", pack(tmp_path), *sort)
    assert result.stderr == f"{file}:2: time 2062-01-28T00:00:00Z leaps more than 366 days past everything before it\n"
    assert (result.exit_code, result.stdout) == (2, without.stdout)
    assert len(alerts(result)) == 3


def test_a_tick_that_leaps_is_told_too(tmp_path: Path) -> None:
    file = history(tmp_path, event("order.placed", 0), '{"type":"clock.tick","time":"2099-12-31T00:00:00Z"}')
    result = run("replay", file, "--pack", pack(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "2099-12-31T00:00:00Z leaps" in result.stderr


@pytest.mark.parametrize(("options", "exit_code"), [([], 0), (["--max-leap", "365"], 2), (["--max-leap", "1000"], 0)])
def test_how_far_an_event_may_leap_can_be_told(tmp_path: Path, options: list[str], exit_code: int) -> None:
    file = history(tmp_path, event("order.placed", 0), event("order.placed", YEAR_H, "2"))
    assert run("replay", file, "--pack", pack(tmp_path), *options).exit_code == exit_code
    beyond = history(tmp_path, event("order.placed", 0), event("order.placed", YEAR_H + 1, "2"))
    assert run("replay", beyond, "--pack", pack(tmp_path), *options).exit_code == (2 if "1000" not in options else 0)


def test_the_first_event_is_believed_and_is_the_measure_of_the_next(tmp_path: Path) -> None:
    file = history(tmp_path, event("order.placed", -YEAR_H * 2), event("order.placed", 0, "2"))
    result = run("replay", file, "--pack", pack(tmp_path))
    assert result.stderr.startswith(f"{file}:2: time 2026-01-01T00:00:00Z leaps")


def test_a_leap_that_is_no_number_of_days_is_wrong_use(tmp_path: Path) -> None:
    assert run("replay", history(tmp_path), "--max-leap", "0").exit_code == 2


def test_several_bad_lines_are_counted_at_the_end(tmp_path: Path) -> None:
    file = history(tmp_path, "{not json", event("order.placed", 0), "[]")
    result = run("replay", file, "--pack", pack(tmp_path))
    assert [line.split(" ")[0] for line in result.stderr.splitlines()] == [f"{file}:1:", f"{file}:3:", "lines"]
    assert result.stderr.endswith("lines left out as they are no events: 2\n")
    assert result.exit_code == 2


def test_events_too_old_to_begin_an_order_are_said_and_nothing_is_wrong_with_them(tmp_path: Path) -> None:
    late = [event("order.placed", 0, "2"), event("order.shipped", 1, "2")]
    file = history(tmp_path, event("order.placed", 2000), *late)
    result = run("replay", file, "--pack", pack(tmp_path))
    assert result.stderr.splitlines() == [
        f"{file}:2: time 2026-01-01T00:00:00Z is older than the 33 days kept, and its order isn't known",
        f"{file}:3: time 2026-01-01T01:00:00Z is older than the 33 days kept, and its order isn't known",
        "events too old to begin an order: 2; --sort has each come in its time",
    ]
    assert result.exit_code == 0
    assert run("replay", file, "--pack", pack(tmp_path), "--sort").stderr == ""


def test_bytes_that_are_no_text_are_a_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "history"
    file.write_bytes(b"\xc3\x28\n" + event("order.placed", 0).encode().replace(b'"s1"', b'"\xff"'))
    result = run("replay", file)
    assert [line.split(": ")[0] for line in result.stderr.splitlines()[:-1]] == [f"{file}:1", f"{file}:2"]


def test_lines_of_each_file_are_counted_on_their_own(tmp_path: Path) -> None:
    good, bad = history(tmp_path, event("order.placed", 0), name="good"), history(tmp_path, "{", name="bad")
    output = run("replay", good, bad, "-", stdin=b"\n\n{").stderr.splitlines()
    assert [line.split(": ")[0] for line in output[:-1]] == [f"{bad}:1", "stdin:3"]
