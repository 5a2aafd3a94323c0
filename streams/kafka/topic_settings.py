"""Checks that topics keep what is relied on, before the worker starts.

An input that is compacted loses events, and a topic of state that is deleted by time loses what is still open: either
way alerts would be wrong, and nothing would say so.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource

from rules.calendar.instants import DAY_MS
from streams.kafka import topics
from streams.kafka.cutting import LARGEST_RECORD_BYTES
from streams.kafka.topics import DAILY_VALUES_MS, SEGMENT_BYTES, SEGMENT_MS, BadTopicsError, TopicNames

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000

SHORTEST_INPUT_MS = 24 * HOUR_MS
"""An input that keeps records for less is warned of: a worker that is away for longer misses events."""

SHORTEST_TOMBSTONE_MS = 24 * HOUR_MS
"""How long a compacted topic must keep records that say what is gone: Kafka's default, and twice the age up to which a
snapshot is gone on from (`streams.runtime.local_copy`)."""

ATTEMPTS = 5
"""The broker knows a topic that was just made for a moment before it knows its settings."""

AGAIN_S = 1.0

Config = Mapping[str, str]


def check(admin: AdminClient, names: TopicNames) -> None:
    """Raises BadTopicsError where a topic loses what the worker relies on, or takes no records as large as it writes.
    What merely costs time is logged. What the broker doesn't say counts as good."""
    for attempt in range(ATTEMPTS):
        configs = _configs(admin, names.all)
        wrong = [problem for topic, config in configs.items() for problem in _problems(topic, config, names)]
        if not wrong:
            break
        if attempt < ATTEMPTS - 1:
            time.sleep(AGAIN_S)
    else:
        raise BadTopicsError("; ".join(wrong))
    for warning in _warnings(configs, names):
        log.warning("%s", warning)


def _problems(topic: str, config: Config, names: TopicNames) -> Iterator[str]:
    policy = config.get("cleanup.policy", "")
    if topic in names.compacted:
        yield from _of_state(topic, config, policy)
    elif "compact" in policy and topic not in (names.daily_values, names.questions):
        what = "dead letters" if topic == names.dead_letters else "a shop's events"
        yield f"topic {topic} is compacted, so that {what} are lost: set its cleanup.policy to delete"
    most = int(config.get("max.message.bytes", LARGEST_RECORD_BYTES))
    if topic not in names.inputs and most < LARGEST_RECORD_BYTES:
        yield (
            f"topic {topic} takes records of {most:,} bytes, and the worker may write {LARGEST_RECORD_BYTES:,}: raise "
            "its max.message.bytes (Kafka's default is enough)"
        )


def _of_state(topic: str, config: Config, policy: str) -> Iterator[str]:
    if "delete" in policy:
        yield f"topic {topic} is deleted by time or size, so that state is lost: set its cleanup.policy to compact"
    kept_ms = int(config.get("delete.retention.ms", SHORTEST_TOMBSTONE_MS))
    if kept_ms < SHORTEST_TOMBSTONE_MS:
        yield (
            f"topic {topic} keeps for {kept_ms:,} ms only what says that something is gone, so that it comes back from "
            f"a snapshot: set its delete.retention.ms to {SHORTEST_TOMBSTONE_MS:,} or more"
        )


def _warnings(configs: Mapping[str, Config], names: TopicNames) -> Iterator[str]:
    for topic in names.inputs:
        kept_ms = int(configs.get(topic, {}).get("retention.ms", -1))
        if 0 <= kept_ms < SHORTEST_INPUT_MS:
            yield (
                f"topic {topic} keeps events for {kept_ms / HOUR_MS:.1f} h (retention.ms): those of a longer outage of "
                "the worker are lost"
            )
    config = configs.get(names.daily_values, {})
    kept_ms = int(config.get("retention.ms", -1)) if "delete" in config.get("cleanup.policy", "") else -1
    if 0 <= kept_ms < DAILY_VALUES_MS:
        yield (
            f"topic {names.daily_values} keeps the figures of days for {kept_ms / DAY_MS:.0f} days: trends end there; "
            f"set its retention.ms to {DAILY_VALUES_MS} (400 days)"
        )
    slow = [topic for topic in names.compacted if _is_slow(configs.get(topic, {}))]
    if slow:
        yield (
            f"{', '.join(slow)}: segments this long are hardly ever compacted, so a start without DATADIR reads many "
            f"times what is kept; set segment.bytes={SEGMENT_BYTES} and segment.ms={SEGMENT_MS} "
            "(deploy/docs/limits.md has the command)"
        )


def _is_slow(config: Config) -> bool:
    """A segment is compacted only once it is full or old enough."""
    size, age_ms = int(config.get("segment.bytes", 0)), int(config.get("segment.ms", 0))
    return size > 2 * SEGMENT_BYTES and age_ms > 6 * SEGMENT_MS


def _configs(admin: AdminClient, wanted: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """The settings of topics, by topic; without those that the broker doesn't return."""
    resources = [ConfigResource(ConfigResource.Type.TOPIC, topic) for topic in wanted]
    found: dict[str, dict[str, str]] = {}
    for resource, answer in admin.describe_configs(resources, request_timeout=topics.ANSWER_S).items():
        if (error := _error(answer)) is not None:
            log.debug("topic %s: the broker doesn't say how it is set: %s", resource.name, error)
            continue
        found[resource.name] = {name: entry.value for name, entry in answer.result().items()}
    return found


def _error(answer: "Future[Any]") -> KafkaException | None:
    error = answer.exception()
    if error is None or isinstance(error, KafkaException):
        return error
    raise error
