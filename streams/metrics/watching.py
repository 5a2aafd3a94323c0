"""Sets the metrics of an app up, and keeps the survey of its shops fresh."""

import asyncio
from collections.abc import Iterator
from time import monotonic
from typing import Any

from mode import Service
from prometheus_client import REGISTRY, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from streams.metrics import partitions, shops, survey
from streams.metrics.recovery import Rebalances
from streams.metrics.work import count_alert

EVERY_S = 5.0
"""How old a survey may become…"""

SHARE = 0.05
"""…unless that would take more of the worker's time than this."""

AT_A_TIME_S = 0.005
"""How long the event loop may be held up by it at a time, or by one shop's standing if that takes longer."""


def watch(app: Any) -> None:
    """Has an app's doings counted, from now until it stops."""
    app.sensors.add(Rebalances())
    app.worker.on_alert.append(count_alert)
    app.add_dependency(Watch(app.worker, beacon=app.beacon))


class Watch(Service, Collector):
    """Answers Prometheus from the worker's partitions and the newest survey of its shops."""

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._worker = worker
        self._clauses = {rule.id: rule.clause for pack in worker.book.packs for rule in pack.rules}
        self._platforms = {pack.platform for pack in worker.book.packs}
        self.newest = survey.Survey()

    async def on_start(self) -> None:
        REGISTRY.register(self)

    async def on_stop(self) -> None:
        REGISTRY.unregister(self)

    @Service.task
    async def _survey_on(self) -> None:
        while not self.should_stop:
            took_s = await self.look()
            await self.sleep(max(EVERY_S, took_s / SHARE))

    async def look(self) -> float:
        """Takes a survey; returns how long that held the event loop (s)."""
        fresh = survey.Survey()
        engines = [partition.engine for partition in self._worker.partitions.values()]
        busy_s, since_s = 0.0, monotonic()
        for _ in survey.take(engines, self._clauses, fresh):
            held_s = monotonic() - since_s
            if held_s > AT_A_TIME_S:
                busy_s += held_s
                await asyncio.sleep(0)
                since_s = monotonic()
        self.newest = fresh
        return busy_s + monotonic() - since_s

    def describe(self) -> list[Metric]:
        return []  # else the registry would collect all of it once more when this is registered

    def collect(self) -> Iterator[Metric]:
        yield from partitions.families(self._worker)
        newest = self.newest
        yield from shops.families(newest.readings, self._platforms)
        alerts = GaugeMetricFamily("shipclock_open_alerts", "Alerts that are open", labels=["clause", "severity"])
        for key, number in newest.open_alerts().items():
            alerts.add_metric(key, number)
        yield alerts
        timers = GaugeMetricFamily("shipclock_timers", "Deadlines that orders wait for, or are due", labels=["state"])
        timers.add_metric(["waiting"], newest.total("timers_waiting"))
        timers.add_metric(["due"], newest.total("timers_due"))
        yield timers
        yield GaugeMetricFamily("shipclock_open_orders", "Orders open here", value=newest.total("open_orders"))
        yield GaugeMetricFamily("shipclock_shops", "Shops known here", value=len(newest.readings))
