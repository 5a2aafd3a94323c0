"""Reads topics to their present end, without a consumer group."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams.kafka import access
from streams.kafka.consumer import Consumer
from streams.kafka.topics import BadTopicsError, partition_counts
from streams.settings import Settings, bootstrap_servers

WAIT_MS = 1_000

AT_ONCE = 500
"""Records given out before the event loop's other tasks run."""


class NoTopicError(BadTopicsError):
    """There is no such topic: nothing has been written yet, or its name is another."""


async def partitions_of(settings: Settings, topic: str) -> list[TopicPartition]:
    """Raises NoTopicError, and BadTopicsError where the broker can't be reached."""
    count = (await asyncio.to_thread(partition_counts, settings)).get(topic)
    if count is None:
        raise NoTopicError(f"there is no topic {topic} at {settings.broker}")
    return [TopicPartition(topic, number) for number in range(count)]


@asynccontextmanager
async def reading(settings: Settings, tps: Sequence[TopicPartition]) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that is assigned these partitions and sees what is committed."""
    async with Consumer(
        bootstrap_servers=bootstrap_servers(settings),
        enable_auto_commit=False,
        isolation_level="read_committed",
        **access.for_aiokafka(settings),
    ) as consumer:
        consumer.assign(tps)
        yield consumer


async def to_end(consumer: AIOKafkaConsumer, tps: Sequence[TopicPartition]) -> AsyncIterator[ConsumerRecord]:
    """The records from where the consumer stands, each partition in order. Raises KafkaError."""
    ends = await consumer.end_offsets(tps)
    while any([await consumer.position(tp) < ends[tp] for tp in tps]):
        await asyncio.sleep(0)
        for tp, records in (await consumer.getmany(timeout_ms=WAIT_MS, max_records=AT_ONCE)).items():
            for record in records:
                if record.offset < ends[tp]:
                    yield record


async def records_of(settings: Settings, topic: str) -> AsyncIterator[ConsumerRecord]:
    """All records that a topic holds. Raises BadTopicsError, KafkaError."""
    tps = await partitions_of(settings, topic)
    async with reading(settings, tps) as consumer:
        await consumer.seek_to_beginning(*tps)
        async for record in to_end(consumer, tps):
            yield record


@contextmanager
def failing_as_bad_topics(settings: Settings, topic: str) -> Iterator[None]:
    """Turns a KafkaError into a BadTopicsError, whose text is for people."""
    try:
        yield
    except KafkaError as error:
        raise BadTopicsError(f"{topic} can't be read at {settings.broker} ({type(error).__name__})") from None
