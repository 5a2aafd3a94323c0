"""Programs that tests start and end themselves, and what is asked of a running Prometheus."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
LONG_S = 120.0


def program(name: str) -> str:
    """Where a program is; without it the test skips, or fails where TEST_REQUIRE=1."""
    beside = str(Path(sys.executable).parent)  # programs that came as packages
    found = shutil.which(name, path=f"{beside}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        absent = f"{name} is not installed"
        if os.environ.get("TEST_REQUIRE") == "1":
            pytest.fail(absent)
        pytest.skip(absent)
    return found


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Callable[[], None]]:
    """A process of one's own from here to the end of the block; what it says is in `log`.

    Gives a function that fails if the process has ended by itself.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, cwd=ROOT, env=os.environ | (environment or {}), start_new_session=True
        )

        def lives() -> None:
            assert process.poll() is None, f"{command[0]} ended by itself:\n{log.read_text()[-3000:]}"

        try:
            yield lives
            lives()
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def fetch(url: str, *, token: str = "") -> Any:
    """What is at `url`, read as JSON where it is. Raises OSError when nothing answers there."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urlopen(Request(url, headers=headers), timeout=10) as answer:
        text = answer.read().decode()
    return json.loads(text) if text[:1] in "[{" else text


def until(condition: Callable[[], Any], what: str, seconds: float = LONG_S) -> Any:
    """Waits for something to come true and returns it; who doesn't answer yet may still do so."""
    give_up = time.monotonic() + seconds
    while True:
        try:
            found = condition()
        except OSError:
            found = None
        if found:
            return found
        assert time.monotonic() < give_up, f"it did not come to pass: {what}"
        time.sleep(0.1)


class Prometheus:
    """A running server's answers."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: str) -> Any:
        return fetch(f"{self.url}/api/v1/{path}?{urlencode(parameters)}")["data"]

    def now(self, expr: str) -> list[dict[str, Any]]:
        """The newest sample of each series."""
        found: list[dict[str, Any]] = self.get("query", query=expr)["result"]
        return found

    def over(self, expr: str, seconds: float, step_s: float = 1) -> list[dict[str, Any]]:
        """Each series over the time up to now."""
        end = time.time()
        asked = {"query": expr, "start": str(end - seconds), "end": str(end), "step": str(step_s)}
        found: list[dict[str, Any]] = self.get("query_range", **asked)["result"]
        return found

    def values_of(self, label: str, series: str) -> list[str]:
        found: list[str] = self.get(f"label/{label}/values", **{"match[]": series})
        return found


@contextmanager
def prometheus(config: Path, folder: Path) -> Iterator[Prometheus]:
    """Debian's Prometheus with a configuration file of ours."""
    server = Prometheus(f"http://127.0.0.1:{free_port()}")
    command = [
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus-data'}",
        f"--web.listen-address={server.url.removeprefix('http://')}",
    ]
    with running(command, folder / "prometheus.log"):
        until(lambda: fetch(f"{server.url}/-/ready"), "Prometheus is ready")
        yield server
