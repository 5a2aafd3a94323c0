"""The two ways to watch a run: a screen that redraws itself, and plain lines where there is no terminal."""

from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live

from rules.messages.text import visible
from streams.terminal.alerts import SEVERITIES, TYPE_WORD
from streams.terminal.board import Board, render
from streams.terminal.words import DAY_MS, moment


class LiveView:
    """Redraws the board on the terminal's alternate screen and gives the old screen back at the end.

    Nothing else may write to the terminal meanwhile: logs belong in a file.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)
        self._live = Live(
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def update(self, board: Board) -> None:
        """Draws the board in the terminal's present size; a few times a second is enough."""
        size = self._console.size
        self._live.update(render(board, size.width, size.height), refresh=True)


class PlainView:
    """One line for each change of an alert and one status line for each simulated day; no escape codes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._printed: set[str] = set()
        self._day: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def update(self, board: Board) -> None:
        """Prints the changes not printed before, then the status if a new day has begun."""
        for alert in board.alerts:
            if alert["id"] in self._printed:  # the board keeps older changes for the live view
                continue
            self._printed.add(alert["id"])
            data = alert["data"]
            place = f"{alert['platform']}/{alert['shop']}"
            word = TYPE_WORD[alert["type"]]
            self._print(f"{alert['time']} {word:7} {data['severity']:8} {place} {data['summary']}")
        day = board.at_ms // DAY_MS
        if day != self._day:
            self._day = day
            self._print(status(board))
        self._stream.flush()

    def _print(self, line: str) -> None:
        self._stream.write(visible(line) + "\n")


def status(board: Board) -> str:
    """One line on how things stand."""
    counts = ", ".join(f"{board.open_by_severity[severity]} {severity}" for severity in SEVERITIES)
    time = f"{moment(board.at_ms):%Y-%m-%dT%H:%M:%SZ}"
    return f"{time} STATUS  {board.events} events, {board.events_s:.0f} events/s, open alerts: {counts}"


def choose_view(stream: TextIO) -> LiveView | PlainView:
    """The live view for a terminal that can redraw, plain lines for a pipe, a file or a dumb terminal."""
    if stream.isatty() and not Console(file=stream).is_dumb_terminal:
        return LiveView(stream)
    return PlainView(stream)
