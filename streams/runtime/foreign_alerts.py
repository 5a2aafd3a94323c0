"""Finds records in `alerts` that this worker did not write, while it runs.

Only the worker that has a partition writes its alerts, so the log must not grow by more than it wrote. A foreign record
may hide an alert or make one up, so it is read, corrected (`Partition.correct`), logged and counted.
deploy/docs/limits.md says what can't be corrected.
"""

import asyncio
import logging
from collections.abc import Mapping
from time import monotonic

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams.kafka import access
from streams.kafka.consumer import Consumer
from streams.paced_log import PacedLog
from streams.runtime import instruments
from streams.runtime.broker import Broker
from streams.runtime.partition import Partition
from streams.settings import Settings, bootstrap_servers

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

READ_AT_MOST = 10_000
"""Records read at one time; if there are more, the newest."""

READ_S = 5.0
"""How long reading them may hold up the worker…"""

AGAIN_S = 30.0
"""…and after how long it is tried again."""


class ForeignAlerts:
    """Per partition: the offset up to which alerts are known to be this worker's, and how many it has written since."""

    def __init__(self, settings: Settings, topic: str, broker: Broker) -> None:
        self._settings, self._topic, self._broker = settings, topic, broker
        self._known_to: dict[int, int] = {}
        self._wrote: dict[int, int] = {}
        self._again_s = 0.0

    def wrote(self, number: int, records: int) -> None:
        """Notes how many records the worker has written."""
        self._wrote[number] = self._wrote.get(number, 0) + records

    def forget(self, number: int) -> None:
        """Forgets a partition that another worker has now."""
        self._known_to.pop(number, None)
        self._wrote.pop(number, None)

    async def check(self, partitions: Mapping[int, Partition], ends: Mapping[int, int]) -> None:
        """Compares with the logs' end offsets, asked when none of this worker's own records was under way, and before
        it wrote others. Partitions whose end isn't known are left for the next time."""
        if monotonic() < self._again_s:
            return
        for number, partition in [(number, each) for number, each in partitions.items() if number in ends]:
            tp, end = TopicPartition(self._topic, number), ends[number]
            known_to = self._known_to.get(number)
            if known_to is None:  # just restored
                read_back = self._broker.kept_to(self._topic, number)
                known_to = 0 if read_back is None else read_back + 1
                self._wrote.pop(number, None)
            more = end - known_to - self._wrote.get(number, 0)
            if more > 0:
                try:
                    found = await self._newest(tp, known_to, end)
                except (KafkaError, TimeoutError, OSError) as error:
                    log.warning("records of %s-%d that may be foreign could not be read: %r", *tp, error)
                    self._known_to[number] = known_to
                    self._again_s = monotonic() + AGAIN_S
                    return
                self._correct(partition, found, more)
            self._known_to[number] = max(end, known_to)
            self._wrote.pop(number, None)

    def _correct(self, partition: Partition, found: list[ConsumerRecord], more: int) -> None:
        foreign = [record for record in found if partition.correct(record.key, record.value)]
        if not foreign:
            return  # control records, or records written twice
        instruments.FOREIGN_ALERTS.inc(more)
        for record in foreign:
            log.error(
                "%s-%d@%d was not written by this worker; its key is %.200r. The alert is written again if it should "
                "be open, and resolved if not. Only the worker may write there, see deploy/docs/kafka-acls.md",
                record.topic,
                record.partition,
                record.offset,
                record.key,
            )

    async def _newest(self, tp: TopicPartition, start: int, end: int) -> list[ConsumerRecord]:
        """The newest record of each key in a part of the log."""
        settings, newest = self._settings, dict[bytes | None, ConsumerRecord]()
        consumer = Consumer(
            bootstrap_servers=bootstrap_servers(settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **access.for_aiokafka(settings),
        )
        try:
            async with asyncio.timeout(READ_S):
                await consumer.start()
                consumer.assign([tp])
                consumer.seek(tp, max(start, end - READ_AT_MOST))
                while await consumer.position(tp) < end:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        newest |= {record.key: record for record in records if record.offset < end}
        finally:
            await consumer.stop()
        return list(newest.values())
