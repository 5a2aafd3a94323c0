"""The driver for tests of rules, and that deploy/docs/testing-rules.md works as it stands there."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from rules.harness.driver import Driver
from tests.commands.support import run
from tests.rules.history import ROOT, brief, late_ship, pack

PAGE = (ROOT / "deploy" / "docs" / "testing-rules.md").read_text()
(PACK,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
(PROGRAM,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PLACED = {"at": "0h", "type": "order.placed", "order": "1"}


def test_the_pack_of_the_page_passes_its_own_tests(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(PACK)
    result = run("test", tmp_path / "acme.yaml", "--coverage")
    assert result.exit_code == 0, result.output


def test_the_tests_of_the_page_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme.yaml").write_text(PACK)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(PROGRAM, os.fspath(tmp_path / "test_acme.py"), "exec"), names)
    tests = [each for name, each in names.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


def test_events_of_the_clocks_own_instant_are_still_in_time() -> None:
    driver = Driver(pack(late_ship(within="2h")))
    driver.feed(PLACED, {"at": "2h", "type": "order.placed", "order": "2"})
    driver.feed({"at": "2h", "type": "order.shipped", "order": "1"})
    driver.advance("3h")
    assert driver.alerts() == []
    driver.advance("9h")
    assert brief(driver.alerts()) == ["4h opened overdue deadline_passed"]


def test_time_never_goes_back() -> None:
    driver = Driver(pack(late_ship()))
    driver.feed({**PLACED, "at": "80h"})
    driver.advance("10h")
    driver.feed({"at": "0h", "type": "order.placed", "order": "2"})
    assert brief(driver.alerts()) == ["80h opened overdue deadline_passed"]


def test_of_events_among_which_one_is_none_no_one_is_taken() -> None:
    driver = Driver(pack(late_ship()))
    with pytest.raises(ValueError, match="event 2"):
        driver.feed(PLACED, {"at": "1h", "type": "order.teleported", "order": "1"})
    driver.advance("100h")
    assert driver.alerts() == []


def test_packs_for_one_platform_and_for_all_watch_the_same_shop() -> None:
    both = pack(late_ship()), pack({**late_ship(within="24h"), "id": "any.late"}, platform="*")
    driver = Driver(*both)
    driver.feed({**PLACED, "order": "1..2"})
    driver.advance("2026-01-05T00:00:00Z")
    assert [(alert.data.rule, alert.order) for alert in driver.alerts()] == [
        ("any.late", "1"),
        ("any.late", "2"),
        ("joom.late", "1"),
        ("joom.late", "2"),
    ]
