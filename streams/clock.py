"""What time a partition has reached."""

import time

AHEAD_MS = 600_000
"""How far ahead of the wall clock an event may be before nobody believes it."""


def wall_ms() -> int:
    """Now, in epoch milliseconds."""
    return time.time_ns() // 1_000_000
