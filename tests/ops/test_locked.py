"""`make lock` has pinned what make, CI and the image install."""

import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.ops.support import DEPLOY, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMAGE = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["image"]]
EVERYTHING = [
    *PROJECT["dependencies"],
    *PROJECT["optional-dependencies"]["dev"],
    *PROJECT["optional-dependencies"]["deploy"],
]


def pinned(name: str) -> dict[str, str]:
    """Releases by package, as a file in `deploy` pins them."""
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in _requirements(name)}


def _requirements(name: str) -> Iterator[Requirement]:
    joined = (DEPLOY / name).read_text().replace("\\\n", " ")
    return (Requirement(line.partition("--hash")[0]) for line in joined.splitlines())


@pytest.mark.parametrize(("name", "wanted"), [("constraints.txt", EVERYTHING), ("requirements.txt", IMAGE)])
def test_every_dependency_is_pinned_to_a_release_that_the_project_allows(name: str, wanted: list[str]) -> None:
    releases = pinned(name)
    for requirement in map(Requirement, wanted):
        release = releases.get(canonicalize_name(requirement.name))
        assert release is not None, f"{requirement} is missing from {name}: run make lock"
        assert release in requirement.specifier, f"{name} has {requirement.name} {release}: run make lock"


def test_the_image_installs_the_releases_that_the_tests_run_with() -> None:
    tested, shipped = pinned("constraints.txt"), pinned("requirements.txt")
    only_in_the_image = {"setuptools"}
    assert {name: tested.get(name) for name in shipped.keys() - only_in_the_image} == {
        name: release for name, release in shipped.items() if name not in only_in_the_image
    }


def test_everything_the_image_installs_has_a_hash() -> None:
    joined = (DEPLOY / "requirements.txt").read_text().replace("\\\n", " ")
    assert [line for line in joined.splitlines() if "--hash=sha256:" not in line] == []


@pytest.mark.parametrize("name", ["constraints.txt", "requirements.txt"])
def test_no_registry_is_named(name: str) -> None:
    text = (DEPLOY / name).read_text()
    assert "://" not in text
    assert "--index-url" not in text
