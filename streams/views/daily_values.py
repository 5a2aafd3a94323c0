"""Reads daily values from their topic, when somebody asks for them.

They are not kept in memory as other views are: 20,000 shops over 400 days would be gigabytes. What a question costs is
reading the topic from the first day asked for on, of one shop only its partition: some 5 µs a record, with all shops of
the partition among them. The records' timestamps are the days, by which Kafka finds where to begin.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import date

import msgspec
from aiokafka import TopicPartition

from rules.calendar.instants import DAY_MS, date_ms
from rules.messages.daily_values import DailyValues, decode
from rules.messages.names import shop_key
from streams.clock import wall_ms
from streams.kafka.keys import partition_of
from streams.kafka.reading import reading, to_end
from streams.settings import Settings
from streams.views.shops import ShopKey


def days_of_shop(
    settings: Settings, topic: str, partitions: int, shop: ShopKey, since: date
) -> AsyncIterator[DailyValues]:
    """What the topic, of so many partitions, holds of a shop, as `read_days` says."""
    prefix = f"{shop_key(*shop)}/".encode()
    return read_days(settings, topic, [partition_of(*shop, partitions)], since, lambda key: key.startswith(prefix))


def days_of_all(settings: Settings, topic: str, partitions: int, since: date) -> AsyncIterator[DailyValues]:
    """What the topic, of so many partitions, holds of all shops, as `read_days` says."""
    return read_days(settings, topic, range(partitions), since, lambda key: True)


async def read_days(
    settings: Settings, topic: str, partitions: Iterable[int], since: date, wanted: Callable[[bytes], bool]
) -> AsyncIterator[DailyValues]:
    """What partitions of the topic hold of the local days from `since` on, for `wanted` keys (`platform/shop/day`), in
    the order in which it was written: of several records of a shop and day the last one holds. Raises KafkaError."""
    tps = [TopicPartition(topic, number) for number in partitions]
    # A day that lies ahead of this machine's clock, in event time, has the time at which it was written.
    since_ms = min(date_ms(since), wall_ms() - DAY_MS)
    async with reading(settings, tps) as consumer:
        begins = await consumer.beginning_offsets(tps)
        for tp, first in (await consumer.offsets_for_times(dict.fromkeys(tps, since_ms))).items():
            # None where no record is as new; the embedded broker says it of all.
            consumer.seek(tp, begins[tp] if first is None else first.offset)
        async for record in to_end(consumer, tps):
            if record.value is not None and record.key is not None and wanted(record.key):
                try:
                    values = decode(record.value)
                except msgspec.DecodeError:
                    continue  # nobody else writes there, and a day that can't be read is a gap
                if values.day >= since.isoformat():
                    yield values
