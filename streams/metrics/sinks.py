"""What became of the alerts that sinks deliver, from each sink's counters."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import REGISTRY, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

COUNTERS = {
    "delivered": "Alert records that the other side has taken",
    "failed": "Attempts to deliver that failed",
    "retried": "Attempts made again",
    "given_up": "Alert records given up after the last attempt",
    "refilled": "Times that the other side had lost what it was given, and was given it again",
}

Read = Callable[[], Mapping[str, Mapping[str, float]]]
"""Returns, by sink, its counters by the names above, and its `lag`: records of `alerts` yet to be delivered."""


class Sinks(Collector):
    """Reads the sinks' counters when Prometheus asks."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        sinks = self._read()
        for name, means in COUNTERS.items():
            counter = CounterMetricFamily(f"shipclock_sink_{name}", means, labels=["sink"])
            for sink, counts in sinks.items():
                counter.add_metric([sink], counts.get(name, 0))
            yield counter
        lag = GaugeMetricFamily("shipclock_sink_lag_records", "Alert records yet to be delivered", labels=["sink"])
        for sink, counts in sinks.items():
            lag.add_metric([sink], counts.get("lag", 0))
        yield lag


def collect_sinks(read: Read) -> Sinks:
    """Registers the sinks' counters; `REGISTRY.unregister` of the result ends that."""
    sinks = Sinks(read)
    REGISTRY.register(sinks)
    return sinks
