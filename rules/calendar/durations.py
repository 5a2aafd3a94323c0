"""Lengths of time and shares as packs write them: `72h`, `14d`, `2bd`, `5%`."""

import re
from fractions import Fraction

from rules.calendar.instants import DAY_MS, HOUR_MS

LONGEST_DAYS = 3660
"""Ten years. Nothing a marketplace asks for is longer, and far beyond it there are no dates."""

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d|w)")
_SHARE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(%?)")


class Span(int):
    """A length of time, or of working days."""

    @classmethod
    def parse(cls, text: str) -> "Span":
        """Raises ValueError."""
        return BusinessDays.parse(text) if text.endswith("bd") else Duration.parse(text)


class Duration(Span):
    """Milliseconds, written `90s`, `72h`, `14d` or several together: `1d12h`."""

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Raises ValueError."""
        parts = _DURATION.findall(text)
        if not parts or "".join(n + unit for n, unit in parts) != text:
            raise ValueError(f"{text!r} is no length of time; write it like 72h, 14d or 90m")
        return cls(_checked(sum(int(n) * _UNITS[unit] for n, unit in parts), LONGEST_DAYS * DAY_MS, text))

    def __str__(self) -> str:
        for unit in ("d", "h", "m", "s"):
            if self and self % _UNITS[unit] == 0 and not (unit == "d" and self < 3 * DAY_MS):
                return f"{self // _UNITS[unit]} {unit}"
        return f"{int(self)} ms"


class BusinessDays(Span):
    """Working days, written `2bd`."""

    @classmethod
    def parse(cls, text: str) -> "BusinessDays":
        """Raises ValueError."""
        if not re.fullmatch(r"\d+bd", text):
            raise ValueError(f"{text!r} is no number of working days; write it like 2bd")
        return cls(_checked(int(text[:-2]), LONGEST_DAYS, text))

    def __str__(self) -> str:
        return f"{int(self)} working days"


def _checked(length: int, longest: int, text: str) -> int:
    if length > longest:
        raise ValueError(f"{text} is longer than {LONGEST_DAYS} days")
    return length


class Share(Fraction):
    """An exact part of a whole, written `5%` or `0.05`."""

    @classmethod
    def parse(cls, text: str | float) -> "Share":
        """Raises ValueError."""
        match = _SHARE.fullmatch(str(text))
        part = Fraction(match[1]) / (100 if match[2] else 1) if match else None
        if part is None or part > 1:
            raise ValueError(f"{text!r} is no share; write it like 5% or 0.05")
        return cls(part)
