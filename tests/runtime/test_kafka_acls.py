"""The worker on a Kafka that lets it do what `deploy/docs/kafka-acls.md` grants, and nothing else."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from streams.kafka import access, topics
from streams.kafka.dead_letters import dead_letter
from streams.resending.again import Resending, Selection
from streams.settings import Settings, bootstrap_servers
from tests.runtime.outcome import Reader
from tests.runtime.support import LATE_MS, PACK, START_MS, event, record, sent, ticks, until
from tests.runtime.workers import WorkerProcess
from tests.support.brokers import started
from tests.support.kafka import produce
from tests.support.secure_kafka import PASSWORD, GuardedKafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PAGE = Path(__file__).parents[2] / "deploy" / "docs" / "kafka-acls.md"
NAMES = topics.TopicNames("", "shipclock")
OPERATIONS = {"IdempotentWrite": "IDEMPOTENT_WRITE", "DescribeConfigs": "DESCRIBE_CONFIGS"}


def granted(page: str = PAGE.read_text()) -> Iterator[AclBinding]:
    """What the page's commands grant."""
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("acls --"):
                yield from _bindings(shlex.split(line)[1:])


def _bindings(words: list[str]) -> Iterator[AclBinding]:
    options: dict[str, list[str]] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        options.setdefault(name.removeprefix("--"), []).append(value)
    (principal,), (pattern,) = options.pop("allow-principal"), options.pop("resource-pattern-type", ["literal"])
    operations = options.pop("operation")
    for kind, names in options.items():
        for name in names:
            for operation in operations:
                yield AclBinding(
                    ResourceType[kind.upper().replace("-", "_")],
                    name,
                    ResourcePatternType[pattern.upper()],
                    principal,
                    "*",
                    AclOperation[OPERATIONS.get(operation, operation.upper())],
                    AclPermissionType.ALLOW,
                )


def without(operation: str, name: str) -> list[AclBinding]:
    """What the page grants the worker, but for one right."""
    lost = [each for each in granted() if (each.operation.name, each.name) == (operation, name)]
    assert lost
    return lost


@pytest.fixture(scope="module")
def kafka() -> Iterator[GuardedKafka]:
    """With the worker's topics made."""
    with started(lambda: GuardedKafka("shipclock", "erp", "carrier", "warehouse", "repair")) as broker:
        topics.prepare(Settings(broker=f"kafka://{broker.bootstrap}"), NAMES)
        yield broker


@pytest.fixture
def admin(kafka: GuardedKafka) -> Iterator[AdminClient]:
    """The page's rights are granted for the test."""
    client = AdminClient({"bootstrap.servers": kafka.bootstrap})
    _wait(client.create_acls(list(granted())))
    yield client
    everything = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
    )
    _wait(client.delete_acls([everything]))


def revoke(admin: AdminClient, *rights: AclBinding) -> None:
    filters = [
        AclBindingFilter(
            each.restype,
            each.name,
            each.resource_pattern_type,
            each.principal,
            each.host,
            each.operation,
            each.permission_type,
        )
        for each in rights
    ]
    _wait(admin.delete_acls(filters))


def _wait(answers: dict) -> None:  # type: ignore[type-arg]
    for answer in answers.values():
        answer.result()


def settings(kafka: GuardedKafka, user: str) -> Settings:
    return Settings(
        broker=f"kafka://{kafka.plain}",
        kafka_security="SASL_PLAINTEXT",
        kafka_username=user,
        kafka_password=PASSWORD,
    )


def worker(kafka: GuardedKafka, folder: Path) -> WorkerProcess:
    environment = {
        "SHIPCLOCK_BROKER": f"kafka://{kafka.plain}",
        "SHIPCLOCK_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "SHIPCLOCK_KAFKA_USERNAME": "shipclock",
        "SHIPCLOCK_KAFKA_PASSWORD": PASSWORD,
        "SHIPCLOCK_PACKS": str(PACK),
        "SHIPCLOCK_CLOCK": "event",
        "SHIPCLOCK_WEB_PORT": "0",
        "SHIPCLOCK_DATADIR": str(folder / "data"),
    }
    return WorkerProcess(environment, folder / "worker.log")


async def write_as(kafka: GuardedKafka, user: str, *records: tuple[str, bytes, bytes]) -> None:
    given = settings(kafka, user)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers(given), **access.for_aiokafka(given)) as producer:
        for topic, key, value in records:
            await producer.send_and_wait(topic, value, key=key)


async def test_with_these_rights_events_come_in_and_alerts_go_out(
    kafka: GuardedKafka, admin: AdminClient, tmp_path: Path
) -> None:
    async with worker(kafka, tmp_path) as running, Reader(kafka.bootstrap, "", "alerts") as alerts:
        await running.ready()
        await write_as(kafka, "erp", *sent("", event("order.placed", START_MS)), ("orders", b"joom/s17", b"no event"))
        await produce(kafka.bootstrap, ticks("", START_MS + LATE_MS))
        await alerts.until(lambda: len(alerts.alerts()) == 1)
        async with Reader(kafka.bootstrap, "", "dead-letters") as dead:
            await dead.until(lambda: len(dead.records) == 1)
        assert await running.stop() == 0, running.log()[-3000:]
    given = settings(kafka, "warehouse")
    async with AIOKafkaConsumer(
        "alerts",
        bootstrap_servers=bootstrap_servers(given),
        group_id="warehouse-1",
        auto_offset_reset="earliest",
        **access.for_aiokafka(given),
    ) as consumer:
        assert (await consumer.getone()).value == alerts.records[0].value


@pytest.mark.parametrize("topic", ["alerts", "dead-letters", "shipclock-facts-changelog", "shipclock-standings"])
async def test_who_sends_events_cannot_write_what_the_worker_writes(
    kafka: GuardedKafka, admin: AdminClient, topic: str
) -> None:
    for user in ("erp", "carrier", "warehouse"):
        with pytest.raises(TopicAuthorizationFailedError):
            await write_as(kafka, user, (topic, b"joom/s17", b"forged"))


async def test_nor_what_another_system_sends(kafka: GuardedKafka, admin: AdminClient) -> None:
    for user, topic in (("erp", "tracking"), ("carrier", "orders"), ("warehouse", "shops")):
        with pytest.raises(TopicAuthorizationFailedError):
            await write_as(kafka, user, (topic, b"joom/s17", b"forged"))


@pytest.mark.parametrize(
    ("operation", "name", "message"),
    [
        ("WRITE", "alerts", "lacks WRITE on topic alerts on"),
        ("READ", "tracking", "topic tracking"),
        ("WRITE", "dead-letters", "topic dead-letters"),
        ("WRITE", "shipclock-", "WRITE on topic shipclock-facts-changelog, WRITE on topic shipclock-standings"),
        ("READ", "shipclock", "lacks READ on group shipclock on"),
    ],
)
async def test_a_worker_that_lacks_a_right_ends_in_one_line_that_names_it(
    kafka: GuardedKafka, admin: AdminClient, tmp_path: Path, operation: str, name: str, message: str
) -> None:
    revoke(admin, *without(operation, name))
    async with worker(kafka, tmp_path) as running:
        assert await running.ended() == 2, running.log()[-3000:]
    assert running.log().startswith("shipclock worker: ") and message in running.log(), running.log()
    assert "kafka-acls.md" in running.log()
    assert running.log().count("\n") == 1


async def test_a_right_that_is_taken_away_ends_it_in_one_line_too(
    kafka: GuardedKafka, admin: AdminClient, tmp_path: Path
) -> None:
    async with worker(kafka, tmp_path) as running:
        await running.ready()
        revoke(admin, *without("WRITE", "alerts"))
        await produce(kafka.bootstrap, sent("", event("order.placed", START_MS, "2")))
        await produce(kafka.bootstrap, ticks("", START_MS + LATE_MS + 1))
        assert await running.ended() == 1, running.log()[-3000:]
    message = (
        "Kafka refuses what is written to alerts-2: this user lacks WRITE on the topic; see deploy/docs/kafka-acls.md"
    )
    assert running.log().splitlines()[-1] == f"shipclock worker: {message}"


async def test_a_topic_that_may_not_be_made_is_named(kafka: GuardedKafka, admin: AdminClient) -> None:
    with pytest.raises(topics.BadTopicsError, match=r"topic other-.* and it can't be created"):
        topics.prepare(replace(settings(kafka, "shipclock"), topic_prefix="other-"), topics.TopicNames("other-", "x"))


async def test_who_sends_dead_letters_again_may_do_that(kafka: GuardedKafka, admin: AdminClient) -> None:
    letter = dead_letter(record("orders", b"{}"), "a test of rights")
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait("dead-letters", letter.value, letter.key, headers=letter.headers)

    async def sent_again() -> int:
        try:
            outcome = await Resending(settings(kafka, "repair")).send(Selection(reason="a test of rights"))
        except (topics.BadTopicsError, KafkaError):  # the broker hears of a right a moment after it was granted
            return 0
        return outcome.sent.total()

    assert await until(sent_again) == 1
