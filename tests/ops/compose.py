"""docker-compose.yml as the compose specification's own implementation (compose-go) understands it."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.ops.support import ROOT, program

VERSION = "v2.16.2"


@cache
def loader() -> Path:
    """compose-go's command, built from its Go module once and kept."""
    folder = ROOT / ".cache" / f"compose-go-{VERSION}"
    if not (folder / "cmd").exists():
        module = f"github.com/compose-spec/compose-go/v2/cmd@{VERSION}"
        subprocess.run([program("go"), "install", module], check=True, env=os.environ | {"GOBIN": str(folder)})
    return folder / "cmd"


def load(folder: Path) -> dict[str, Any]:
    """Reads the file from a copy with nothing of this machine around it. Fails on what the specification forbids."""
    copy = folder / "docker-compose.yml"
    shutil.copy(ROOT / "docker-compose.yml", copy)
    done = subprocess.run([loader(), copy.name], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)
    return found
