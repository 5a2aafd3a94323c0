"""Answers questions about orders from the partitions of this worker."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Protocol

import orjson
from aiokafka import TopicPartition
from aiokafka.structs import RecordMetadata
from msgspec import Raw

from rules.calendar.instants import NEVER
from rules.engine.engine import Engine
from rules.facts.order_facts import OrderFacts
from rules.reports.find_orders import Search
from rules.reports.forecast import Outlook
from rules.reports.next_deadline import waits_to_be_shipped
from rules.reports.one_order import facts_at_hand, order_report
from streams.clock import wall_ms
from streams.kafka.cutting import fitting
from streams.kafka.keys import partition_of
from streams.kafka.topics import TopicNames
from streams.questions.messages import AboutOrder, Answer, Question, SetPacked, WholeList, WhoseNumber
from streams.questions.whole_list import LISTED, as_body
from streams.runtime.partition import Partition
from streams.views.packed import Packed, Ticks, encode, packed_key

WRITE_S = 5.0
"""How long Kafka may take to take a tick."""


SEARCH_S = 3.0
"""How long one partition's orders are searched, at most."""


class Holder(Protocol):
    """Whoever has partitions: the worker."""

    partition_count: int

    def holding(self, number: int) -> Partition | None:
        """A partition, if it is this worker's and restored."""


class Producer(Protocol):
    async def write(self, topic: str, partition: int, key: bytes, value: bytes | None) -> RecordMetadata: ...


LIST_PAUSE = 2.0
"""How much longer than a turn at a whole list the worker does something else."""


HasRead = Callable[[TopicPartition, int], Awaitable[None]]
"""Waits until the views show what was written at an offset."""


class Answers:
    """Answers from what this worker has. One tick at a time is set, so that of two people who set it at once one is
    first; and one question at a time goes through the orders."""

    def __init__(self, names: TopicNames, worker: Holder, ticks: Ticks, producer: Producer, has_read: HasRead) -> None:
        self._topic, self._worker, self._ticks = names.packed, worker, ticks
        self._producer, self._has_read = producer, has_read
        self._ticking, self._going_through = asyncio.Lock(), asyncio.Lock()

    async def answer(self, number: int, question: Question, until_ms: int = NEVER) -> Answer | None:
        """The answer from one partition; None if it isn't this worker's, or isn't restored yet, or if its turn comes
        after `until_ms` (wall clock). Raises KafkaError and OSError, and TimeoutError where Kafka doesn't take a
        tick."""
        partition = self._worker.holding(number)
        if partition is None:
            return None
        match question:
            case AboutOrder():
                return _about(partition.engine, question)
            case WhoseNumber(sought):
                async with self._going_through:
                    return await self._find(number, sought) if wall_ms() < until_ms else None
            case WholeList():
                async with self._going_through:
                    return await self._list(number, question) if wall_ms() < until_ms else None
            case SetPacked():
                async with self._ticking:
                    partition = self._worker.holding(number)  # it may have gone meanwhile
                    if partition is None or wall_ms() >= until_ms:
                        return None
                    return await self._set_packed(number, partition.engine, question)

    async def _set_packed(self, number: int, engine: Engine, wanted: SetPacked) -> Answer:
        about = wanted.platform, wanted.shop, wanted.order
        facts = _facts(engine, *about)
        if facts is None:
            return _unknown(*about)
        before = self._ticks.get(*about)
        if not wanted.packed:
            offset = None if before is None else await self._write(number, packed_key(*about), None)
            return Answer(200, offset=offset)
        if not waits_to_be_shipped(facts):
            return Answer(409, problem=f"order {wanted.order} does not wait to be shipped")
        if before is None:
            tick = Packed(platform=wanted.platform, shop=wanted.shop, order=wanted.order, at=wanted.at, by=wanted.by)
            return Answer(200, Raw(encode(tick)), offset=await self._write(number, tick.key(), encode(tick)))
        if before.by != wanted.by:
            return Answer(409, problem=f"{before.by or 'somebody'} has packed order {wanted.order} at {before.at}")
        return Answer(200, Raw(encode(before)))

    async def _find(self, number: int, sought: str) -> Answer | None:
        """Takes at most half of the worker's time, and says so where it has run out of its own, or the partition has
        gone: its next worker waits until nobody reads its snapshot."""
        partition = self._worker.holding(number)
        if partition is None:
            return None
        search, began_s, complete = Search(sought), monotonic(), True
        turn_s = began_s
        for _ in search.work(partition.engine.shops.values()):
            await asyncio.sleep(monotonic() - turn_s)
            if monotonic() - began_s > SEARCH_S or self._worker.holding(number) is not partition:
                complete = False
                break
            turn_s = monotonic()
        found = [each._asdict() for each in search.found]
        return Answer(200, Raw(orjson.dumps({"found": found, "complete": complete})))

    async def _list(self, number: int, wanted: WholeList) -> Answer | None:
        """Takes at most a third of the worker's time: a list is asked for again and again. None where the partition
        has gone meanwhile."""
        partition = self._worker.holding(number)
        if partition is None:
            return None
        shop = partition.engine.shops.get((wanted.platform, wanted.shop))
        if shop is None:
            return Answer(404, problem=f"no shop {wanted.platform}/{wanted.shop} is known")
        plan, at_ms = shop.plan, partition.engine.clock_ms
        outlook = Outlook(shop, at_ms, LISTED)
        turn_s = monotonic()
        for _ in outlook.find() if wanted.for_carrier else outlook.work():
            await asyncio.sleep(LIST_PAUSE * (monotonic() - turn_s))
            if self._worker.holding(number) is not partition:
                return None
            if shop.plan is not plan:
                return Answer(503, problem="the shop's rules are changing; try again")
            turn_s = monotonic()
        listed, total = (outlook.chase, outlook.chase_total) if wanted.for_carrier else (outlook.due, outlook.due_total)
        return Answer(200, Raw(as_body(at_ms, listed, total)))

    async def take_back_what_is_shipped(self) -> None:
        """Removes the ticks of orders that no longer wait to be shipped, of this worker's partitions. Raises what
        `answer` does."""
        for tick in self._ticks:
            async with self._ticking:
                number = partition_of(tick.platform, tick.shop, self._worker.partition_count)
                partition = self._worker.holding(number)
                if partition is None:
                    continue
                facts = _facts(partition.engine, tick.platform, tick.shop, tick.order)
                if facts is None or not waits_to_be_shipped(facts):
                    await self._write(number, tick.key(), None)

    async def _write(self, number: int, key: bytes, value: bytes | None) -> int:
        """Returns the offset once the view has it."""
        async with asyncio.timeout(WRITE_S):
            written = await self._producer.write(self._topic, number, key, value)
            await self._has_read(TopicPartition(self._topic, number), written.offset)
        offset: int = written.offset
        return offset


def _facts(engine: Engine, platform: str, shop: str, order: str) -> OrderFacts | None:
    return facts_at_hand(engine.shops.get((platform, shop)), order)


def _about(engine: Engine, asked: AboutOrder) -> Answer:
    shop = engine.shops.get((asked.platform, asked.shop))
    facts = facts_at_hand(shop, asked.order)
    if shop is None or facts is None:
        return _unknown(asked.platform, asked.shop, asked.order)
    report: dict[str, Any] = order_report(shop, asked.order, facts, engine.clock_ms)
    return Answer(200, Raw(fitting(report, orjson.dumps)))


def _unknown(platform: str, shop: str, order: str) -> Answer:
    return Answer(404, problem=f"no order {order} of {platform}/{shop} is known")
