"""`python -m tests.ops.audit`: are the packages that are installed here fit to be relied on?

From the registry, by pip: has a release been withdrawn (yanked), does it support every Python that shipclock does, do
all of them agree with each other, which are behind. From the advisory service that pip-audit asks: known
vulnerabilities; where that service gives no answers, this says so in plain words, for then nothing is known. Exits 1
on a finding.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

from tests.ops.support import ROOT

PYTHONS = ("3.11", "3.12", "3.13")
AUDITOR = ROOT / ".cache" / "audit"
"""An environment of its own, for a pip that tells of withdrawn releases, and pip-audit."""

KNOWN_BAD = "jinja2==2.4.1"
"""Has published vulnerabilities: a service that doesn't know of them doesn't answer."""


def main() -> int:
    _set_up()
    frozen = pip("freeze", "--exclude-editable")
    findings = [*of_registry(registry_says(frozen)), *inconsistencies()]
    for each in json.loads(pip("list", "--outdated", "--format=json")):
        print(f"behind: {each['name']} {each['version']}, newest {each['latest_version']}")
    if list(of_advisories(advisories(KNOWN_BAD))):
        findings += of_advisories(advisories(frozen))
    else:
        print("NOT CHECKED for known vulnerabilities: the advisory service can't be reached from here")
    for finding in findings:
        print(f"finding: {finding}")
    print(f"audit: {len(frozen.splitlines())} packages, {len(findings)} findings")
    return 1 if findings else 0


def _set_up() -> None:
    if not (AUDITOR / "bin" / "pip-audit").exists():
        subprocess.run([sys.executable, "-m", "venv", AUDITOR], check=True)
        wanted = ("install", "--quiet", "--upgrade", "pip>=25", "pip-audit>=2.9")
        subprocess.run([AUDITOR / "bin" / "python", "-m", "pip", *wanted], check=True)


def pip(*arguments: str) -> str:
    """What pip says of this environment."""
    command = [AUDITOR / "bin" / "python", "-m", "pip", "--python", sys.executable, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def registry_says(frozen: str) -> dict[str, Any]:
    """pip's installation report: what the registry tells of these very releases."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, report = Path(folder) / "frozen.txt", Path(folder) / "report.json"
        wanted.write_text(frozen)
        pip("install", "--dry-run", "--no-deps", "--ignore-installed", "-q", "--report", str(report), "-r", str(wanted))
        found: dict[str, Any] = json.loads(report.read_text())
        return found


def of_registry(report: dict[str, Any]) -> Iterator[str]:
    for each in report["install"]:
        metadata = each["metadata"]
        name = f"{metadata['name']} {metadata['version']}"
        if each["is_yanked"]:
            yield f"{name} has been withdrawn by its makers"
        supported = SpecifierSet(metadata.get("requires_python", ""))
        if left_out := [python for python in PYTHONS if python not in supported]:
            yield f"{name} does not support Python {', '.join(left_out)}"


def inconsistencies() -> Iterator[str]:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    if done.returncode:
        yield from done.stdout.splitlines()


def advisories(requirements: str) -> dict[str, Any]:
    """pip-audit's answer for pinned requirements; it skips, and calls it success, what it gets no answer for."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write(requirements)
        wanted.flush()
        options = ["--format=json", "--progress-spinner=off", "--disable-pip", "--no-deps", "--timeout=10"]
        command = [AUDITOR / "bin" / "pip-audit", *options, "-r", wanted.name]
        done = subprocess.run(command, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"dependencies": []}
    return found


def of_advisories(answer: dict[str, Any]) -> Iterator[str]:
    for each in answer["dependencies"]:
        for advisory in each.get("vulns", []):
            fixed = ", ".join(advisory["fix_versions"]) or "no release"
            yield f"{each['name']} {each['version']} has {advisory['id']}; fixed in {fixed}"


if __name__ == "__main__":
    sys.exit(main())
