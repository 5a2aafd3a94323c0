"""An alert's records from the `alerts` topic."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from rules.alerts import Alert, decode
from streams import kafka_access
from streams.settings import Settings, bootstrap_servers
from streams.topics import BadTopicsError, TopicNames, partitions_of


class UnreadableTopicError(Exception):
    """The topic can't be read; the text says why."""


async def records_of(alert: str, settings: Settings) -> list[Alert]:
    """All records there still are of one alert, oldest first. Raises UnreadableTopicError."""
    topic = TopicNames(settings.topic_prefix, settings.app_id).alerts
    try:
        partitions = partitions_of(settings, topic)
        if not partitions:
            raise UnreadableTopicError(f"there is no topic {topic} at {settings.broker}")
        async with AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers(settings),
            enable_auto_commit=False,
            **kafka_access.for_aiokafka(settings),
        ) as consumer:
            return await _read(consumer, [TopicPartition(topic, number) for number in range(partitions)], alert)
    except BadTopicsError as error:
        raise UnreadableTopicError(str(error)) from None
    except KafkaError as error:
        raise UnreadableTopicError(f"{topic} at {settings.broker} can't be read ({type(error).__name__})") from None


async def _read(consumer: AIOKafkaConsumer, tps: list[TopicPartition], alert: str) -> list[Alert]:
    consumer.assign(tps)
    await consumer.seek_to_beginning(*tps)
    ends = await consumer.end_offsets(tps)
    found: list[Alert] = []
    while any([await consumer.position(tp) < ends[tp] for tp in tps]):
        for records in (await consumer.getmany(timeout_ms=1_000)).values():
            found += [decode(record.value) for record in records if record.key == alert.encode() and record.value]
    return sorted(found, key=lambda record: record.data.revision)
