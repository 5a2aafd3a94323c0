"""A consumer can be stopped while its broker is away."""

import asyncio
import logging
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

import streams
from streams.kafka.consumer import Consumer
from tests.runtime.support import until
from tests.support.kafka import Kafka, create_topics


async def cancelled(_: AIOKafkaConsumer) -> None:
    """As aiokafka's `stop` ends where a fetch waits to be sent again."""
    raise asyncio.CancelledError


async def test_who_stops_it_is_not_cancelled_and_its_client_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AIOKafkaConsumer, "stop", cancelled)
    consumer, closed = Consumer(), asyncio.Event()

    async def close() -> None:
        closed.set()

    monkeypatch.setattr(consumer._client, "close", close)
    await consumer.stop()
    assert closed.is_set()


async def test_who_is_cancelled_while_stopping_it_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def waits(_: AIOKafkaConsumer) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(AIOKafkaConsumer, "stop", waits)
    stopping = asyncio.ensure_future(Consumer().stop())
    await asyncio.sleep(0)
    stopping.cancel()
    await asyncio.wait({stopping})
    assert stopping.cancelled()


def test_no_other_consumer_is_made() -> None:
    sources = Path(streams.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if "AIOKafkaConsumer(" in path.read_text()] == []


@pytest.mark.kafka
@pytest.mark.slow
async def test_it_stops_while_its_fetches_wait_for_a_broker_that_is_away(
    own_kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    await create_topics(own_kafka.bootstrap, {"a": (1, {})})
    consumer = Consumer(bootstrap_servers=own_kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition("a", 0)])
    await consumer.getmany(timeout_ms=100)
    with caplog.at_level(logging.ERROR, "aiokafka.consumer.fetcher"):
        own_kafka.kill()
        await until(lambda: "Failed fetch messages" in caplog.text)
    await consumer.stop()
