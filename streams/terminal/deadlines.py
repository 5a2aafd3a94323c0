"""The nearest deadlines, counting down."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import ceil

from rich.panel import Panel
from rich.text import Text

from rules.messages.text import visible
from streams.terminal.lines import BORDER, Column, line, panel, total_width
from streams.terminal.metrics import stroke
from streams.terminal.shops import shop_column, shop_name
from streams.terminal.words import HOUR_MS, countdown, day_and_time, money, short_id

URGENT_MS = 6 * HOUR_MS
SOON_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Due:
    """An open order and its next deadline, `due_ms` in epoch milliseconds; `rule` is what people call the deadline's
    rule, `amount` the money at stake."""

    platform: str
    shop: str
    order: str
    rule: str
    due_ms: int
    amount: str | None
    currency: str | None

    def left_ms(self, at_ms: int) -> int:
        """What is left until the deadline; negative when it has passed."""
        return self.due_ms - at_ms


def due_style(left_ms: int) -> str:
    """Red when it is nearly too late, yellow within the day."""
    if left_ms < URGENT_MS:
        return "bold red"
    return "yellow" if left_ms < SOON_MS else "green"


def due_line(due: Due, at_ms: int, inside: int) -> Text:
    """One deadline; the bar is the time left of the last 24 hours."""
    columns = [
        Column("in", 11),
        shop_column(inside),
        Column("order", 12),
        Column("rule", 18),
        Column("due", 12),
        Column("at stake", 11, "right"),
    ]
    left_ms = due.left_ms(at_ms)
    style = due_style(left_ms)
    cells = [
        Text(countdown(left_ms), style=style),
        shop_name({"platform": due.platform, "shop": due.shop}),
        Text(short_id(due.order)),
        Text(visible(due.rule), style="dim"),
        Text(day_and_time(due.due_ms), style="dim"),
        Text("" if due.amount is None else money(due.amount, due.currency or "")),
    ]
    if inside < total_width(columns):  # the countdown already says when it is due
        del columns[4], cells[4]
    rest = inside - total_width(columns) - 1
    if rest > 4:
        halves = ceil(min(max(left_ms, 0) / SOON_MS, 1) * rest * 2)
        columns.insert(1, Column("left", rest))
        cells.insert(1, stroke(halves, rest, style))
    return line(cells, columns)


def deadlines_panel(dues: Sequence[Due], at_ms: int, width: int, room: int) -> Panel:
    """The `room` nearest deadlines."""
    nearest = nsmallest(room, dues, key=lambda due: (due.left_ms(at_ms), due.platform, due.shop, due.order))
    lines = [due_line(due, at_ms, width - BORDER) for due in nearest]
    return panel("nearest deadlines", lines or [Text("nothing is due", style="dim")], width)
