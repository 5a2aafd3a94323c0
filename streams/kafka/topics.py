"""The topics: their names, and their creation and checks before the worker starts."""

from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from rules.calendar.instants import DAY_MS
from streams.kafka import access
from streams.settings import Settings, bootstrap_servers

CLOCKED = ("orders", "pickups", "tracking")
"""The inputs whose progress is the partition's clock."""

INPUTS = (*CLOCKED, "shops")

_TOPIC_OF = {"order": "orders", "pickup": "pickups", "tracking": "tracking"}


ANSWER_S = 15.0
"""How long the broker may take to answer."""


def topic_of(event_type: str) -> str:
    """The plain name of the input for an event type."""
    return _TOPIC_OF.get(event_type.partition(".")[0], "shops")


class BadTopicsError(ValueError):
    """Topics that the worker can't use; the text says which and why."""


class NoBrokerError(BadTopicsError):
    """Kafka is away, or not where the settings say."""


@dataclass(frozen=True)
class TopicNames:
    """Every topic's name on the broker, with `TOPIC_PREFIX`."""

    prefix: str
    app_id: str

    def of(self, topic: str) -> str:
        return self.prefix + topic

    @property
    def inputs(self) -> dict[str, str]:
        """Plain names by the names on the broker."""
        return {self.of(topic): topic for topic in INPUTS}

    @property
    def state(self) -> str:
        """The folder in DATADIR."""
        return self.prefix + self.app_id

    @property
    def alerts(self) -> str:
        return self.of("alerts")

    @property
    def dead_letters(self) -> str:
        return self.of("dead-letters")

    @property
    def inbox(self) -> str:
        """What platforms and carriers push, as received."""
        return self.of("inbox")

    @property
    def facts(self) -> str:
        return self.of(f"{self.app_id}-facts-changelog")

    @property
    def standings(self) -> str:
        """Each shop's standing, by `platform/shop`."""
        return self.of(f"{self.app_id}-standings")

    @property
    def remarks(self) -> str:
        """Acks and mutes of alerts."""
        return self.of(f"{self.app_id}-remarks")

    @property
    def feed_health(self) -> str:
        """When each shop was last heard of through each feed."""
        return self.of(f"{self.app_id}-feed-health")

    @property
    def sent_letters(self) -> str:
        """Which dead letters have been sent again; made when the first is."""
        return self.of(f"{self.app_id}-dead-letters-sent")

    @property
    def packed(self) -> str:
        """Which orders have been packed, until they are shipped."""
        return self.of(f"{self.app_id}-packed")

    @property
    def questions(self) -> str:
        """What workers ask each other about single orders, and the answers."""
        return self.of(f"{self.app_id}-questions")

    @property
    def daily_values(self) -> str:
        """Each shop's figures, one record a local day."""
        return self.of(f"{self.app_id}-daily-values")

    @property
    def compacted(self) -> tuple[str, ...]:
        return self.alerts, self.facts, self.standings, self.remarks, self.feed_health, self.packed

    @property
    def all(self) -> tuple[str, ...]:
        return *self.inputs, self.dead_letters, *self.compacted, self.daily_values, self.questions


ROOMY = {"max.message.bytes": "1048588"}
"""Kafka's own default, set even if the broker's is lower, as it is enough for all that the worker writes."""

INBOX = {"retention.ms": str(14 * DAY_MS), **ROOMY}
"""Bodies hold names and addresses: they are deleted after two weeks, and can be mapped again until then."""

SEGMENT_BYTES = 64 * 1024 * 1024
SEGMENT_MS = 3_600_000
"""When a compacted topic begins a new segment. The one that is written is never compacted; with Kafka's own settings (1
GiB, a week) a changelog came to five times what it keeps."""

COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.1",
    "segment.bytes": str(SEGMENT_BYTES),
    "segment.ms": str(SEGMENT_MS),
    **ROOMY,
}

DAILY_VALUES_MS = 400 * DAY_MS
"""How long daily values are kept: a year, and the longest period before it that somebody compares it with."""

DAILY_VALUES = COMPACTED | {
    "cleanup.policy": "compact,delete",
    "retention.ms": str(DAILY_VALUES_MS),
    "segment.ms": str(DAY_MS),  # few are written, and a segment each hour would be ten thousand
}

QUESTIONS = {"retention.ms": str(3_600_000), **ROOMY}
"""Nobody waits for an answer for longer than some seconds."""


def prepare(settings: Settings, names: TopicNames) -> int:
    """Creates missing topics and returns the number of partitions.

    Raises BadTopicsError if the broker can't be reached, partition counts differ, or a topic can't be created.
    """
    client = admin(settings)
    there = _there(client, settings)
    count = _agreed(names, there) or settings.partitions
    _create(client, names, there, count)
    return count


def prepare_inbox(settings: Settings, names: TopicNames) -> int:
    """Creates the inbox topic if it is missing; returns its number of partitions. Raises BadTopicsError."""
    client = admin(settings)
    count = _there(client, settings).get(names.inbox)
    if count is None:
        _create_all(client, [NewTopic(names.inbox, settings.partitions, -1, config=INBOX)])
    return count or settings.partitions


def prepare_sent_letters(settings: Settings, names: TopicNames) -> None:
    """Creates the topic of dead letters that were sent again, if it is missing. Raises BadTopicsError."""
    client = admin(settings)
    if names.sent_letters not in _there(client, settings):
        _create_all(client, [NewTopic(names.sent_letters, 1, -1, config=COMPACTED)])


def require(settings: Settings, wanted: Iterable[str]) -> None:
    """Raises BadTopicsError if one of the topics is missing; the worker creates them."""
    there = partition_counts(settings)
    if missing := [topic for topic in wanted if topic not in there]:
        raise BadTopicsError(f"there is no topic {missing[0]}: start `shipclock worker` once, it makes them")


def partition_counts(settings: Settings) -> dict[str, int]:
    """The number of partitions of each topic on the broker. Raises BadTopicsError if it can't be reached."""
    return _there(admin(settings), settings)


def admin(settings: Settings) -> AdminClient:
    """A client for administration."""
    servers = ",".join(bootstrap_servers(settings))
    return AdminClient({"bootstrap.servers": servers, "log_level": 0, **access.for_librdkafka(settings)})


def _there(admin: AdminClient, settings: Settings) -> dict[str, int]:
    try:
        listed = admin.list_topics(timeout=ANSWER_S).topics
    except KafkaException:
        raise NoBrokerError(f"no Kafka broker answers at {settings.broker}{_perhaps(settings)}") from None
    return {topic: len(each.partitions) for topic, each in listed.items() if each.error is None}


def _perhaps(settings: Settings) -> str:
    """A second possible cause: librdkafka reports a wrong password like a broker that is away."""
    return "" if settings.kafka_security == "PLAINTEXT" else f", or it refuses this {settings.kafka_security} log-in"


def _agreed(names: TopicNames, there: dict[str, int]) -> int | None:
    """The partition count that all topics must have; None if none exists yet."""
    bound = {topic: there[topic] for topic in names.all if topic in there}
    if len(set(bound.values())) > 1:
        counts = ", ".join(f"{topic} has {count}" for topic, count in bound.items())
        raise BadTopicsError(
            f"partition counts differ: {counts}. One shop must be one partition number everywhere, so all of them "
            "need the same count"
        )
    return next(iter(bound.values()), None)


def _create(admin: AdminClient, names: TopicNames, there: dict[str, int], count: int) -> None:
    wanted: dict[str, dict[str, str]] = {topic: {} for topic in names.inputs}
    wanted |= dict.fromkeys(names.compacted, COMPACTED)
    wanted |= {names.dead_letters: ROOMY, names.daily_values: DAILY_VALUES, names.questions: QUESTIONS}
    # -1: as many replicas as the broker gives by default
    missing = [
        NewTopic(topic, num_partitions=count, replication_factor=-1, config=config)
        for topic, config in wanted.items()
        if topic not in there
    ]
    if missing:
        _create_all(admin, missing)


def _create_all(admin: AdminClient, missing: list[NewTopic]) -> None:
    for topic, created in admin.create_topics(missing, operation_timeout=ANSWER_S, request_timeout=ANSWER_S).items():
        try:
            created.result()
        except KafkaException as error:
            refused = error.args[0]
            if refused.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise BadTopicsError(
                    f"topic {topic} is not there, or this user may not see it, and it can't be created: "
                    f"{refused.str()} deploy/docs/kafka-acls.md has what must be granted"
                ) from None
            if refused.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise BadTopicsError(f"topic {topic} can't be created: {refused.str()}") from None
