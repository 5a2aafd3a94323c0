"""Files that only the npm registry has, fetched once and kept in the cache."""

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

_CACHE = Path(__file__).parents[2] / ".cache"


def npm_package(name: str, version: str) -> Path:
    """The unpacked folder of a package. Without npm the test skips, or fails where TEST_REQUIRE=1."""
    folder = _CACHE / f"{name.replace('/', '+')}-{version}"
    if folder.exists():
        return folder
    if not shutil.which("npm"):
        _give_up("npm is not installed")
    _CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as fetched:
        pack = ["npm", "pack", "--silent", f"{name}@{version}"]
        done = subprocess.run(pack, cwd=fetched, capture_output=True, text=True)
        if done.returncode:
            _give_up(f"npm could not fetch {name}: {done.stderr.strip()[-300:]}")
        with tarfile.open(Path(fetched) / done.stdout.split()[-1]) as packed:
            packed.extractall(fetched, filter="data")
        (Path(fetched) / "package").rename(folder)
    return folder


def _give_up(why: str) -> None:
    if os.environ.get("TEST_REQUIRE") == "1":
        pytest.fail(why)
    pytest.skip(why)
