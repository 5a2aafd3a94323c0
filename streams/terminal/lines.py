"""Lines of fixed columns. A rich Table would size its columns by what is in them, and the board would jump
about while it runs."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.text import Text

BORDER = 4
"""Columns a panel takes from its contents: a line and a space on either side."""


class Column(NamedTuple):
    """One column: its heading, its width in terminal cells, its alignment."""

    title: str
    width: int
    align: Literal["left", "right"] = "left"


def fit(cell: Text, column: Column) -> Text:
    """A copy of `cell` that is exactly as wide as its column."""
    fitted = cell.copy()
    fitted.truncate(column.width, overflow="ellipsis")
    fitted.align(column.align, column.width)
    return fitted


def line(cells: Sequence[Text], columns: Sequence[Column]) -> Text:
    """The cells side by side, one space between."""
    return Text(" ").join(fit(cell, column) for cell, column in zip(cells, columns, strict=True))


def heading(columns: Sequence[Column]) -> Text:
    """The titles of the columns."""
    return line([Text(column.title, style="dim") for column in columns], columns)


def total_width(columns: Sequence[Column]) -> int:
    """Terminal cells a line of these columns takes."""
    return sum(column.width for column in columns) + len(columns) - 1


def panel(title: str, lines: Sequence[Text], width: int) -> Panel:
    """A titled frame, `width` columns wide; an overlong line is cut, never wrapped."""
    for text in lines:
        text.no_wrap = True
        text.overflow = "ellipsis"
    return Panel(
        Group(*lines),
        title=Text(title, style="bold not dim"),
        title_align="left",
        box=box.ROUNDED,
        border_style="dim",
        width=width,
    )
