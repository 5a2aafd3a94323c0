"""Runs each demo under a real Prometheus for a while, then has Chromium draw each dashboard."""

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.ops.conftest import FEEDS_SPEED, scraping
from tests.ops.dashboards import Panel, boards, panels
from tests.ops.pictures.drawing import drawn
from tests.ops.support import ROOT, Prometheus, program
from tests.ops.test_dashboards import CHOSEN

SPEED = 7_200.0
"""A day in twelve seconds."""

LASTS_S = 120.0
WIDTH_PX = 1500
ROW_PX = 36
UPLOT = "1.6.32"

CHROMIUM_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--force-device-scale-factor=1", "--virtual-time-budget=3000"),
]


def main() -> None:
    draw([board for board in boards() if board != "feeds"], str(SPEED))
    draw(["feeds"], str(FEEDS_SPEED), "feed")


def draw(wanted: list[str], *demo: str) -> None:
    with tempfile.TemporaryDirectory(prefix="shipclock-pictures-") as name:
        folder = Path(name)
        with scraping(folder, *demo) as (server, _):
            time.sleep(LASTS_S)
            pages = {board: page(server, board) for board in wanted}
        for board, html in pages.items():
            (folder / f"{board}.html").write_text(html)
            photograph(folder / f"{board}.html", ROOT / "deploy" / "pictures" / f"{board}.png", height_px(board))


def page(server: Prometheus, board: str) -> str:
    """One dashboard with what Prometheus answers at this moment."""
    found = [drawn(panel, panel.answers(server, CHOSEN[board], LASTS_S - 10)) for panel in of(board)]
    chosen = {name: "all" if value == ".*" else value for name, value in CHOSEN[board].items()}
    shown = {"title": boards()[board]["title"], "chosen": chosen, "panels": found, "rowPx": ROW_PX}
    template = Path(__file__).with_name("page.html").read_text()
    library = uplot()
    for mark, text in (
        ("/*UPLOT-CSS*/", (library / "uPlot.min.css").read_text()),
        ("/*UPLOT-JS*/", (library / "uPlot.iife.min.js").read_text()),
        ("/*SHOWN*/null", json.dumps(shown)),
    ):
        template = template.replace(mark, text)
    return template


def of(board: str) -> list[Panel]:
    return [panel for panel in panels() if panel.board == board]


def height_px(board: str) -> int:
    rows: int = max(panel.json["gridPos"]["y"] + panel.json["gridPos"]["h"] for panel in of(board))
    return rows * ROW_PX + 80


def uplot() -> Path:
    """uPlot's files, from its npm package."""
    folder = ROOT / ".cache" / f"uplot-{UPLOT}"
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run([program("npm"), "pack", "--silent", f"uplot@{UPLOT}"], cwd=folder, check=True)
        subprocess.run(["tar", "--extract", f"--file=uplot-{UPLOT}.tgz"], cwd=folder, check=True)
    return folder / "package" / "dist"


def photograph(page: Path, picture: Path, height_px: int) -> None:
    size = f"--window-size={WIDTH_PX},{height_px}"
    profile = f"--user-data-dir={page.with_suffix('.profile')}"
    command: list[Any] = [program("chromium"), *CHROMIUM_FLAGS, size, profile, f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
