"""`shipclock report` used wrongly: one line, and 2."""

import pytest

from tests.commands.support import run


@pytest.mark.parametrize("week", ["2026-48", "yesterday", "2026-W60"])
def test_what_is_no_week_is_refused_in_one_line(week: str) -> None:
    result = run("report", "--week", week)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("shipclock report: Invalid value for '--week':") and result.stderr.count("\n") == 1


def test_a_missing_broker_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHIPCLOCK_BROKER", raising=False)
    result = run("report")
    assert result.exit_code == 2
    assert result.stderr == "shipclock report: SHIPCLOCK_BROKER is not set; write it like kafka://localhost:9092\n"
