"""How topics are set: what the worker refuses to rely on, what it makes, and what it says of."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from streams.kafka import rights, topic_settings, topics
from streams.kafka.topics import BadTopicsError, TopicNames
from streams.settings import Settings
from tests.kafka.test_topics import all_made, config_of
from tests.runtime.outcome import Reader
from tests.runtime.support import START_MS, event, sent, until
from tests.runtime.workers import Site
from tests.support.kafka import Kafka, create_topics, produce

pytestmark = pytest.mark.kafka

COMPACT = {"cleanup.policy": "compact"}


@pytest.fixture(autouse=True)
def _looks_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_settings, "AGAIN_S", 0.2)


async def checked(kafka: Kafka, prefix: str, made: Mapping[str, Mapping[str, str]]) -> None:
    """Makes these topics with these settings and lets the worker make the rest; then its check."""
    if made:
        await create_topics(kafka.bootstrap, {prefix + topic: (4, config) for topic, config in made.items()})
    names = TopicNames(prefix, "app")
    settings = Settings(broker=f"kafka://{kafka.bootstrap}", topic_prefix=prefix, app_id="app")
    topics.prepare(settings, names)
    await all_made(kafka.bootstrap, prefix)
    rights.check(settings, names)


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == topic_settings.__name__]


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
async def test_an_input_that_is_compacted_is_refused(kafka: Kafka, topic_prefix: str, policy: str) -> None:
    with pytest.raises(BadTopicsError) as refused:
        await checked(kafka, topic_prefix, {"tracking": {"cleanup.policy": policy}})
    assert str(refused.value) == (
        f"topic {topic_prefix}tracking is compacted, so that a shop's events are lost: set its cleanup.policy to delete"
    )


@pytest.mark.parametrize("topic", ["alerts", "app-facts-changelog", "app-remarks"])
@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
async def test_state_that_is_deleted_by_time_is_refused(
    kafka: Kafka, topic_prefix: str, topic: str, policy: str
) -> None:
    with pytest.raises(BadTopicsError) as refused:
        await checked(kafka, topic_prefix, {topic: {"cleanup.policy": policy}})
    assert str(refused.value) == (
        f"topic {topic_prefix}{topic} is deleted by time or size, so that state is lost: "
        "set its cleanup.policy to compact"
    )


async def test_all_that_is_wrong_is_told_at_once(kafka: Kafka, topic_prefix: str) -> None:
    with pytest.raises(BadTopicsError) as refused:
        await checked(
            kafka,
            topic_prefix,
            {
                "dead-letters": COMPACT,
                "app-facts-changelog": COMPACT | {"delete.retention.ms": "60000"},
                "alerts": COMPACT | {"max.message.bytes": "5000"},
            },
        )
    assert "dead-letters is compacted, so that dead letters are lost" in str(refused.value)
    assert "set its delete.retention.ms to 86,400,000 or more" in str(refused.value)
    assert "alerts takes records of 5,000 bytes, and the worker may write 1,000,000" in str(refused.value)


async def test_a_worker_that_cannot_rely_on_a_topic_ends_with_2_and_one_line(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(kafka.bootstrap, {f"{topic_prefix}alerts": (4, {"cleanup.policy": "delete"})})
    async with Site(kafka.bootstrap, topic_prefix, tmp_path).worker() as worker:
        assert await worker.ended() == 2
    assert worker.log().startswith(f"shipclock worker: topic {topic_prefix}alerts is deleted by time or size, ")
    assert worker.log().count("\n") == 1


async def test_what_the_worker_makes_is_good_and_its_segments_end_before_long(
    kafka: Kafka, topic_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    await checked(kafka, topic_prefix, {})
    assert logged(caplog) == []

    async def config() -> Mapping[str, str]:
        found = await config_of(kafka.bootstrap, f"{topic_prefix}app-facts-changelog")
        return found if found["cleanup.policy"] == "compact" else {}

    made = await until(config)
    assert (made["segment.bytes"], made["segment.ms"]) == ("67108864", "3600000")


async def test_what_costs_time_or_may_lose_news_is_said_and_not_refused(
    kafka: Kafka, topic_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    short = {"retention.ms": "7200000"}
    await checked(kafka, topic_prefix, {"app-facts-changelog": COMPACT, "orders": short})
    of_events, of_segments = logged(caplog)
    assert of_events.startswith(f"topic {topic_prefix}orders keeps events for 2.0 h (retention.ms): ")
    assert of_segments.startswith(f"{topic_prefix}app-facts-changelog: segments this long are hardly ever compacted")
    assert "set segment.bytes=67108864 and segment.ms=3600000" in of_segments


@pytest.mark.parametrize(
    ("config", "days"),
    [
        ({"cleanup.policy": "compact,delete", "retention.ms": "2592000000"}, 30),
        ({"cleanup.policy": "delete", "retention.ms": "604800000"}, 7),
        ({"cleanup.policy": "compact", "retention.ms": "604800000"}, None),
        ({"cleanup.policy": "compact,delete", "retention.ms": "-1"}, None),
    ],
)
async def test_daily_values_that_are_deleted_too_soon_are_said_to_end_trends(
    kafka: Kafka,
    topic_prefix: str,
    caplog: pytest.LogCaptureFixture,
    config: Mapping[str, str],
    days: int | None,
) -> None:
    await checked(kafka, topic_prefix, {"app-daily-values": config})
    wanted = (
        f"topic {topic_prefix}app-daily-values keeps the figures of days for {days} days: trends end there; "
        "set its retention.ms to 34560000000 (400 days)"
    )
    assert logged(caplog) == ([] if days is None else [wanted])


@pytest.mark.slow
async def test_partitions_that_were_added_are_noticed_before_anything_is_written(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    site = Site(kafka.bootstrap, topic_prefix, tmp_path)
    site.make_topics()
    async with site.worker() as worker, Reader(site.bootstrap, site.prefix, f"{site.group}-facts-changelog") as facts:
        await worker.ready()
        await produce(site.bootstrap, sent(site.prefix, event("order.placed", START_MS, shop="s1")))
        await facts.until(lambda: facts.records)
        assert await worker.stop() == 0
    names = TopicNames(site.prefix, site.group)
    admin = AdminClient({"bootstrap.servers": site.bootstrap})
    for grown in admin.create_partitions([NewPartitions(topic, 8) for topic in names.all]).values():
        grown.result()
    await until(lambda: {topics.partition_counts(site.settings())[topic] for topic in names.all} == {8})
    async with site.worker() as worker:
        assert await worker.ended() == 1
    last = worker.log().splitlines()[-1]
    assert "worker: partitions were added since state was written: joom/s1 lies in partition 2, and its" in last
