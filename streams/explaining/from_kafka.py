"""Records of an alert, or of all alerts of an order, from the `alerts` topic."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from rules.messages.alerts import Alert, decode
from streams.explaining.chosen import is_chosen, may_be_chosen
from streams.kafka import access
from streams.kafka.topics import BadTopicsError, TopicNames, partition_counts
from streams.settings import Settings, bootstrap_servers


async def records_of(wanted: str, settings: Settings) -> list[Alert]:
    """All records there still are of one alert, or of one order's alerts, oldest first. Raises BadTopicsError."""
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
            return await _read(consumer, [TopicPartition(topic, number) for number in range(count)], wanted)
    except KafkaError as error:
        raise BadTopicsError(f"{topic} can't be read at {settings.broker} ({type(error).__name__})") from None


async def _read(consumer: AIOKafkaConsumer, tps: list[TopicPartition], wanted: str) -> list[Alert]:
    consumer.assign(tps)
    await consumer.seek_to_beginning(*tps)
    ends = await consumer.end_offsets(tps)
    found: list[Alert] = []
    while any([await consumer.position(tp) < ends[tp] for tp in tps]):
        for records in (await consumer.getmany(timeout_ms=1_000)).values():
            likely = [record.value for record in records if record.value and may_be_chosen(record.key or b"", wanted)]
            found += [alert for value in likely if is_chosen(alert := decode(value), wanted)]
    return sorted(found, key=lambda record: record.data.revision)
