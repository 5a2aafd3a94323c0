"""TLS and SASL: every Kafka client of the worker, on a real Kafka that asks for them."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from streams.explaining.from_kafka import records_of
from streams.kafka import access as kafka_access
from streams.kafka import topics
from streams.settings import Settings, bootstrap_servers
from tests.runtime.outcome import Reader
from tests.runtime.support import LATE_MS, START_MS, event, sent, ticks, until
from tests.runtime.workers import SHIPCLOCK, Site
from tests.support.brokers import started
from tests.support.kafka import produce
from tests.support.secure_kafka import PASSWORD, USER, SecureKafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(scope="module")
def secure() -> Iterator[SecureKafka]:
    with started(SecureKafka) as broker:
        yield broker


def settings(secure: SecureKafka, security: str) -> Settings:
    """As a worker would have them for one of the listeners."""
    log_in = {"kafka_username": USER, "kafka_password": PASSWORD}
    match security:
        case "SASL_SSL":
            how = {"kafka_mechanism": "SCRAM-SHA-512", "kafka_ca": secure.ca, **log_in}
            at = secure.scram
        case "SASL_PLAINTEXT":
            how, at = {"kafka_mechanism": "PLAIN", **log_in}, secure.plain
        case _:
            how, at = {"kafka_ca": secure.ca}, secure.tls
    return Settings(broker=f"kafka://{at}", kafka_security=security, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("security", ["SSL", "SASL_PLAINTEXT", "SASL_SSL"])
async def test_topics_are_made_and_read_over_every_kind_of_listener(
    secure: SecureKafka, topic_prefix: str, security: str
) -> None:
    given = settings(secure, security)
    names = topics.TopicNames(topic_prefix, "app")
    assert topics.prepare(given, names) == given.partitions
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers(given), **kafka_access.for_aiokafka(given)
    ) as consumer:

        async def are_there() -> bool:
            return {names.alerts, names.facts} <= await consumer.topics()

        await until(are_there)  # the controller has made them; the broker hears of it a moment later


@pytest.mark.parametrize("wrong", [{"kafka_password": "guessed"}, {"kafka_security": "PLAINTEXT"}])
def test_who_may_not_enter_is_told_so_without_the_password(
    secure: SecureKafka, wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "ANSWER_S", 2.0)
    with pytest.raises(topics.BadTopicsError, match="no Kafka broker answers at") as caught:
        topics.prepare(replace(settings(secure, "SASL_SSL"), **wrong), topics.TopicNames("", "app"))  # type: ignore[arg-type]
    assert "guessed" not in str(caught.value) and PASSWORD not in str(caught.value)


def access(secure: SecureKafka, folder: Path) -> dict[str, str]:
    """The variables for the listener with TLS and SCRAM."""
    password = folder / "password"
    password.write_text(f"{PASSWORD}\n")
    return {
        "SHIPCLOCK_KAFKA_SECURITY": "SASL_SSL",
        "SHIPCLOCK_KAFKA_MECHANISM": "SCRAM-SHA-512",
        "SHIPCLOCK_KAFKA_USERNAME": USER,
        "SHIPCLOCK_KAFKA_PASSWORD_FILE": str(password),
        "SHIPCLOCK_KAFKA_CA": str(secure.ca),
    }


async def test_neither_the_password_nor_what_records_hold_is_in_the_log_at_debug(
    secure: SecureKafka, topic_prefix: str, tmp_path: Path
) -> None:
    site = Site(secure.bootstrap, topic_prefix, tmp_path)
    site.make_topics()
    log_in = {
        "SHIPCLOCK_BROKER": f"kafka://{secure.plain}",
        "SHIPCLOCK_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "SHIPCLOCK_KAFKA_USERNAME": USER,
        "SHIPCLOCK_KAFKA_PASSWORD": PASSWORD,
        "SHIPCLOCK_LOG_LEVEL": "debug",
    }
    order = event("order.placed", START_MS, order="order-of-somebody")
    async with site.worker(**log_in) as worker, Reader(secure.bootstrap, topic_prefix, "alerts") as alerts:
        await produce(secure.bootstrap, sent(topic_prefix, order))
        await produce(secure.bootstrap, ticks(topic_prefix, START_MS + LATE_MS))
        await alerts.until(lambda: len(alerts.alerts()) == 1)
        assert await worker.stop() == 0
        assert "DEBUG" in worker.log()
        assert PASSWORD not in worker.log()
        assert "order-of-somebody" not in worker.log()
    files = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    assert len(files) > 3
    assert [file for file in files if file.stat().st_mode & 0o077] == []


async def test_import_sends_over_tls_with_a_password(secure: SecureKafka, topic_prefix: str, tmp_path: Path) -> None:
    Site(secure.bootstrap, topic_prefix, tmp_path).make_topics()
    (tmp_path / "orders.csv").write_text("Order,At\n1,2026-01-01T00:00:00Z\n")
    (tmp_path / "map.yaml").write_text("{platform: joom, shop: s17, columns: {order: Order, placed: At}}")
    command = [SHIPCLOCK, "import", "csv", "orders.csv", "--map", "map.yaml", "--to-kafka", f"kafka://{secure.scram}"]
    sending = await asyncio.create_subprocess_exec(
        *command, "--topic-prefix", topic_prefix, cwd=tmp_path, env=os.environ | access(secure, tmp_path)
    )
    assert await sending.wait() == 0
    async with Reader(secure.bootstrap, topic_prefix, "orders") as orders:
        await orders.until(lambda: len(orders.alerts()) == 1)


async def test_the_worker_reads_and_writes_over_tls_with_a_password(
    secure: SecureKafka, topic_prefix: str, tmp_path: Path
) -> None:
    site = Site(secure.bootstrap, topic_prefix, tmp_path)
    site.make_topics()
    broker = {"SHIPCLOCK_BROKER": f"kafka://{secure.scram}"}
    async with (
        site.worker(**broker, **access(secure, tmp_path)) as worker,
        Reader(secure.bootstrap, topic_prefix, "alerts") as alerts,
    ):
        await produce(secure.bootstrap, sent(topic_prefix, event("order.placed", START_MS)))
        await produce(secure.bootstrap, ticks(topic_prefix, START_MS + LATE_MS))
        await alerts.until(lambda: len(alerts.alerts()) == 1)
        assert await worker.stop() == 0
        assert PASSWORD not in worker.log()
        as_worker = replace(settings(secure, "SASL_SSL"), topic_prefix=topic_prefix)
        (record,) = await records_of(alerts.alerts()[0]["data"]["alert"], as_worker)
        assert record.data.revision == 1
