"""The dashboards as Grafana would ask Prometheus for them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.ops.support import DEPLOY, Prometheus

FOLDER = DEPLOY / "grafana" / "dashboards"

RATE_INTERVAL_S = 10
"""Grafana takes four scrape intervals, and more; here Prometheus scrapes every second."""


@dataclass(frozen=True)
class Panel:
    """One panel of a dashboard's JSON."""

    board: str
    json: Mapping[str, Any]

    @property
    def title(self) -> str:
        return str(self.json["title"])

    def answers(self, server: Prometheus, chosen: Mapping[str, str], seconds: float) -> list[list[dict[str, Any]]]:
        """What Prometheus answers to each of its queries; `chosen` are the variables' values."""
        found = []
        for target in self.json["targets"]:
            expr = fill(target["expr"], chosen)
            found.append(server.now(expr) if target.get("instant") else server.over(expr, seconds))
        return found


def fill(expr: str, chosen: Mapping[str, str]) -> str:
    expr = expr.replace("$__rate_interval", f"{RATE_INTERVAL_S}s")
    return re.sub(r"\$(\w+)", lambda name: chosen[name[1]], expr)


def boards() -> dict[str, dict[str, Any]]:
    """By file name."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}


def panels() -> Iterator[Panel]:
    for name, board in boards().items():
        for panel in board["panels"]:
            yield Panel(name, panel)
