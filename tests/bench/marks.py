"""The lines by which a system under test tells when it began and ended.

``first records at <epoch ms>``: its first records have been handed over. ``last records at <epoch ms>``, only
from a system that has no alerts to tell by: it is through with the last.
"""

import re
import time

FIRST, LAST = "first records at", "last records at"


def mark(name: str) -> None:
    """Says that this instant is ``name``."""
    print(f"{name} {time.time_ns() // 1_000_000}", flush=True)


def marked(name: str, log: str) -> int | None:
    """Epoch milliseconds of the first such line in a log."""
    found = re.search(rf"{name} (\d+)", log)
    return int(found[1]) if found else None
