"""A moment as an option's value."""

from typing import Any

import click

from rules.calendar.instants import from_rfc3339, is_believable


class Instant(click.ParamType):
    """RFC 3339 with a zone, or epoch milliseconds; as epoch ms."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            at_ms = int(value) if value.isdecimal() else from_rfc3339(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not like 2026-01-31T18:30:00Z, nor epoch milliseconds", param, ctx)
        if not is_believable(at_ms):
            self.fail(f"{value} is no time between 2001 and 2100; epoch times are in milliseconds", param, ctx)
        return at_ms
