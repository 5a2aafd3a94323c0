"""An alert's records from the `alerts` topic."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from rules.messages.alerts import Alert, decode
from streams.kafka import access
from streams.kafka.topics import BadTopicsError, TopicNames, partition_counts
from streams.settings import Settings, bootstrap_servers


async def records_of(alert: str, settings: Settings) -> list[Alert]:
    """All records there still are of one alert, oldest first. Raises BadTopicsError."""
    topic = TopicNames(settings.topic_prefix, settings.app_id).alerts
    count = (await asyncio.to_thread(partition_counts, settings)).get(topic)
    if count is None:
        raise BadTopicsError(f"there is no topic {topic} at {settings.broker}")
    try:
        async with AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers(settings),
            enable_auto_commit=False,
            **access.for_aiokafka(settings),
        ) as consumer:
            return await _read(consumer, [TopicPartition(topic, number) for number in range(count)], alert)
    except KafkaError as error:
        raise BadTopicsError(f"{topic} can't be read at {settings.broker} ({type(error).__name__})") from None


async def _read(consumer: AIOKafkaConsumer, tps: list[TopicPartition], alert: str) -> list[Alert]:
    consumer.assign(tps)
    await consumer.seek_to_beginning(*tps)
    ends = await consumer.end_offsets(tps)
    found: list[Alert] = []
    while any([await consumer.position(tp) < ends[tp] for tp in tps]):
        for records in (await consumer.getmany(timeout_ms=1_000)).values():
            found += [decode(record.value) for record in records if record.key == alert.encode() and record.value]
    return sorted(found, key=lambda record: record.data.revision)
