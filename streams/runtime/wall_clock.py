"""The clock of wall time: the machine's, without its jumps.

From the start on, it moves with the time since boot, which nobody sets and which runs on while the machine is
suspended. The machine's clock is followed while it only drifts. If it jumps, either way, this clock goes on as before
until the jump is taken back, or has stood for so long that it counts as a correction.
"""

import logging
import time
from collections.abc import Callable

from prometheus_client import Counter, Gauge

log = logging.getLogger(__name__)

DRIFT_MS = 2_000
"""How far the machine's clock may move between two checks (twice a second) beyond the time since boot. Corrections by
NTP are far smaller."""

START_DRIFT_MS = 60_000
"""How far it may have drifted while no worker ran."""

CORRECTED_AFTER_MS = 10 * 60_000
"""How long a jump must stand to count as a correction."""

LOG_EVERY_MS = 60_000

JUMPS = Counter("shipclock_clock_jumps", "Times the machine's clock has jumped")
OFF = Gauge(
    "shipclock_clock_off_seconds",
    "How far the machine's clock is ahead of the one that deadlines go by (behind where negative); 0 unless it jumped",
)


def machine_ms() -> tuple[int, int]:
    """The machine's clock (epoch ms), and the time since boot (ms)."""
    return time.time_ns() // 1_000_000, time.clock_gettime_ns(_SINCE_BOOT) // 1_000_000


def since_boot_s() -> float:
    """The time since boot (s). Unlike `time.monotonic` it runs on while the machine is suspended."""
    return time.clock_gettime(_SINCE_BOOT)


_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # only Linux counts what it was suspended


class WallClock:
    """`read` gives what `machine_ms` does. `booted_ms` is when the machine was booted as an earlier worker had it;
    where the machine's clock is far from that, it has jumped since."""

    def __init__(self, read: Callable[[], tuple[int, int]] = machine_ms, booted_ms: int | None = None) -> None:
        self._read = read
        wall_ms, since_boot_ms = read()
        #: When the machine was booted (epoch ms) as this clock has it.
        self.booted_ms = wall_ms - since_boot_ms
        if booted_ms is not None and abs(booted_ms - self.booted_ms) > START_DRIFT_MS:
            self.booted_ms = booted_ms
        self._jumped_to_ms: int | None = None  # the same, as its clock has had it since a jump
        self._jumped_at_ms = self._logged_at_ms = 0

    def now_ms(self) -> int:
        """Now (epoch ms)."""
        wall_ms, since_boot_ms = self._read()
        self._follow(wall_ms - since_boot_ms, since_boot_ms)
        return self.booted_ms + since_boot_ms

    def latest_ms(self) -> int:
        """The later of this clock and the machine's: while it is open which of them is right, no event is taken to lie
        in the future by the other."""
        now_ms = self.now_ms()
        return now_ms if self._jumped_to_ms is None else max(now_ms, now_ms + self._off_ms())

    @property
    def problem(self) -> str | None:
        """What is wrong, in words for readiness; None while all is well."""
        if self._jumped_to_ms is None:
            return None
        off_s = self._off_ms() / 1000
        way = "ahead" if off_s > 0 else "back"
        return f"the machine's clock has jumped {way} by {abs(off_s):,.0f} s; deadlines go by the time from before that"

    def _off_ms(self) -> int:
        return 0 if self._jumped_to_ms is None else self._jumped_to_ms - self.booted_ms

    def _follow(self, booted_ms: int, since_boot_ms: int) -> None:
        if abs(booted_ms - self.booted_ms) <= DRIFT_MS:
            self.booted_ms = booted_ms
            if self._jumped_to_ms is not None:
                log.warning("the machine's clock is right again")
                self._settle()
        elif self._jumped_to_ms is None or abs(booted_ms - self._jumped_to_ms) > DRIFT_MS:
            JUMPS.inc()
            self._jumped_to_ms, self._jumped_at_ms = booted_ms, since_boot_ms
            self._log_jump(since_boot_ms)
        elif since_boot_ms - self._jumped_at_ms >= CORRECTED_AFTER_MS:
            log.warning(
                "the machine's clock has stood %+.0f s from before for %d min: taken for a correction, and followed",
                self._off_ms() / 1000,
                CORRECTED_AFTER_MS // 60_000,
            )
            self.booted_ms = booted_ms
            self._settle()
        else:
            self._jumped_to_ms = booted_ms
            if since_boot_ms - self._logged_at_ms >= LOG_EVERY_MS:
                self._log_jump(since_boot_ms)

    def _log_jump(self, since_boot_ms: int) -> None:
        self._logged_at_ms = since_boot_ms
        log.warning("%s; it is followed once it has stood for %d min", self.problem, CORRECTED_AFTER_MS // 60_000)
        OFF.set(self._off_ms() / 1000)

    def _settle(self) -> None:
        self._jumped_to_ms = None
        OFF.set(0)
