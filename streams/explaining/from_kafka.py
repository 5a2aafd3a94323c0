"""Records of an alert, or of all alerts of an order, from the `alerts` topic."""

from rules.messages.alerts import Alert, decode
from streams.explaining.chosen import is_chosen, may_be_chosen
from streams.kafka import reading
from streams.kafka.topics import TopicNames
from streams.settings import Settings


async def records_of(wanted: str, settings: Settings) -> list[Alert]:
    """All records there still are of one alert, or of one order's alerts, oldest first. Raises BadTopicsError."""
    topic = TopicNames(settings.topic_prefix, settings.app_id).alerts
    found: list[Alert] = []
    with reading.failing_as_bad_topics(settings, topic):
        async for record in reading.records_of(settings, topic):
            if record.value and may_be_chosen(record.key or b"", wanted):
                alert = decode(record.value)
                if is_chosen(alert, wanted):
                    found.append(alert)
    return sorted(found, key=lambda record: record.data.revision)
