"""Reads daily values from their topic, when somebody asks for them.

They are not kept in memory as other views are: 20,000 shops over 400 days would be gigabytes. What a question costs is
reading the topic from the first day asked for on, of one shop only its partition: some 5 µs a record, with all shops of
the partition among them. The records' timestamps are the days, by which Kafka finds where to begin.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import date

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from rules.calendar.instants import DAY_MS, date_ms
from rules.messages.daily_values import DailyValues, decode
from rules.messages.names import shop_key
from streams.clock import wall_ms
from streams.kafka import access
from streams.kafka.keys import partition_of
from streams.settings import Settings, bootstrap_servers
from streams.views.shops import ShopKey

WAIT_MS = 1_000

AT_ONCE = 500
"""Records looked at before the event loop's other tasks run."""


def days_of_shop(
    settings: Settings, topic: str, partitions: int, shop: ShopKey, since: date
) -> AsyncIterator[DailyValues]:
    """What the topic, of so many partitions, holds of a shop, as `read_days` says."""
    prefix = f"{shop_key(*shop)}/".encode()
    return read_days(settings, topic, [partition_of(*shop, partitions)], since, lambda key: key.startswith(prefix))


async def read_days(
    settings: Settings, topic: str, partitions: Iterable[int], since: date, wanted: Callable[[bytes], bool]
) -> AsyncIterator[DailyValues]:
    """What partitions of the topic hold of the local days from `since` on, for `wanted` keys (`platform/shop/day`), in
    the order in which it was written: of several records of a shop and day the last one holds. Raises KafkaError."""
    tps = [TopicPartition(topic, number) for number in partitions]
    # A day that lies ahead of this machine's clock, in event time, has the time at which it was written.
    since_ms = min(date_ms(since), wall_ms() - DAY_MS)
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers(settings),
        enable_auto_commit=False,
        isolation_level="read_committed",
        **access.for_aiokafka(settings),
    ) as consumer:
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        begins = await consumer.beginning_offsets(tps)
        for tp, first in (await consumer.offsets_for_times(dict.fromkeys(tps, since_ms))).items():
            # None where no record is as new; the embedded broker says it of all.
            consumer.seek(tp, begins[tp] if first is None else first.offset)
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            await asyncio.sleep(0)
            for records in (await consumer.getmany(timeout_ms=WAIT_MS, max_records=AT_ONCE)).values():
                for record in records:
                    if record.value is not None and record.key is not None and wanted(record.key):
                        try:
                            values = decode(record.value)
                        except msgspec.DecodeError:
                            continue  # nobody else writes there, and a day that can't be read is a gap
                        if values.day >= since.isoformat():
                            yield values
