"""The machine's clock."""

import time

AHEAD_MS = 600_000
"""How far an event may lie ahead of the wall clock and still be believed."""


def wall_ms() -> int:
    """Now, in epoch milliseconds."""
    return time.time_ns() // 1_000_000
