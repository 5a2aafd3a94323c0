"""Who answers a question about an order: the worker that has its partition, for as long as it has it."""

import asyncio
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import orjson
import pytest
from aiokafka import TopicPartition
from aiokafka.structs import RecordMetadata
from msgspec import Raw

from rules.reports import find_orders, forecast
from streams.kafka.topics import TopicNames
from streams.questions import answers as answering
from streams.questions import whole_list
from streams.questions.answers import Answers
from streams.questions.messages import Question, SetPacked, WholeList, WhoseNumber
from streams.questions.whole_list import from_body
from streams.runtime.partition import Batch, Partition
from streams.views.packed import Ticks
from tests.runtime.support import PARTITIONS, START_MS, book, event, record

PACKED = SetPacked("joom", "s17", "0", packed=True, at="2026-01-01T00:00:00Z")


class Worker:
    """Has partition 2 until it is taken away."""

    partition_count = PARTITIONS

    def __init__(self, orders: int) -> None:
        self.partition: Partition | None = Partition(2, PARTITIONS, book(), "event")
        placed = [record("orders", event("order.placed", START_MS, f"{n}"), offset=n) for n in range(orders)]
        self.partition.apply(Batch("orders", 2, placed))
        self.partition.engine.advance(START_MS + 1)

    def holding(self, number: int) -> Partition | None:
        return self.partition if number == 2 else None


class Kafka:
    """Takes ticks when a test says so."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.written: list[bytes] = []

    async def write(self, topic: str, partition: int, key: bytes, value: bytes | None) -> RecordMetadata:
        await self.open.wait()
        self.written.append(key)
        offset = len(self.written) - 1
        return RecordMetadata(topic, partition, TopicPartition(topic, partition), offset, None, None, None)

    async def has_read(self, tp: TopicPartition, offset: int) -> None:
        pass


def answers(worker: Worker, kafka: Kafka) -> Answers:
    return Answers(TopicNames("", "app"), worker, Ticks(), kafka, kafka.has_read)


def counting(make: Callable[..., Any], made: list[object]) -> Callable[..., Any]:
    def make_and_count(*args: Any, **kwargs: Any) -> Any:
        made.append(make)
        return make(*args, **kwargs)

    return make_and_count


async def started(question: Any) -> "asyncio.Future[Any]":
    asked = asyncio.ensure_future(question)
    await asyncio.sleep(0)
    return asked


async def test_a_search_ends_where_its_partition_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold the snapshot open, which the partition's next worker waits for."""
    monkeypatch.setattr(find_orders, "STRETCH", 1)
    worker = Worker(orders=50)
    asked = await started(answers(worker, Kafka()).answer(2, WhoseNumber("nobody's")))
    worker.partition = None
    answer = await asked
    assert orjson.loads(bytes(answer.body)) == {"found": [], "complete": False}


WHOLE_LIST = WholeList("joom", "s17", for_carrier=False)


async def test_a_whole_list_has_all_that_standings_leave_out() -> None:
    answer = await answers(Worker(orders=70), Kafka()).answer(2, WHOLE_LIST)
    found = from_body(answer.body)
    assert (len(orjson.loads(found.entries)), found.total) == (70, 70)


async def test_a_whole_list_ends_where_its_partition_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "STRETCH", 1)
    worker = Worker(orders=50)
    asked = await started(answers(worker, Kafka()).answer(2, WHOLE_LIST))
    worker.partition = None
    assert await asked is None


@pytest.mark.parametrize("question", [WHOLE_LIST, WhoseNumber("nobody's"), PACKED])
async def test_a_question_whose_time_is_over_when_its_turn_comes_is_not_answered(
    monkeypatch: pytest.MonkeyPatch, question: Question
) -> None:
    monkeypatch.setattr(find_orders, "STRETCH", 1)
    monkeypatch.setattr(forecast, "STRETCH", 1)
    time, made = [START_MS], list[object]()
    monkeypatch.setattr(answering, "wall_ms", lambda: time[0])
    for name in ("Outlook", "Search", "Packed"):
        monkeypatch.setattr(answering, name, counting(getattr(answering, name), made))
    kafka = Kafka()
    asking = answers(Worker(orders=50), kafka)
    asked = [await started(asking.answer(2, question, until_ms=START_MS + n)) for n in (1, 5, 1, 9)]
    time[0] += 5
    kafka.open.set()
    given = await asyncio.gather(*asked)
    assert [None if answer is None else answer.status for answer in given] == [200, None, None, 200]
    assert len(made) == 2


async def test_a_whole_list_of_a_shop_that_is_not_known_is_none() -> None:
    answer = await answers(Worker(orders=1), Kafka()).answer(2, WholeList("joom", "s18", for_carrier=True))
    assert answer.status == 404


def test_a_list_too_large_for_a_record_is_cut_and_its_total_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_list, "LARGEST_LIST_BYTES", 400)
    entries = [{"order": token_hex(16)} for _ in range(64)]
    found = from_body(Raw(whole_list.as_body(START_MS, entries, 64)))
    kept = orjson.loads(found.entries)
    assert (found.total, kept) == (64, entries[: len(kept)])
    assert 0 < len(kept) < 64


async def test_a_tick_that_waited_while_its_partition_went_is_for_the_next_worker() -> None:
    worker, kafka = Worker(orders=1), Kafka()
    asking = answers(worker, kafka)
    first, second = await started(asking.answer(2, PACKED)), await started(asking.answer(2, PACKED))
    worker.partition = None
    kafka.open.set()
    assert (await first).status == 200
    assert await second is None
    assert len(kafka.written) == 1
