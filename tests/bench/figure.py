"""What a benchmark beside the job's found: each figure with the command that gives it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`name` says of what, and at which size; `command` gives this figure alone."""

    name: str
    value: float
    unit: str
    command: str

    def __str__(self) -> str:
        return f"{self.name}: {shown(self.value)} {self.unit}".rstrip()


def shown(value: float) -> str:
    """Three digits, and no fraction that says nothing."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def show(figures: Iterable[Figure]) -> None:
    """Prints the figures, those of one command together."""
    command = None
    for figure in figures:
        if figure.command != command:
            command = figure.command
            print(f"\n{command}")
        print(f"  {figure}", flush=True)
