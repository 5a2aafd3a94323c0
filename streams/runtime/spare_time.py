"""How much of a core's time the process's other work leaves."""

from collections.abc import Callable
from time import monotonic, process_time

MEASURE_S = 1.0
"""How often that is measured anew."""

RESERVE = 0.2
"""The share that is left free, for what comes meanwhile."""


class SpareTime:
    """The share of a core that work which can wait may take: what the rest leaves, between `least` and `most`."""

    def __init__(
        self,
        least: float,
        most: float,
        now_s: Callable[[], float] = monotonic,
        used_s: Callable[[], float] = process_time,
    ) -> None:
        self._least, self._most = least, most
        self._now_s, self._used_s = now_s, used_s
        self._began_s, self._used_before_s = now_s(), used_s()
        self._own_s = 0.0
        self._share = least

    def spent(self, cpu_s: float) -> None:
        """Notes CPU time (s) that this work itself has taken."""
        self._own_s += cpu_s

    @property
    def share(self) -> float:
        passed_s = self._now_s() - self._began_s
        if passed_s >= MEASURE_S:
            others_s = self._used_s() - self._used_before_s - self._own_s
            self._share = min(self._most, max(self._least, 1 - RESERVE - others_s / passed_s))
            self._began_s, self._used_before_s, self._own_s = self._now_s(), self._used_s(), 0.0
        return self._share
