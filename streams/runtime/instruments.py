"""The worker's Prometheus metrics, updated once a batch or commit cycle, never per event."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import accumulate
from math import inf
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from rules.calendar.instants import from_rfc3339
from rules.messages.alerts import Alert
from streams.kafka.topics import INPUTS

_STEP_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LATE_S = (0.001, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400)

EVENTS = Counter("shipclock_events", "Events applied, by topic and type", ["topic", "type"])
BATCHES = Counter("shipclock_batches", "Batches fetched from Kafka", ["topic"])
DEAD_LETTERS = Counter("shipclock_dead_letters", "Records set aside: unreadable or in the wrong place", ["topic"])
TOO_OLD = Counter(
    "shipclock_events_too_old", "Events set aside: older than what is kept, of orders that aren't known", ["topic"]
)
SKIPPED = Counter("shipclock_records_skipped", "Records of changelogs passed over because they can't be read back")
FOREIGN_ALERTS = Counter("shipclock_foreign_alert_records", "Records in alerts that this worker did not write")
ALERTS = Counter("shipclock_alerts", "Alert records written, by reason", ["clause", "severity", "reason"])
COMMITS = Counter("shipclock_commits", "Commits of offsets that Kafka has acknowledged")
COMMITTED_AT = Gauge("shipclock_last_commit_timestamp_seconds", "When offsets were last committed (epoch s)")

APPLYING = Histogram("shipclock_apply_seconds", "Time to merge one batch into the facts", buckets=_STEP_S)
EVALUATING = Histogram(
    "shipclock_evaluate_seconds", "Time one commit cycle took to move the clocks and evaluate", buckets=_STEP_S
)
FLUSHING = Histogram(
    "shipclock_flush_seconds", "Time until Kafka had acknowledged one commit cycle's records", buckets=_STEP_S
)
COMMITTING = Histogram(
    "shipclock_commit_seconds", "Time until Kafka had acknowledged one commit cycle's offsets", buckets=_STEP_S
)
CYCLE = Histogram("shipclock_commit_cycle_seconds", "Time one whole commit cycle took", buckets=_STEP_S)


class ManyHistogram(Collector):
    """A histogram that takes many observations of one value at once; the client's own takes them one by one."""

    def __init__(
        self, name: str, documentation: str, buckets: Sequence[float], registry: CollectorRegistry = REGISTRY
    ) -> None:
        self._name, self._documentation = name, documentation
        self._bounds = (*buckets, inf)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0
        registry.register(self)

    def observe(self, value: float, number: int) -> None:
        self._counts[bisect_left(self._bounds, value)] += number
        self._sum += value * number

    def collect(self) -> Iterator[HistogramMetricFamily]:
        bounds = map(floatToGoString, self._bounds)
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(self._name, self._documentation, buckets, self._sum)


LATENESS = ManyHistogram(
    "shipclock_firing_lateness_seconds", "From a deadline until its overdue alert was emitted", _LATE_S
)

SNAPSHOT_WRITING = Histogram("shipclock_snapshot_write_seconds", "Time to write changes to the local snapshot")
SNAPSHOT_KEYS = Counter("shipclock_snapshot_keys", "Keys written to local snapshots")

for _topic in INPUTS:
    for _counter in (DEAD_LETTERS, TOO_OLD):
        _counter.labels(_topic)  # from 0 on, so that the first one is seen as an increase

Info("shipclock_build", "The version that runs").info({"version": version("shipclock")})


def count_batch(topic: str, types: Mapping[type[Any], int], dead: int, too_old: int) -> None:
    """One batch of an input: how many events of each type were applied, and how many records set aside as bad, and as
    too old to begin an order, which those are that a sender repeats long after."""
    BATCHES.labels(topic).inc()
    for kind, number in types.items():
        if number:
            EVENTS.labels(topic, kind.__struct_config__.tag).inc(number)
    if dead:
        DEAD_LETTERS.labels(topic).inc(dead)
    if too_old:
        TOO_OLD.labels(topic).inc(too_old)


def count_commit() -> None:
    COMMITS.inc()
    COMMITTED_AT.set_to_current_time()


class Reasons:
    """Counts the emitted alerts by reason, and how late they were, until they are written."""

    def __init__(self) -> None:
        self._why: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        #: Of deadlines passed, by when alerts were emitted and when they were due, too; in a burst many have both in
        #: common.
        self._late: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)

    def note(self, alert: Alert) -> None:
        data = alert.data
        if data.reason == "deadline_passed" and data.due_at is not None:
            self._late[data.clause, data.severity, alert.time, data.due_at] += 1
        else:
            self._why[data.clause, data.severity, data.reason] += 1

    def count(self) -> None:
        """Adds them to the metrics, now that they are written."""
        for (clause, severity, at, due_at), number in self._late.items():
            self._why[clause, severity, "deadline_passed"] += number
            # Emitted at the deadline itself, as all are while a backlog is read in event time.
            late_s = 0 if at == due_at else (from_rfc3339(at) - from_rfc3339(due_at)) / 1000
            LATENESS.observe(late_s, number)
        for why, number in self._why.items():
            ALERTS.labels(*why).inc(number)
        self._why.clear()
        self._late.clear()
