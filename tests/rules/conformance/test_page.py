"""`deploy/docs/adding-a-kind.md` does what it says: its kind is added to a copy of the project, from its own code."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules.history import ROOT

PAGE = (ROOT / "deploy/docs/adding-a-kind.md").read_text()

BLOCK = re.compile(r"^`([^`\n]+)`:\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A file's name, the language, and what is to be in it."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the page's kind in it."""
    copy = tmp_path_factory.mktemp("project")
    for folder in ("rules", "streams", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "test_page.py"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name, language, text in BLOCK.findall(PAGE):
        path = copy / name
        if language == "diff":
            path.write_text(patched(path.read_text(), text))
        else:
            assert not path.exists()
            path.write_text(text)
    return copy


def patched(text: str, diff: str) -> str:
    """With each added line behind the one before it, which must stand there once."""
    lines = text.splitlines()
    at = None
    for line in diff.splitlines():
        if line[0] == "+":
            assert at is not None
            at += 1
            lines.insert(at, line[1:])
        else:
            assert lines.count(line[1:]) == 1, line
            at = lines.index(line[1:])
    return "\n".join(lines) + "\n"


def run(project: Path, *command: str) -> str:
    """What a command says that Python is given there."""
    environment = os.environ | {"PYTHONPATH": str(project)}
    done = subprocess.run(
        [sys.executable, *command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shipclock(project: Path, *command: str) -> str:
    return run(project, "-c", "from streams.cli import main; main()", *command)


def test_the_new_kind_passes_the_conformance_suite(project: Path):
    suites = ("tests/rules/conformance", "tests/rules/engine/test_growth.py")
    alerts = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *suites, "-k", "freshness")
    tests_of_each_example = 8
    assert int(re.search(r"(\d+) passed", alerts)[1]) > tests_of_each_example  # type: ignore[index]


def test_a_pack_that_uses_it_is_checked_and_its_tests_pass(project: Path):
    shipclock(project, "check", "freshness.yaml")
    assert "2 tests passed" in shipclock(project, "test", "freshness.yaml", "--coverage")


def test_without_its_example_the_suite_fails(project: Path):
    example = project / "tests/rules/conformance/examples/freshness.py"
    text = example.read_text()
    example.unlink()
    try:
        with pytest.raises(AssertionError, match="no example of kind freshness"):
            run(
                project,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "tests/rules/conformance",
                "-k",
                "every_registered",
            )
    finally:
        example.write_text(text)


def test_editors_are_told_of_it(project: Path):
    assert '"Freshness"' in shipclock(project, "schema")
