"""Sets up the metrics of an app, and keeps the statistics of its shops up to date."""

import asyncio
import logging
from collections.abc import Iterator
from itertools import chain
from time import monotonic
from typing import Any

from mode import Service
from prometheus_client import REGISTRY, Metric
from prometheus_client.registry import Collector

from rules.engine.engine import Engine
from streams.budget import BACKLOG_BUDGET
from streams.metrics import partitions, shop_stats, shops, totals
from streams.metrics.recovery import Rebalances

log = logging.getLogger(__name__)

EVERY_S = 5.0
"""How old the shops' statistics may become…"""

IDLE_BUDGET = 0.05
"""…unless collecting them would take a larger share of the worker's time. While a backlog is read it gets
`BACKLOG_BUDGET`, and they may be older."""

RESTORED_S = 1.0
"""How often to check whether state is restored."""

LOGGED = 10
"""How many silent shops one line of the log names."""

AT_A_TIME_S = 0.005
"""How long collecting may hold up the event loop at a time, or by one shop's standing if that takes longer."""


def collect_metrics(app: Any) -> None:
    """Has an app's metrics collected, from now until it stops."""
    app.sensors.add(Rebalances())
    app.add_dependency(MetricsCollector(app.worker, beacon=app.beacon))


class MetricsCollector(Service, Collector):
    """Answers Prometheus from the worker's partitions and the newest statistics of its shops."""

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._worker = worker
        self._clauses = {rule.id: rule.clause for rule in worker.book.rules.values()}
        self._clause_info = shops.clause_info(worker.book.clause_titles())
        self._platforms = {pack.platform for pack in worker.book.packs}
        self._found: list[Metric] = []
        self._silent: set[str] = set()

    async def on_start(self) -> None:
        REGISTRY.register(self)

    async def on_stop(self) -> None:
        REGISTRY.unregister(self)

    @Service.task
    async def _keep_fresh(self) -> None:
        while not self.should_stop:
            if not self._worker.is_restored:  # orders that are being restored would all be decoded for it
                await self.sleep(RESTORED_S)
                continue
            took_s = 0.0
            try:
                took_s = await self.refresh()
            except Exception:  # an error in the metrics must not keep alerts from going out
                log.exception("collecting the statistics of shops failed")
            await self.sleep(max(EVERY_S, took_s / IDLE_BUDGET))

    async def refresh(self) -> float:
        """Collects the statistics, in small steps while a backlog is read; given up if partitions come or go meanwhile.
        Returns how long the event loop was held up (s), without steps after which it rested."""
        found: list[Metric] = []
        engines = self._engines()
        held_s, since_s = 0.0, monotonic()
        for _ in self._collect(engines, found):
            this_s = monotonic() - since_s
            if this_s > AT_A_TIME_S:
                if self._worker.busy:
                    await self.sleep(min(this_s / BACKLOG_BUDGET, EVERY_S))
                else:
                    held_s += this_s
                    await asyncio.sleep(0)
                if self._engines() != engines:
                    return held_s
                since_s = monotonic()
        self._found = found
        return held_s + monotonic() - since_s

    def _engines(self) -> list[Engine]:
        return [partition.engine for partition in self._worker.partitions.values()]

    def _collect(self, engines: list[Engine], found: list[Metric]) -> Iterator[None]:
        fresh = shop_stats.WorkerStats()
        yield from shop_stats.collect(engines, self._clauses, fresh)
        self._log_silent(set(fresh.silent))
        for family in chain(shops.families(fresh, self._platforms), totals.families(fresh)):
            found.append(family)
            yield

    def _log_silent(self, silent: set[str]) -> None:
        """Logs each shop once when it falls silent."""
        if fallen := sorted(silent - self._silent):
            more = f" and {len(fallen) - LOGGED:,} more" if len(fallen) > LOGGED else ""
            log.warning("no news of orders for longer than usual from %s%s", ", ".join(fallen[:LOGGED]), more)
        self._silent = silent

    def describe(self) -> list[Metric]:
        return []  # else the registry would collect everything when this is registered

    def collect(self) -> Iterator[Metric]:
        yield self._clause_info
        yield from partitions.families(self._worker)
        yield from self._found
