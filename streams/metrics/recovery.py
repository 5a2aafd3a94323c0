"""Rebalances, and how long it took to restore the partitions' state, from Faust's sensor."""

from time import monotonic
from typing import Any

import faust
from prometheus_client import Counter, Gauge, Histogram

REBALANCES = Counter("shipclock_rebalances", "Times the group has begun to share the partitions out anew")
RECOVERING = Gauge("shipclock_recovering", "1 from a rebalance until state is back, else 0")
RECOVERY = Histogram(
    "shipclock_recovery_seconds",
    "From the beginning of a rebalance until state was back",
    buckets=(0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800),
)


class Rebalances(faust.Sensor):
    """If another rebalance begins before state is restored, the time counts from the first."""

    def __init__(self) -> None:
        super().__init__()
        self._began_s: float | None = None

    def on_rebalance_start(self, app: Any) -> dict[str, Any]:
        REBALANCES.inc()
        RECOVERING.set(1)
        self._began_s = self._began_s or monotonic()
        return {}

    def on_rebalance_end(self, app: Any, state: dict[str, Any]) -> None:
        RECOVERING.set(0)
        if self._began_s is not None:
            RECOVERY.observe(monotonic() - self._began_s)
            self._began_s = None
