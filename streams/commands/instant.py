"""A moment as an option's value."""

import re
from typing import Any

import click

from rules.calendar.instants import DAY_MS, from_rfc3339, is_believable

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class Instant(click.ParamType):
    """RFC 3339 with a zone, epoch milliseconds, or a date (UTC): its beginning, or its end where `ends` is true. As
    epoch ms."""

    name = "time"

    def __init__(self, *, ends: bool = False) -> None:
        self._ends = ends

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            if _DATE.fullmatch(value):
                at_ms = from_rfc3339(f"{value}T00:00:00Z") + (DAY_MS if self._ends else 0)
            else:
                at_ms = int(value) if value.isdecimal() else from_rfc3339(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not like 2026-01-31T18:30:00Z or 2026-01-31, nor epoch milliseconds", param, ctx)
        if not is_believable(at_ms):
            self.fail(f"{value} is no time between 2001 and 2100; epoch times are in milliseconds", param, ctx)
        return at_ms
