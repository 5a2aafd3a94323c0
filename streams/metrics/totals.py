"""The statistics over all shops of this worker."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from streams.metrics.shop_stats import WorkerStats


def families(worker_stats: WorkerStats) -> Iterator[Metric]:
    alerts = GaugeMetricFamily("shipclock_open_alerts", "Alerts that are open", labels=["clause", "severity"])
    for key, number in worker_stats.open_alerts.items():
        alerts.add_metric(key, number)
    yield alerts
    timers = GaugeMetricFamily("shipclock_timers", "Deadlines that orders wait for, or that are due", labels=["state"])
    timers.add_metric(["waiting"], worker_stats.timers_waiting)
    timers.add_metric(["due"], worker_stats.timers_due)
    yield timers
    yield GaugeMetricFamily("shipclock_open_orders", "Orders open here", value=worker_stats.open_orders)
    yield GaugeMetricFamily("shipclock_shops", "Shops known here", value=worker_stats.shops)
    yield GaugeMetricFamily(
        "shipclock_unwatched_shops",
        "Shops that no rule watches, so that nothing of them raises an alert",
        value=worker_stats.unwatched,
    )
    yield GaugeMetricFamily(
        "shipclock_silent_shops",
        "Shops of whose orders nothing has been heard for longer than usual (at least a day)",
        value=len(worker_stats.silent),
    )
