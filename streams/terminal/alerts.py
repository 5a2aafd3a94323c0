"""Alerts as they open, change and resolve."""

from collections.abc import Sequence
from typing import Any

from rich.panel import Panel
from rich.text import Text

from rules.messages.text import visible
from streams.terminal.lines import BORDER, Column, line, panel, total_width
from streams.terminal.shops import shop_column, shop_name
from streams.terminal.words import day_and_time, instant_ms, with_short_times

SEVERITIES = ("critical", "warning", "info")
SEVERITY_STYLE = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
TYPE_ICON = {"alert.opened": "●", "alert.updated": "◆", "alert.resolved": "✓"}
TYPE_WORD = {"alert.opened": "OPEN", "alert.updated": "UPDATE", "alert.resolved": "RESOLVE"}


def alert_line(alert: dict[str, Any], inside: int) -> Text:
    """One change of one alert. A resolved one is green whatever it was before: nobody need act on it."""
    data = alert["data"]
    resolved = alert["type"] == "alert.resolved"
    style = "green" if resolved else SEVERITY_STYLE[data["severity"]]
    left = [Column("icon", 1), Column("time", 12), shop_column(inside)]
    reason = Column("reason", 17, "right")
    summary = Column("summary", inside - total_width(left) - reason.width - 2)
    cells = [
        Text(TYPE_ICON[alert["type"]], style=style),
        Text(day_and_time(instant_ms(alert["time"])), style="dim"),
        shop_name(alert),
        Text(visible(with_short_times(data["summary"])), style="green" if resolved else ""),
        Text(visible(data["reason"]).replace("_", " "), style="dim"),
    ]
    return line(cells, [*left, summary, reason])


def alerts_panel(alerts: Sequence[dict[str, Any]], width: int, room: int) -> Panel:
    """The last `room` changes, newest on top; `alerts` has the newest last."""
    newest = [alerts[-1 - back] for back in range(min(room, len(alerts)))]
    lines = [alert_line(alert, width - BORDER) for alert in newest]
    title = "alerts  ● opened  ◆ updated  ✓ resolved"
    return panel(title, lines or [Text("all quiet", style="dim")], width)
