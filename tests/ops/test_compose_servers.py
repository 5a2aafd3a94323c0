"""The configuration that docker-compose.yml mounts and the secrets that `make up` makes, with the real servers."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from streams.kafka import access, topics
from streams.settings import Settings, bootstrap_servers, from_environment
from streams.sinks.redis.alert_scripts import REVISIONS
from tests.ops.support import DEPLOY, ROOT
from tests.sinks import test_redis_alerts, test_redis_due
from tests.sinks.support import alert
from tests.sinks.test_example_consumer import SHIP, consumer, line
from tests.sinks.test_ship_next import facts
from tests.support.brokers import started
from tests.support.kafka import _JarNode, _jars
from tests.support.ports import free_ports
from tests.support.servers import RedisServer


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make up` fills before it starts Docker, which here does nothing."""
    folder = tmp_path_factory.mktemp("up")
    (folder / "docker").write_text("#!/bin/sh\n")
    (folder / "docker").chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "--silent", f"--file={ROOT / 'Makefile'}", "up"]
    subprocess.run(command, cwd=folder, env=environment, check=True, umask=0o077)
    return folder / ".secrets"


# -- Kafka ---------------------------------------------------------------------------------------------------


class ComposeKafka(_JarNode):
    """The node of docker-compose.yml with its own server.properties, but on free ports and with its folders here."""

    def __init__(self, secrets: Path) -> None:
        super().__init__(_jars(), None)
        self.host, self.inside, self.within, controller = (f"localhost:{port}" for port in free_ports(4))
        given = (DEPLOY / "kafka/server.properties").read_text()
        for here, there in (
            ("//:9092", f"//:{self.host.partition(':')[2]}"),
            ("localhost:9092", self.host),
            ("//:29092", f"//:{self.inside.partition(':')[2]}"),
            ("kafka:29092", self.inside),
            ("localhost:19092", self.within),
            ("localhost:9093", controller),
            ("/run/secrets", str(secrets)),
            ("/var/lib/kafka/data", str(self._home / "data")),
        ):
            assert here in given
            given = given.replace(here, there)
        self._properties.write_text(given)
        shutil.copy(DEPLOY / "kafka/log4j2.properties", self._home)

    def log(self) -> str:
        return self._log.read_text(errors="replace")


@pytest.fixture(scope="module")
def compose_kafka(secrets: Path) -> Iterator[ComposeKafka]:
    with started(lambda: ComposeKafka(secrets)) as broker:
        yield broker


def as_the_worker(secrets: Path, address: str, **others: str) -> Settings:
    return from_environment(
        {
            "SHIPCLOCK_BROKER": f"kafka://{address}",
            "SHIPCLOCK_KAFKA_SECURITY": "SASL_PLAINTEXT",
            "SHIPCLOCK_KAFKA_USERNAME": "shipclock",
            "SHIPCLOCK_KAFKA_PASSWORD_FILE": str(secrets / "kafka-password"),
        }
        | others
    )


async def may_enter(settings: Settings) -> bool:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers(settings), request_timeout_ms=5_000, **access.for_aiokafka(settings)
    )
    try:
        await producer.start()
    except KafkaConnectionError:
        return False
    finally:
        await producer.stop()
    return True


@pytest.mark.kafka
def test_the_worker_makes_its_topics_with_the_password_that_was_made(
    compose_kafka: ComposeKafka, secrets: Path
) -> None:
    settings = as_the_worker(secrets, compose_kafka.inside)
    assert topics.prepare(settings, topics.TopicNames("", "app")) == settings.partitions


@pytest.mark.kafka
@pytest.mark.parametrize("listener", ["host", "inside"])
async def test_kafka_lets_nobody_in_without_the_password(
    compose_kafka: ComposeKafka, secrets: Path, tmp_path: Path, listener: str
) -> None:
    address = getattr(compose_kafka, listener)
    wrong = tmp_path / "password"
    wrong.write_text("guessed")
    assert await may_enter(as_the_worker(secrets, address))
    assert not await may_enter(as_the_worker(secrets, address, SHIPCLOCK_KAFKA_PASSWORD_FILE=str(wrong)))
    assert not await may_enter(as_the_worker(secrets, address, SHIPCLOCK_KAFKA_SECURITY="PLAINTEXT"))


def test_only_the_container_itself_reaches_the_listeners_without_a_password() -> None:
    lines = (DEPLOY / "kafka/server.properties").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if "=" in line)
    protocols = dict(each.split(":") for each in given["listener.security.protocol.map"].split(","))
    hosts = dict(each.split("://") for each in given["listeners"].split(","))
    assert set(protocols) == set(hosts)
    open_ones = {name for name, protocol in protocols.items() if protocol == "PLAINTEXT"}
    assert {name for name, host in hosts.items() if not host.startswith("localhost:")} == set(hosts) - open_ones


@pytest.mark.kafka
def test_kafkas_password_is_not_in_its_log(compose_kafka: ComposeKafka, secrets: Path) -> None:
    assert "Kafka Server started" in compose_kafka.log()
    assert (secrets / "kafka-password").read_text() not in compose_kafka.log()


# -- Redis ---------------------------------------------------------------------------------------------------


class ComposeRedis(RedisServer):
    """Redis with the configuration of docker-compose.yml, but its secret where it is here."""

    def __init__(self, folder: Path, secrets: Path) -> None:
        super().__init__(folder)
        self._secrets = secrets
        given = (DEPLOY / "redis/redis.conf").read_text()
        assert "aclfile /run/secrets/redis-users" in given
        (folder / "redis.conf").write_text(given.replace("/run/secrets", str(secrets)))

    @property
    def url(self) -> str:
        """As the worker's secret has it, but for the address."""
        return (self._secrets / "redis-url").read_text().replace("redis:6379", f"127.0.0.1:{self.port}")

    def command(self) -> list[str]:
        return ["redis-server", "redis.conf", "--port", str(self.port), "--bind", "127.0.0.1"]


@pytest.fixture
def compose_redis(tmp_path: Path, secrets: Path) -> Iterator[ComposeRedis]:
    with ComposeRedis(tmp_path, secrets) as server:
        yield server


async def test_the_sinks_and_a_warehouses_consumer_work_with_the_password_that_was_made(
    compose_redis: ComposeRedis,
) -> None:
    async with test_redis_alerts.hand(compose_redis) as alerts, consumer(compose_redis) as packer:
        await alerts.send(alert("1", **SHIP))
        assert await line(packer) == "ship_first 1 until 2026-01-04T00:00:00Z"
    placed = facts("A1", placed_ms=test_redis_due.PLACED_MS)
    async with test_redis_due.hand(compose_redis, [("8412", placed)]):
        assert list(test_redis_due.due(compose_redis)) == ["joom/s17/8412"]


@pytest.mark.parametrize("login", ["", ":guessed@", "default:@"])
def test_redis_lets_nobody_in_without_the_password(compose_redis: ComposeRedis, login: str) -> None:
    with pytest.raises(AuthenticationError):
        Redis.from_url(f"redis://{login}127.0.0.1:{compose_redis.port}/0").get(REVISIONS + "default")


@pytest.mark.parametrize("command", ["CONFIG GET *", "FLUSHALL", "SHUTDOWN", "MODULE LIST", "KEYS *", "GET other"])
def test_who_has_the_password_has_shipclocks_keys_and_no_more(compose_redis: ComposeRedis, command: str) -> None:
    with pytest.raises(NoPermissionError):
        Redis.from_url(compose_redis.url).execute_command(*command.split())


def test_redis_itself_is_given_only_the_hash(secrets: Path) -> None:
    password = (secrets / "redis-password").read_text()
    assert password in (secrets / "redis-url").read_text()
    assert password not in (secrets / "redis-users").read_text()
