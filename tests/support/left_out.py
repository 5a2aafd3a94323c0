"""Says how many slow tests a run has left out."""

from collections.abc import Sequence
from typing import Any

import pytest


class LeftOut:
    """A plugin of pytest, which itself says nothing of what is left out where pytest-xdist runs the tests."""

    def __init__(self) -> None:
        self._count = 0

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._count += sum(item.get_closest_marker("slow") is not None for item in items)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if (workeroutput := getattr(session.config, "workeroutput", None)) is not None:
            workeroutput["left_out"] = self._count

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Each process of pytest-xdist has collected, and left out, the same tests."""
        self._count = max(self._count, getattr(node, "workeroutput", {}).get("left_out", 0))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._count:
            terminalreporter.write_line(f"slow tests left out: {self._count}; `make test-all` runs them")
