"""What is run where: the quick tests by `make test`, all of them, on real components, by CI."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.ops.support import ROOT
from tests.support.order import longest_first

pytest_plugins = ["pytester"]

CI = (ROOT / ".ci/run").read_text()
WORKFLOWS = {file.stem: yaml.safe_load(file.read_text()) for file in (ROOT / ".github/workflows").glob("*.yml")}


def command_lines(target: str, **settings: str) -> str:
    """The command lines of a target of the Makefile, its environment taken to be there."""
    given = [f"{name}={value}" for name, value in settings.items()]
    command = ["make", "--no-print-directory", "--dry-run", "--old-file=.venv/ready", target, *given]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def steps(job: dict[str, Any]) -> list[str]:
    return [step.get("run", "") for step in job["steps"]]


def test_ci_runs_every_test_and_none_may_skip() -> None:
    before, run, _ = CI.partition("make test-all")
    assert run, "make test leaves the slow tests out"
    assert "export TEST_REQUIRE=1" in before
    assert '-m "not slow"' not in command_lines("test-all")
    for workflow in ("ci", "release"):
        assert any(".ci/run" in step for job in WORKFLOWS[workflow]["jobs"].values() for step in steps(job))


def test_ci_prints_the_coverage_that_it_has_measured() -> None:
    measured, _, shown = CI.rpartition("make coverage")
    assert re.search(r"make test-all ARGS=.*--cov\b", measured)
    assert shown.strip() == "", "it is what CI ends with"


def test_the_files_of_tests_that_the_makefile_names_are_there() -> None:
    named = {
        word for target in ("newest", "fuzz") for word in command_lines(target).split() if word.startswith("tests/")
    }
    assert len(named) > 2
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_make_test_leaves_only_slow_tests_and_some_examples_out() -> None:
    assert '-m "not slow"' in command_lines("test")
    says, *runs = command_lines("test").splitlines()
    assert says.startswith('echo "takes ')
    in_short = "\n".join(runs).replace(' -m "not slow"', "").replace("HYPOTHESIS_PROFILE=quick ", "")
    assert in_short.strip() == command_lines("test-all").strip()


@pytest.mark.parametrize("processes", ["0", "2"])
def test_how_many_slow_tests_are_left_out_is_said(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, processes: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take seconds to load
    pytester.makeini("[pytest]\nmarkers = slow: slow")
    pytester.makeconftest(
        "from tests.support.left_out import LeftOut\n"
        "def pytest_configure(config): config.pluginmanager.register(LeftOut())"
    )
    slow, quick = "@pytest.mark.slow\ndef test_{}(): pass\n", "def test_{}(): pass\n"
    pytester.makepyfile("import pytest\n" + slow.format("a") + slow.format("b") + quick.format("c"))
    done = pytester.runpytest_subprocess("-p", "xdist", "-n", processes, "-m", "not slow")
    done.stdout.fnmatch_lines(["slow tests left out: 2; `make test-all` runs them", "*1 passed*"])
    everything = pytester.runpytest_subprocess("-p", "xdist", "-n", processes)
    everything.stdout.no_fnmatch_line("*left out*")


@pytest.mark.parametrize("processes", ["0", "2"])
def test_tests_that_take_long_are_not_measured(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, processes: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(
        "from tests.support import measured\n"
        "def pytest_configure(config): measured.stop_the_second_measurement(config)\n"
        "def pytest_collection_modifyitems(items): measured.leave_out_long_tests(items)\n"
    )
    pytester.makeini("[pytest]\nmarkers = slow: slow")
    pytester.makepyfile(
        "import pytest\n"
        "from coverage import Coverage\n"
        "from hypothesis import given, settings, strategies\n"
        "def test_measured(): assert Coverage.current()\n"
        "@given(strategies.none())\n"
        "@settings(database=None)\n"
        "def test_property(_): assert not Coverage.current()\n"
        "@pytest.mark.slow\n"
        "def test_slow(): assert not Coverage.current()\n"
        "@pytest.fixture\n"
        "def browser(): return None\n"
        "def test_page(browser): assert not Coverage.current()\n"
        "def test_measured_again(): assert Coverage.current()\n"
    )
    plugins = ("-p", "xdist", "-p", "pytest_cov", "-p", "_hypothesis_pytestplugin")
    pytester.runpytest_subprocess(*plugins, "-n", processes, "--cov", "--cov-report=").assert_outcomes(passed=5)


def item(nodeid: str, *marks: str, **more: Any) -> Any:
    return SimpleNamespace(nodeid=nodeid, get_closest_marker=lambda mark: mark if mark in marks else None, **more)


def test_files_that_take_long_come_first_each_in_its_own_order() -> None:
    items = [
        item("quick.py::1"),
        item("quick.py::2"),
        item("web.py::1", fixturenames=["browser"]),
        item("kafka.py::1", "kafka"),
        item("kafka.py::2"),
        item("outage.py::1"),
        item("outage.py::2", "kafka", "slow"),
    ]
    longest_first(items)
    files = [Path(each.nodeid.partition("::")[0]).stem for each in items]
    assert files == ["outage", "outage", "kafka", "kafka", "web", "quick", "quick"]
    assert [each.nodeid[-1] for each in items] == ["1", "2", "1", "2", "1", "1", "2"]
