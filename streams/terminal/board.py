"""The whole board at one moment: header, shops, deadlines, alerts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from streams.terminal.alerts import SEVERITIES, SEVERITY_STYLE, alerts_panel
from streams.terminal.deadlines import Due, deadlines_panel
from streams.terminal.shops import shops_panel
from streams.terminal.words import moment

__all__ = ["Board", "Due", "render"]

HEIGHT = 40
"""Lines a board takes when nobody says how many there are."""

FRAME = 8
"""Lines that are neither a shop, a deadline nor an alert: the header and three frames."""

SHOPS = 16
"""Lines the shops get at most (a heading, a dozen shops, some with a second line); alerts take the rest."""

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Board:
    """What the view shows.

    `at_ms` is the simulated clock in epoch milliseconds. `standings` are shops as the contract has them, with
    `open_orders` beside if known. `due` is in any order. `alerts` are the last changes as CloudEvents, newest
    last, at least every one since the board before. `open_by_severity` counts all open alerts. `events` are
    counted since the start, `events_s` per second of real time. `speed` is simulated seconds per real second.
    `console` is the address at which a browser shows more. `titles` is what people call each clause.
    """

    at_ms: int
    standings: list[dict[str, Any]]
    due: list[Due]
    alerts: Sequence[dict[str, Any]]
    open_by_severity: Counter[str]
    events: int
    events_s: float
    speed: float
    console: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)


def between(left: Text, right: Text, width: int) -> Text:
    """`left` and `right` at the two ends of one line."""
    gap = max(width - left.cell_len - right.cell_len, 1)
    joined = Text.assemble(left, " " * gap, right, no_wrap=True, overflow="ellipsis")
    joined.truncate(width, overflow="ellipsis")
    return joined


def header(board: Board, width: int) -> list[Text]:
    """Two lines: what time it is and how fast it runs; what has gone through and what is open."""
    clock = Text.assemble(
        (" shipclock ", "bold reverse"), "  ", (f"{moment(board.at_ms):%a %d %b %Y  %H:%M} UTC", "bold")
    )
    pace = Text(f"{board.console}  a day in {DAY_S / board.speed:.1f} s  ×{board.speed:,.0f} ", style="dim")
    events = Text.assemble((f" {board.events:,}", "bold"), " events  ", (f"{board.events_s:,.0f}", "bold"), " events/s")
    counts = [
        Text.assemble(
            (f"{board.open_by_severity[severity]:,}", SEVERITY_STYLE[severity]),
            f" {severity}",
            style="default",
        )
        for severity in SEVERITIES
    ]
    open_alerts = Text.assemble("open alerts  ", Text("  ").join(counts), " ")
    return [between(clock, pace, width), between(events, open_alerts, width)]


def render(board: Board, width: int, height: int = HEIGHT) -> RenderableType:
    """The board, exactly `width` columns (80 or more) and at most `height` lines (20 or more)."""
    room = height - FRAME
    shops = min(room // 2, SHOPS)
    dues = room // 5
    return Group(
        *header(board, width),
        shops_panel(board.standings, board.at_ms, width, shops, board.titles),
        deadlines_panel(board.due, board.at_ms, width, dues),
        alerts_panel(board.alerts, width, room - shops - dues),
    )
