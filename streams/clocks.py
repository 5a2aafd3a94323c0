"""What time a partition has reached."""

import time
from collections.abc import Iterable

from rules.instants import DAWN

AHEAD_MS = 600_000
"""How far ahead of the wall clock an event may be before nobody believes it."""


def wall_ms() -> int:
    """Now, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


class EventClock:
    """The clock of one partition in event time: the smallest, over its inputs, of the largest time seen.

    Of each input it knows through which instant everything has been heard. An event promises all that lies before
    it, since another of the same instant may follow; a tick promises its own instant too.
    """

    def __init__(self, inputs: Iterable[str]) -> None:
        self.through_ms = dict.fromkeys(inputs, DAWN)
        self.ticked_ms = DAWN

    def saw(self, topic: str, newest_ms: int) -> None:
        """The largest event time of a batch."""
        if newest_ms - 1 > self.through_ms.get(topic, newest_ms):
            self.through_ms[topic] = newest_ms - 1

    def tick(self, topic: str, at_ms: int) -> None:
        self.ticked_ms = max(self.ticked_ms, at_ms)
        if at_ms > self.through_ms.get(topic, at_ms):
            self.through_ms[topic] = at_ms

    def now_ms(self) -> int:
        return min(self.through_ms.values())

    def at_rest_ms(self) -> int:
        """The clock once everything appended has been read and nothing more comes: then nothing of the newest
        instant is outstanding, and a tick on any one input speaks for the whole partition."""
        slowest = self.now_ms()
        return max(slowest if slowest == DAWN else slowest + 1, self.ticked_ms)
