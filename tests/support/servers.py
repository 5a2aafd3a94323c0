"""Real servers from Debian's packages, one process each on a free loopback port."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import pytest

from tests.support.ports import free_port

START_S = 30.0


def missing(tool: str, package: str) -> None:
    """Skips the test that can't run here, or fails where TEST_REQUIRE=1."""
    reason = f"{tool} is not installed (Debian package {package})"
    if os.environ.get("TEST_REQUIRE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


class Server:
    """A process; a context manager that leaves none behind. `hang` and `go_on` stop and continue it as a whole."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        log = self.folder / "server.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(self.command(), stdout=out, stderr=out, cwd=self.folder)
        give_up = time.monotonic() + START_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"it did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def hang(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class RedisServer(Server):
    """Keeps nothing on disk. `options` are redis-server's, as on its command line."""

    def __init__(self, folder: Path, *options: str, tls: bool = False) -> None:
        if not shutil.which("redis-server"):
            missing("redis-server", "redis-server")
        super().__init__(folder)
        self._options, self._tls = options, tls

    @property
    def url(self) -> str:
        return f"redis{'s' if self._tls else ''}://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        ports = ["--port", "0", "--tls-port", str(self.port)] if self._tls else ["--port", str(self.port)]
        quiet = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        return ["redis-server", *ports, *quiet, *self._options]

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


class AlertmanagerServer(Server):
    """Tells nobody of anything."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("prometheus-alertmanager"):
            missing("prometheus-alertmanager", "prometheus-alertmanager")
        super().__init__(folder)
        (folder / "alertmanager.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [
            "prometheus-alertmanager",
            "--config.file=alertmanager.yml",
            "--storage.path=data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
