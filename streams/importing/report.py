"""What went wrong in an import, and what was left out."""

from dataclasses import dataclass, field
from pathlib import Path


class UnreadableError(Exception):
    """The input can't be used at all; the message is ``file:line: what is wrong``."""


@dataclass(slots=True)
class Report:
    """What went wrong (`bad_rows`, ``file:line: message``), orders that have no time (`timeless`, likewise), and what
    was left out on purpose (`notes`)."""

    bad_rows: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    timeless: list[str] = field(default_factory=list)

    def bad_row(self, file: Path, line: int, message: str) -> None:
        self.bad_rows.append(f"{file}:{line}: {message}")

    def no_time(self, file: Path, line: int, order: str) -> None:
        self.timeless.append(f"{file}:{line}: order {order}: no time in any of its lines; left out")

    def note(self, message: str) -> None:
        self.notes.append(message)
