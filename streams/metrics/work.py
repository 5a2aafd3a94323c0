"""What the worker does, counted once a batch or beat and never per event."""

import collections
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import msgspec
from prometheus_client import Counter, Gauge, Histogram, Info

from rules.instants import from_rfc3339
from streams.topics import INPUTS

_STEP_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LATE_S = (0.001, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400)

EVENTS = Counter("shipclock_events", "Events read, by topic and type", ["topic", "type"])
BATCHES = Counter("shipclock_batches", "Batches that Kafka has handed over", ["topic"])
DEAD_LETTERS = Counter("shipclock_dead_letters", "Records set aside: unreadable or in the wrong place", ["topic"])
ALERTS = Counter("shipclock_alerts", "Alert records written, by why", ["clause", "severity", "reason"])
COMMITS = Counter("shipclock_commits", "Commits of offsets that Kafka has taken")
COMMITTED_AT = Gauge("shipclock_last_commit_timestamp_seconds", "When offsets were last committed (epoch s)")

APPLYING = Histogram("shipclock_apply_seconds", "Time to merge one batch into the facts", buckets=_STEP_S)
JUDGING = Histogram("shipclock_judge_seconds", "Time one beat took to move the clocks and judge", buckets=_STEP_S)
FLUSHING = Histogram("shipclock_flush_seconds", "Time until Kafka had taken one beat's records", buckets=_STEP_S)
COMMITTING = Histogram("shipclock_commit_seconds", "Time until Kafka had taken one beat's offsets", buckets=_STEP_S)
BEAT = Histogram("shipclock_beat_seconds", "Time one whole beat took", buckets=_STEP_S)
LATENESS = Histogram(
    "shipclock_firing_lateness_seconds", "From a deadline until it was said to have passed", buckets=_LATE_S
)

SNAPSHOT_WRITING = Histogram("shipclock_snapshot_write_seconds", "Time to write changes to the local snapshot")
SNAPSHOT_KEYS = Counter("shipclock_snapshot_keys", "Keys written to local snapshots")

for _topic in INPUTS:
    DEAD_LETTERS.labels(_topic)  # from 0 on, so that the first one is seen as an increase

Info("shipclock_build", "The version that runs").info({"version": version("shipclock")})


def count_batch(topic: str, types: Mapping[type[Any], int], dead: int) -> None:
    """One batch of an input: how many events of each type, and how many records were set aside."""
    BATCHES.labels(topic).inc()
    for kind, number in types.items():
        EVENTS.labels(topic, kind.__struct_config__.tag).inc(number)
    if dead:
        DEAD_LETTERS.labels(topic).inc(dead)


def count_commit() -> None:
    COMMITS.inc()
    COMMITTED_AT.set_to_current_time()


class _Data(msgspec.Struct):
    clause: str
    severity: str
    reason: str
    due_at: str | None


class _Alert(msgspec.Struct):
    """What is counted of a record of `alerts`."""

    time: str
    data: _Data


_decode = msgspec.json.Decoder(_Alert).decode


def count_alerts(values: list[bytes]) -> None:
    """Values of records of `alerts`, once they are written."""
    alerts = [_decode(value) for value in values]
    why = collections.Counter((alert.data.clause, alert.data.severity, alert.data.reason) for alert in alerts)
    for labels, number in why.items():
        ALERTS.labels(*labels).inc(number)
    for alert in alerts:
        due_at = alert.data.due_at
        if alert.data.reason == "deadline_passed" and due_at is not None:
            in_time = alert.time == due_at  # as all are while a backlog is read in event time
            LATENESS.observe(0 if in_time else (from_rfc3339(alert.time) - from_rfc3339(due_at)) / 1000)
