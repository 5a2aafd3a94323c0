from pathlib import Path

import pytest

from tests.commands.support import JOB, PACK, pack, run

UNTESTED = PACK[: PACK.index("\ntests:")]


def test_the_built_in_packs_pass_and_leave_no_holes() -> None:
    result = run("test", "--coverage")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(" tests passed\n")


@pytest.mark.parametrize("file", [JOB, "deploy/examples/olist.yaml"])
def test_the_benchmarks_pack_and_the_example_pass_and_leave_no_holes(file: str) -> None:
    assert run("test", file, "--coverage").exit_code == 0


def test_a_failure_is_told_with_the_line_of_its_test(tmp_path: Path) -> None:
    file = pack(tmp_path, "- {at: 72h, rule", "- {at: 71h, rule")
    result = run("test", file)
    assert result.stdout == (
        f"{file}:17: an order is late after 72 hours: "
        "joom.slow:joom/s1:1:2026-01-04T00:00:00Z: at should be 71h, is 72h\n"
    )
    assert (result.exit_code, result.stderr) == (1, "1 of 1 tests failed\n")


def test_an_alert_that_does_not_come_is_a_failure(tmp_path: Path) -> None:
    file = pack(tmp_path, '      - {at: 80h, type: order.shipped, order: "1"}\n', "")
    assert run("test", file).stdout.endswith(": missing: joom.slow at 80h\n")


def test_an_alert_that_nobody_expects_is_a_failure(tmp_path: Path) -> None:
    expected = '      - {at: 80h, rule: joom.slow, order: "1", change: resolved}\n'
    file = pack(tmp_path, expected, "")
    result = run("test", file)
    assert "not expected: alert.resolved overdue of joom.slow:joom/s1:1:" in result.stdout
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("type: order.placed", "type: order.plced", "event 1: Invalid value 'order.plced'"),
        ('type: order.placed, order: "1"', "type: order.placed, order: 1", "event 1: Expected `str`, got `int`"),
        ('order: "1"}', 'order: "1", data: {x: !!binary aGk=}}', "Type is not JSON serializable: bytes"),
        ("until: 90h", "until: 90h\n    start: someday", "Invalid isoformat string: 'someday'"),
        ("change: opened", "chance: opened", "chance is nothing an alert is compared by"),
    ],
)
def test_a_test_that_can_not_be_run_is_a_failure(tmp_path: Path, old: str, new: str, why: str) -> None:
    result = run("test", pack(tmp_path, old, new))
    assert f": can't be run: {why}" in result.stdout
    assert result.exit_code == 1


def test_coverage_names_stages_never_opened_and_rules_never_resolved(tmp_path: Path) -> None:
    file = pack(tmp_path, PACK, UNTESTED)
    result = run("test", file, "--coverage")
    assert result.stdout.splitlines() == [
        f"{file}: joom.slow: no test reaches overdue",
        f"{file}: joom.slow: no test resolves it",
    ]
    assert result.exit_code == 1
    assert result.stderr == "0 tests passed, but 2 stages are never opened or rules never resolved\n"


def test_an_alert_that_no_test_looks_at_covers_nothing(tmp_path: Path) -> None:
    rule = PACK[PACK.index("  - id") : PACK.index("\ntests:")]
    other = rule.replace("joom.slow", "joom.slower").replace("72h", "73h")
    file = pack(
        tmp_path, PACK, PACK.replace("\ntests:", f"{other}\ntests:").replace("90h", "90h\n    rules: [joom.slow]")
    )
    assert run("test", file, "--coverage").stdout.splitlines() == [
        f"{file}: joom.slow: no test (that names it in `rules`) stays clear of overdue",
        f"{file}: joom.slower: no test reaches overdue",
        f"{file}: joom.slower: no test resolves it",
    ]


def test_a_stage_that_every_test_of_its_rule_reaches_is_a_hole(tmp_path: Path) -> None:
    clear = """
  - name: an order shipped in time is not late
    rules: [joom.slow]
    events:
      - {at: 0h, type: order.placed, order: "1"}
      - {at: 72h, type: order.shipped, order: "1"}
    until: 90h
    expect: []
"""
    hole = "joom.slow: no test (that names it in `rules`) stays clear of overdue"
    assert run("test", pack(tmp_path), "--coverage").stdout.splitlines() == [f"{tmp_path}/own.yaml: {hole}"]
    assert run("test", pack(tmp_path, PACK, PACK + clear), "--coverage").exit_code == 0


def test_what_has_no_stages_wants_a_test_of_its_figures(tmp_path: Path) -> None:
    share = """\
  - id: joom.share
    clause: joom-13
    kind: ratio
    source: a test
    confidence: ours
    numerator: {late: joom.slow}

"""
    standing = "    standing: {metrics: {joom-13: {numerator: 1, denominator: 1, value: 1.0}}}\n    expect:"
    untold = PACK.replace("\ntests:", f"\n{share}tests:")
    assert "joom.share: no test looks at its figures" in run("test", pack(tmp_path, PACK, untold), "--coverage").stdout
    file = pack(tmp_path, PACK, untold.replace("    expect:", standing))
    assert "joom.share" not in run("test", file, "--coverage").stdout
    wrong = pack(tmp_path, PACK, untold.replace("    expect:", standing.replace("1.0", "0.5")))
    assert "standing.metrics.joom-13.value should be 0.5, is 1.0" in run("test", wrong).stdout


def test_holes_are_no_failure_where_nobody_asks_for_coverage(tmp_path: Path) -> None:
    assert run("test", pack(tmp_path, PACK, UNTESTED)).exit_code == 0


def test_a_pack_with_a_mistake_is_not_tested(tmp_path: Path) -> None:
    file = pack(tmp_path, "within: 72h", "within: soon")
    result = run("test", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{file}:12: 'soon' is no length of time")


def test_a_pack_that_is_not_there_is_wrong_use() -> None:
    assert run("test", "nowhere").exit_code == 2
