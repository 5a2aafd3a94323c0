"""Limits how often the same message is logged."""

import logging
from collections import Counter
from collections.abc import Callable
from time import monotonic


class PacedLog(logging.Filter):
    """A filter for a logger: each warning or error message (before its arguments are filled in) is logged at most once
    in `every_s` seconds; the next one says how many were left out. For constant messages."""

    def __init__(self, every_s: float = 1.0, now_s: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._every_s, self._now_s = every_s, now_s
        self._again_s: dict[str, float] = {}
        self._left_out: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        message, now_s = str(record.msg), self._now_s()
        if now_s < self._again_s.get(message, now_s):
            self._left_out[message] += 1
            return False
        self._again_s[message] = now_s + self._every_s
        if left_out := self._left_out.pop(message, 0):
            record.msg = f"{message} ({left_out:,} more like it since the last)"
        return True
