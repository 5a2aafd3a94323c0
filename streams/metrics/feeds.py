"""What has become of what platforms and carriers push."""

from collections import Counter as Counts
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, get_args

from prometheus_client import Counter, Gauge, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

OUTCOMES: Final = ("stored", "signature", "unknown", "encoded", "too_large", "too_many", "unstored")
"""Stored and answered; refused for a wrong signature, an unknown path, its encoding, its size, or as one too many; or
answered with 503, as Kafka didn't take it."""

PUSHES = Counter("shipclock_feed_pushes", "Pushes received, by what became of them", ["source", "outcome"])
EVENTS = Counter("shipclock_feed_events", "Events that pushes were mapped to", ["source"])
DEAD = Counter("shipclock_feed_dead_letters", "Bodies of which something could not be mapped", ["source"])
NOTICE_KINDS: Final = ("authorisation_ending", "authorisation_withdrawn", "pushes_failing")
NOTICES = Counter("shipclock_feed_notices", "Messages to who runs the app, by what they say", ["source", "notice"])
NEWEST = Gauge("shipclock_feed_newest_seconds", "When the newest push was received (epoch seconds)", ["source"])
LAG = Gauge("shipclock_feed_lag_records", "Bodies yet to be mapped")

POLL_OUTCOMES: Final = ("read", "refused", "unavailable", "quota", "unwritten", "failed")
"""Read up to now; or the platform refused, didn't answer, or answers no more today; or Kafka didn't take what was read;
or a mistake of ours."""

POLLS = Counter("shipclock_feed_polls", "Readings of platforms' APIs, by how they ended", ["source", "outcome"])
POLL_LAG = Gauge(
    "shipclock_feed_poll_lag_seconds", "How long ago the shop that waits longest was read up to then", ["source"]
)
MARK = Gauge(
    "shipclock_feed_poll_mark_seconds", "The newest change that was read from an API (epoch seconds)", ["source"]
)

TOKEN_END = Gauge(
    "shipclock_feed_token_end_seconds", "When the first of the shops' access tokens ends (epoch seconds)", ["source"]
)

REGISTRATION_OUTCOMES: Final = ("registered", "refused", "released", "quota", "unavailable", "failed")
"""Numbers that are followed, were not taken, or were released; or turns that ended as the service takes no more, or
didn't answer, or by a mistake of ours."""

REGISTRATIONS = Counter(
    "shipclock_feed_registrations", "Tracking numbers told to a service, by what came of it", ["source", "outcome"]
)

FETCH_OUTCOMES: Final = ("fetched", "given_up")
FETCHES = Counter(
    "shipclock_feed_fetches", "Orders of pushes that were asked for, by what came of it", ["source", "outcome"]
)


def begin(source: str) -> None:
    """From 0 on, so that the first one is seen as an increase."""
    for outcome in OUTCOMES:
        PUSHES.labels(source, outcome)


def begin_mapping(source: str) -> None:
    """Likewise, of the mapper."""
    EVENTS.labels(source)
    DEAD.labels(source)
    for notice in NOTICE_KINDS:
        NOTICES.labels(source, notice)
    for outcome in FETCH_OUTCOMES:
        FETCHES.labels(source, outcome)


def begin_polling(source: str) -> None:
    """Likewise, of the poller."""
    begin_mapping(source)
    for outcome in POLL_OUTCOMES:
        POLLS.labels(source, outcome)


State = Literal["healthy", "late", "silent"]
STATES: Final[tuple[State, ...]] = get_args(State)

NAMED_SOURCES = 50
OTHER = "_other"
"""All further ones together: what stands in the topic is whatever its writers wrote."""

Read = Callable[[], Mapping[tuple[str, State], int]]
"""Gives the number of shops by a feed's source and its state."""


class FeedStates(Collector):
    """How many shops are heard of as usual, counted whenever Prometheus asks. Each worker tells the same of all."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        shops = GaugeMetricFamily(
            "shipclock_feed_shops", "Shops by the state of a source's feeds of theirs", labels=["source", "state"]
        )
        counted: Counts[tuple[str, State]] = Counts()
        read = self._read()
        named = set(sorted({source for source, _ in read})[:NAMED_SOURCES])
        for (source, state), number in read.items():
            counted[source if source in named else OTHER, state] += number
        for source in sorted({source for source, _ in counted}):
            for state in STATES:
                shops.add_metric([source, state], counted[source, state])
        yield shops


def begin_registering(source: str) -> None:
    """Likewise, of the registrar."""
    for outcome in REGISTRATION_OUTCOMES:
        REGISTRATIONS.labels(source, outcome)
