"""The broker that the other tests stand on."""

import os

import pytest
from aiokafka.partitioner import murmur2

from tests.support.kafka import Kafka, create_topics, produce, read_topic

pytestmark = pytest.mark.kafka


async def test_what_is_produced_is_read_back_from_its_keys_partition(kafka: Kafka, topic_prefix: str) -> None:
    topic = f"{topic_prefix}orders"
    await create_topics(kafka.bootstrap, {topic: (4, {})})
    sent = [(topic, f"joom/s{n % 7}".encode(), f"value {n}".encode()) for n in range(100)]

    await produce(kafka.bootstrap, sent)

    records = await read_topic(kafka.bootstrap, topic)
    assert sorted((topic, record.key, record.value) for record in records) == sorted(sent)
    assert all(record.partition == (murmur2(record.key) & 0x7FFFFFFF) % 4 for record in records)


@pytest.mark.slow
@pytest.mark.skipif("TEST_KAFKA" in os.environ, reason="that broker is not ours to restart")
async def test_a_restart_keeps_the_data_and_the_address(kafka: Kafka, topic_prefix: str) -> None:
    topic, address = f"{topic_prefix}orders", kafka.bootstrap
    await create_topics(kafka.bootstrap, {topic: (1, {})})
    await produce(kafka.bootstrap, [(topic, b"joom/s1", b"before")])

    kafka.restart()
    await produce(kafka.bootstrap, [(topic, b"joom/s1", b"after")])

    assert kafka.bootstrap == address
    assert [record.value for record in await read_topic(address, topic)] == [b"before", b"after"]
