"""What the audit of dependencies calls a finding."""

from typing import Any

from tests.ops.audit import of_advisories, of_registry


def release(name: str, python: str | None, *, yanked: bool = False) -> dict[str, Any]:
    """As pip's installation report has it."""
    metadata = {"name": name, "version": "1.0"} | ({} if python is None else {"requires_python": python})
    return {"metadata": metadata, "is_yanked": yanked}


def test_a_withdrawn_release_is_a_finding() -> None:
    report = {"install": [release("fine", ">=3.9"), release("gone", ">=3.9", yanked=True)]}
    assert list(of_registry(report)) == ["gone 1.0 has been withdrawn by its makers"]


def test_a_release_that_leaves_out_a_python_of_ours_is_a_finding() -> None:
    report = {"install": [release("new", ">=3.12"), release("old", "<3.13,>=3.8"), release("any", None)]}
    assert list(of_registry(report)) == [
        "new 1.0 does not support Python 3.11",
        "old 1.0 does not support Python 3.13",
    ]


def test_a_known_vulnerability_is_a_finding_and_a_package_nobody_knows_of_is_none() -> None:
    advisory = {"id": "PYSEC-1", "fix_versions": ["2.8.1"], "aliases": [], "description": "…"}
    answer = {
        "dependencies": [
            {"name": "jinja2", "version": "2.4.1", "vulns": [advisory, advisory | {"id": "X", "fix_versions": []}]},
            {"name": "fine", "version": "1.0", "vulns": []},
            {"name": "unknown", "skip_reason": "Dependency not found on PyPI and could not be audited"},
        ]
    }
    assert list(of_advisories(answer)) == [
        "jinja2 2.4.1 has PYSEC-1; fixed in 2.8.1",
        "jinja2 2.4.1 has X; fixed in no release",
    ]
