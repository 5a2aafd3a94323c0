"""Topics that are made or looked at before the worker starts."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient

from streams.cli import main
from streams.kafka import topics
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import BadTopicsError, TopicNames, prepare
from streams.settings import Settings
from tests.runtime.support import LONG_S, until
from tests.support.kafka import Kafka, create_topics

INPUTS = ("orders", "pickups", "tracking", "shops")
COMPACTED = ("alerts", "app-facts-changelog", "app-standings", "app-remarks", "app-feed-health", "app-packed")
ALL = (*INPUTS, "dead-letters", *COMPACTED, "app-daily-values", "app-questions")


def settings(bootstrap: str, prefix: str = "", partitions: int = 4) -> Settings:
    return Settings(broker=f"kafka://{bootstrap}", topic_prefix=prefix, partitions=partitions, app_id="app")


def prepared(bootstrap: str, prefix: str = "", partitions: int = 4) -> int:
    given = settings(bootstrap, prefix, partitions)
    return prepare(given, TopicNames(given.topic_prefix, given.app_id))


def counts(bootstrap: str, prefix: str) -> dict[str, int]:
    """Partitions by topic, of those with this prefix."""
    listed = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=LONG_S).topics
    return {name.removeprefix(prefix): len(each.partitions) for name, each in listed.items() if name.startswith(prefix)}


async def all_made(bootstrap: str, prefix: str) -> dict[str, int]:
    """`counts`, once the broker knows of all that the controller has made."""

    def found() -> dict[str, int] | None:
        there = counts(bootstrap, prefix)
        return there if len(there) == len(ALL) else None

    there: dict[str, int] = await until(found)
    return there


async def config_of(bootstrap: str, topic: str) -> Mapping[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    return {name: value for name, value, *_ in answer.resources[0][4]}


def test_the_prefix_stands_before_every_name_and_the_app_before_internal_ones() -> None:
    names = TopicNames("eu-", "app")
    assert names.inputs == {f"eu-{plain}": plain for plain in INPUTS}
    assert (names.alerts, names.dead_letters) == ("eu-alerts", "eu-dead-letters")
    assert names.facts == "eu-app-facts-changelog"
    assert (names.standings, names.remarks) == ("eu-app-standings", "eu-app-remarks")
    assert names.feed_health == "eu-app-feed-health"


def test_no_broker_at_a_first_start_is_said_in_one_line_with_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(topics, "ANSWER_S", 0.5)
    settings = {"SHIPCLOCK_BROKER": "kafka://127.0.0.1:1", "SHIPCLOCK_DATADIR": str(tmp_path)}
    ended = CliRunner().invoke(main, ["worker"], env=settings)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == "shipclock worker: no Kafka broker answers at kafka://127.0.0.1:1\n"


def test_a_datadir_that_cannot_be_used_is_told_though_no_broker_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(topics, "ANSWER_S", 0.5)
    (tmp_path / "file").write_text("")
    settings = {"SHIPCLOCK_BROKER": "kafka://127.0.0.1:1", "SHIPCLOCK_DATADIR": str(tmp_path / "file" / "data")}
    said = CliRunner().invoke(main, ["worker"], env=settings).stderr.splitlines()
    assert [each.partition(":")[0] for each in said] == [
        f"SHIPCLOCK_DATADIR={tmp_path}/file/data can't be used",
        "shipclock worker",
    ]


def test_a_wrong_setting_or_pack_ends_the_worker_before_it_looks_for_a_broker(tmp_path: Path) -> None:
    (tmp_path / "notify.yaml").write_text("routes: []\n")
    broker = {"SHIPCLOCK_BROKER": "kafka://127.0.0.1:1"}
    for given, output in (
        ({"SHIPCLOCK_BROKER": ""}, "SHIPCLOCK_BROKER is not set"),
        (broker | {"SHIPCLOCK_CLOCK": "sun"}, "SHIPCLOCK_CLOCK=sun is none of wall, event"),
        (broker | {"SHIPCLOCK_PACKS": "jooom"}, "jooom is no file, no folder and no built-in pack"),
        (broker | {"SHIPCLOCK_NOTIFY_ROUTES": str(tmp_path / "notify.yaml")}, f"{tmp_path}/notify.yaml:1: "),
    ):
        ended = CliRunner().invoke(main, ["worker"], env=given)
        assert (ended.exit_code, ended.stderr.count("\n")) == (2, 1)
        assert output in ended.stderr


def test_a_broker_that_makes_no_topics_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "ANSWER_S", 0.5)
    with EmbeddedBroker() as broker, pytest.raises(BadTopicsError, match="can't be created"):
        prepared(broker.bootstrap)


@pytest.mark.kafka
async def test_missing_topics_are_made_with_the_partitions_asked_for(kafka: Kafka, topic_prefix: str) -> None:
    assert prepared(kafka.bootstrap, topic_prefix, 3) == 3
    assert await all_made(kafka.bootstrap, topic_prefix) == dict.fromkeys(ALL, 3)


@pytest.mark.kafka
async def test_topics_that_hold_state_are_compacted_and_the_others_are_not(kafka: Kafka, topic_prefix: str) -> None:
    prepared(kafka.bootstrap, topic_prefix)
    await all_made(kafka.bootstrap, topic_prefix)

    async def compacted() -> set[str]:
        configs = {name: await config_of(kafka.bootstrap, topic_prefix + name) for name in ALL}
        return {name for name, config in configs.items() if config["cleanup.policy"] == "compact"}

    async def as_wanted() -> bool:
        return await compacted() == set(COMPACTED)

    await until(as_wanted)  # the broker knows a topic a moment before it knows its settings


@pytest.mark.kafka
async def test_topics_that_are_there_say_how_many_partitions_the_rest_gets(kafka: Kafka, topic_prefix: str) -> None:
    await create_topics(kafka.bootstrap, {f"{topic_prefix}{topic}": (2, {}) for topic in ("orders", "tracking")})
    assert prepared(kafka.bootstrap, topic_prefix, 9) == 2
    assert await all_made(kafka.bootstrap, topic_prefix) == dict.fromkeys(ALL, 2)
    assert prepared(kafka.bootstrap, topic_prefix, 9) == 2


@pytest.mark.kafka
@pytest.mark.parametrize(
    "odd", ["pickups", "alerts", "dead-letters", "app-facts-changelog", "app-standings", "app-remarks"]
)
async def test_partition_counts_that_differ_are_told_and_nothing_is_made(
    kafka: Kafka, topic_prefix: str, odd: str
) -> None:
    there = {f"{topic_prefix}orders": (4, {}), topic_prefix + odd: (3, {})}
    await create_topics(kafka.bootstrap, there)
    with pytest.raises(BadTopicsError) as caught:
        prepared(kafka.bootstrap, topic_prefix)
    assert f"partition counts differ: {topic_prefix}orders has 4, {topic_prefix}{odd} has 3." in str(caught.value)
    assert len(counts(kafka.bootstrap, topic_prefix)) == len(there)


@pytest.mark.kafka
async def test_a_topic_that_the_broker_refuses_is_named(kafka: Kafka) -> None:
    with pytest.raises(BadTopicsError, match=r"topic no/slash-orders can't be created: .*invalid"):
        prepared(kafka.bootstrap, "no/slash-")
