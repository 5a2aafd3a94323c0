"""Moves a worker's state, and what it has not read yet, into topics with more partitions under another prefix.

No worker runs meanwhile. State is copied record by record to where its shop belongs now; a partition's clock goes to
each partition that takes from it. Sinks go on where they were: their offsets are moved too. Last, the unread rest of
the inputs is copied, and committed as read in the old ones. Otherwise the old topics stay as they are.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka import TopicPartition as Position

from rules.messages.events import ClockTick, decode
from streams.kafka import access, topics
from streams.kafka.consumer import Consumer
from streams.kafka.topics import BadTopicsError, TopicNames
from streams.repartitioning import homes
from streams.repartitioning.copying import Copied, copy
from streams.repartitioning.homes import Home
from streams.runtime.changelog import CLOCK_KEY
from streams.settings import Settings, bootstrap_servers


class CannotMoveError(ValueError):
    """Why nothing was copied, in words."""


class Move:
    """From the topics that `settings` name to `partitions` under `prefix`; the app id stays."""

    def __init__(self, settings: Settings, prefix: str, partitions: int) -> None:
        self._old, self._new = settings, replace(settings, topic_prefix=prefix, partitions=partitions)
        self._from, self._to = (TopicNames(each.topic_prefix, each.app_id) for each in (self._old, self._new))
        self._admin = topics.admin(settings)
        self._count = 0

    async def run(self) -> dict[str, int]:
        """Copies state and the unread rest of the inputs; returns the number of records by new topic. Raises
        CannotMoveError, BadTopicsError and KafkaError; if it breaks off, delete the new topics and begin again."""
        await asyncio.to_thread(self._check)
        await asyncio.to_thread(topics.prepare, self._new, self._to)
        found: dict[str, int] = {}
        async with self._clients() as (consumer, producer):
            if any([await self._has_records(consumer, topic) for topic in self._to.all]):
                raise CannotMoveError(f"there are records in topics of prefix {self._to.prefix} already")
            state: dict[str, Copied] = {}
            for topic, home in homes.homes(self._from).items():
                new = self._renamed(topic)
                starts = {TopicPartition(topic, number): 0 for number in range(self._count)}
                targets = partial(self._homes, home)
                state[topic], _ = await copy(consumer, producer, starts, new, targets)
                found[new] = state[topic].records
            await asyncio.to_thread(self._move_sinks, state)
            return found | await self._copy_inputs(consumer, producer)

    async def rest(self) -> dict[str, int]:
        """Copies only what has been written to the old inputs since. Raises as `run` does."""
        await asyncio.to_thread(self._check)
        if (await asyncio.to_thread(topics.partition_counts, self._old)).get(self._to.facts) != self._new.partitions:
            raise CannotMoveError(f"there is no state yet in {self._new.partitions} partitions under {self._to.prefix}")
        async with self._clients() as (consumer, producer):
            return await self._copy_inputs(consumer, producer)

    # -- before anything is copied ------------------------------------------------------------------------------

    def _check(self) -> None:
        there = topics.partition_counts(self._old)
        if self._from.facts not in there:
            raise BadTopicsError(f"there is no topic {self._from.facts} at {self._old.broker}: nothing to move")
        self._count, wanted = there[self._from.facts], self._new.partitions
        if self._from.prefix == self._to.prefix:
            raise CannotMoveError("the new topics need another prefix")
        if wanted <= self._count or wanted % self._count:
            raise CannotMoveError(f"{wanted} partitions are no larger multiple of the {self._count} that there are")
        described = self._admin.describe_consumer_groups([self._old.app_id])
        if members := described[self._old.app_id].result().members:
            raise CannotMoveError(f"{len(members)} workers are running: stop them first")

    async def _has_records(self, consumer: AIOKafkaConsumer, topic: str) -> bool:
        ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(self._new.partitions)])
        return any(ends.values())

    # -- where records go ---------------------------------------------------------------------------------------

    def _taking_from(self, number: int) -> range:
        """The new partitions whose shops were in an old one."""
        return range(number, self._new.partitions, self._count)

    def _homes(self, home: Home, record: ConsumerRecord) -> Iterator[int]:
        if record.key == CLOCK_KEY:
            yield from self._taking_from(record.partition)
            return
        try:
            number = None if record.key is None else home(record.key, self._new.partitions)
        except ValueError:
            number = None  # no key of the worker's
        if number is None:
            return
        if number in self._taking_from(record.partition):
            yield number
        elif home is homes.of_fact:
            raise CannotMoveError(
                f"{record.topic}-{record.partition}@{record.offset} isn't in its shop's partition: some were added "
                "since it was written; deploy/docs/limits.md says what to do (Adding partitions)"
            )

    def _homes_of_input(self, record: ConsumerRecord) -> Iterator[int]:
        """A tick goes to every partition that takes from its own; what is in the wrong place stays in it, and becomes
        a dead letter there."""
        taking = self._taking_from(record.partition)
        number = record.partition if record.key is None else homes.of_key(record.key, self._new.partitions)
        if _is_tick(record):
            yield from taking
        else:
            yield number if number in taking else record.partition

    # -- copying ------------------------------------------------------------------------------------------------

    async def _copy_inputs(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> dict[str, int]:
        """Copies what has not been read of the inputs. It counts as read once all of it is copied: where this breaks
        off, nothing is missing when it is begun again."""
        found, read = {}, dict[tuple[str, int], int]()
        committed = await asyncio.to_thread(self._committed, self._old.app_id)
        for topic in self._from.inputs:
            tps = [TopicPartition(topic, number) for number in range(self._count)]
            starts = {tp: committed.get((tp.topic, tp.partition), 0) for tp in tps}
            new = self._renamed(topic)
            copied, ends = await copy(consumer, producer, starts, new, self._homes_of_input)
            found[new] = copied.records
            read |= {(tp.topic, tp.partition): end for tp, end in ends.items()}
        await asyncio.to_thread(self._commit, self._old.app_id, read)
        return found

    def _move_sinks(self, state: dict[str, Copied]) -> None:
        """Has each sink go on behind what it has delivered."""
        listed = self._admin.list_consumer_groups().result().valid
        for group in (each.group_id for each in listed if each.group_id.startswith(f"{self._old.app_id}-sink-")):
            moved = {
                (self._renamed(topic), number): state[topic].position(number, offset)
                for (topic, old), offset in self._committed(group).items()
                if topic in state
                for number in self._taking_from(old)
            }
            if moved:
                self._commit(group, moved)

    def _renamed(self, topic: str) -> str:
        return self._to.prefix + topic.removeprefix(self._from.prefix)

    def _committed(self, group: str) -> dict[tuple[str, int], int]:
        (listed,) = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
        return {(each.topic, each.partition): each.offset for each in listed.result().topic_partitions}

    def _commit(self, group: str, offsets: dict[tuple[str, int], int]) -> None:
        positions = [Position(topic, number, offset) for (topic, number), offset in offsets.items()]
        (altered,) = self._admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, positions)]).values()
        altered.result()

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[AIOKafkaConsumer, AIOKafkaProducer]]:
        options = {"bootstrap_servers": bootstrap_servers(self._old), **access.for_aiokafka(self._old)}
        consumer = Consumer(enable_auto_commit=False, isolation_level="read_committed", **options)
        async with consumer, AIOKafkaProducer(enable_idempotence=True, **options) as producer:
            yield consumer, producer


def _is_tick(record: ConsumerRecord) -> bool:
    if b"clock.tick" not in (record.value or b""):
        return False
    try:
        return isinstance(decode(record.value)[0], ClockTick)
    except ValueError:
        return False
