"""`shipclock explain`: the trail behind one alert."""

from pathlib import Path

import pytest

from tests.commands.support import event, history, pack, run, written

ALERT = "joom.slow:joom/s1:1:2026-01-04T00:00:00Z"


def late(folder: Path) -> Path:
    return history(folder, event("order.placed", 0), event("order.shipped", 80))


def alerts(folder: Path) -> Path:
    output = run("replay", late(folder), "--pack", pack(folder)).stdout
    return written(folder / "alerts.jsonl", output)


def test_it_tells_what_was_said_when_and_why_and_what_proves_it(tmp_path: Path) -> None:
    lines = run("explain", ALERT, "--alerts", alerts(tmp_path), "--pack", tmp_path / "own.yaml").stdout.splitlines()
    assert lines[:2] == [ALERT, "resolved, overdue, critical: Order 1 was shipped 8 h late"]
    assert [line.split() for line in lines[3:5]] == [
        ["2026-01-04T00:00:00Z", "/1", "opened", "overdue", "critical", "deadline_passed"],
        ["2026-01-04T08:00:00Z", "/2", "resolved", "overdue", "critical", "fulfilled"],
    ]
    assert "    placed: at 2026-01-01T00:00:00Z  source test  event order.placed-1-0" in lines
    assert "    shipped: at 2026-01-04T08:00:00Z  source test  event order.shipped-1-80" in lines


def test_it_tells_the_rule_with_its_parameters_and_the_lines_they_come_from(tmp_path: Path) -> None:
    file = pack(tmp_path)
    result = run("explain", ALERT, "--alerts", alerts(tmp_path), "--pack", file)
    assert "  a test (ours)" in result.stdout
    assert f"    within = 72h  ours  {file}:12" in result.stdout


def test_history_can_be_told_of_as_well(tmp_path: Path) -> None:
    from_history = run("explain", ALERT, "--history", late(tmp_path), "--pack", pack(tmp_path))
    from_alerts = run("explain", ALERT, "--alerts", alerts(tmp_path), "--pack", tmp_path / "own.yaml")
    assert from_history.stdout == from_alerts.stdout


def test_the_clock_of_a_history_runs_on_as_far_as_wanted(tmp_path: Path) -> None:
    only_placed = history(tmp_path, event("order.placed", 0))
    command = ("explain", ALERT, "--history", only_placed, "--pack", pack(tmp_path))
    assert run(*command).stderr == f"there is no alert {ALERT}\n"
    assert "open, overdue, critical" in run(*command, "--until", "2026-01-04T00:00:00Z").stdout
    alone = run("explain", ALERT, "--until", "2026-01-04T00:00:00Z")
    assert (alone.exit_code, "--until goes with --history" in alone.stderr) == (2, True)


def test_what_compaction_took_is_owned_up_to(tmp_path: Path) -> None:
    newest = alerts(tmp_path).read_text().splitlines()[-1]
    file = written(tmp_path / "compacted.jsonl", newest + "\n")
    result = run("explain", ALERT, "--alerts", file, "--pack", tmp_path / "own.yaml")
    assert "(revisions before 2 are no longer in the topic)" in result.stdout


def test_an_alert_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    result = run("explain", "joom.slow:joom/s1:9:-", "--alerts", alerts(tmp_path))
    assert (result.exit_code, result.stderr) == (2, "there is no alert joom.slow:joom/s1:9:-\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--alerts", "missing.jsonl"), "missing.jsonl: No such file or directory"),
        (("--history", "missing.jsonl"), "missing.jsonl: No such file or directory"),
        ((), "SHIPCLOCK_BROKER is not set"),
    ],
)
def test_what_can_not_be_read_is_one_clear_line(
    arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHIPCLOCK_BROKER", raising=False)
    result = run("explain", ALERT, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_line_that_is_no_alert_is_told_with_its_number(tmp_path: Path) -> None:
    file = written(tmp_path / "alerts.jsonl", "\n{}\n")
    result = run("explain", ALERT, "--alerts", file)
    assert (result.exit_code, result.stderr.split(": ")[0]) == (2, f"{file}:2")


def test_the_alerts_of_an_order_are_listed_and_each_is_explained(tmp_path: Path) -> None:
    past = history(
        tmp_path,
        event("order.placed", 0),
        event("order.placed", 0, shop="s2"),
        event("order.shipped", 80, shop="s2"),
        event("order.placed", 0, order="2"),
    )
    until = ("--until", "2026-01-05T00:00:00Z")
    result = run("explain", "1", "--history", past, "--pack", pack(tmp_path), *until)
    lines = result.stdout.splitlines()
    assert lines[0] == "order 1: 2 alerts"
    assert [line.split()[:3] for line in lines[1:4:2]] == [
        ["open", "critical", "joom/s1"],
        ["resolved", "critical", "joom/s2"],
    ]
    for shop in ("s1", "s2"):
        assert f"joom.slow:joom/{shop}:1:2026-01-04T00:00:00Z" in lines  # where its trail begins
    assert "order 2" not in result.stdout.lower()
    nothing = run("explain", "9", "--history", past, "--pack", tmp_path / "own.yaml")
    assert (nothing.exit_code, nothing.stderr) == (2, "there is no alert of an order 9\n")
