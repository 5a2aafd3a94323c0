"""Where logs end is asked beside the commit cycle, which never waits long for the answer."""

import asyncio
from collections.abc import Iterable

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from faust.types import TP

from streams.kafka.topics import TopicNames
from streams.runtime import end_offsets, log_ends
from streams.runtime.end_offsets import EndOffsets
from streams.runtime.kafka_watch import KafkaWatch
from streams.runtime.log_ends import LogEnds
from streams.settings import Settings
from tests.runtime.fakes import FakeBroker

ORDERS = TP("orders", 0)


class Kafka(FakeBroker):
    """Answers when a test says so. Time goes on by a millisecond with each look at the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[asyncio.Future[dict[TP, int]]] = []
        self.ms = 0

    async def ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]

    def now_ms(self) -> int:
        self.ms += 1
        return self.ms


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    monkeypatch.setattr(log_ends, "WAIT_S", 0.0)
    return Kafka()


def ends_of(kafka: Kafka) -> LogEnds:
    return LogEnds(kafka, TopicNames("", "app"), KafkaWatch(), kafka.now_ms)


async def answered(ends: LogEnds) -> None:
    """Lets an answer that has come be noted."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await ends.refresh([0], 0)


async def test_a_slow_answer_is_not_waited_for_and_counts_from_when_it_was_asked(kafka: Kafka) -> None:
    ends = ends_of(kafka)
    await ends.refresh([0], 7)
    await asyncio.sleep(0)
    assert ends.newest is None
    kafka.ms = 1_000
    kafka.asked[0].set_result({ORDERS: 5})
    await answered(ends)
    assert ends.newest is not None
    assert (ends.newest.ends, ends.newest.asked_ms, ends.newest.at_write) == ({ORDERS: 5}, 1, 7)
    await ends.stop()


async def test_while_a_request_is_under_way_no_other_is_sent(kafka: Kafka) -> None:
    ends = ends_of(kafka)
    for _ in range(5):
        await ends.refresh([0], 0)
        await asyncio.sleep(0)
    assert len(kafka.asked) == 1
    kafka.asked[0].set_result({})
    await answered(ends)
    await asyncio.sleep(0)
    assert len(kafka.asked) == 2
    await ends.stop()


async def test_what_kafka_refuses_is_raised_in_the_next_cycle(kafka: Kafka) -> None:
    ends = ends_of(kafka)
    await ends.refresh([0], 0)
    await asyncio.sleep(0)
    kafka.asked[0].set_exception(TopicAuthorizationFailedError())
    with pytest.raises(TopicAuthorizationFailedError):
        await answered(ends)


class Client:
    """Of aiokafka, that fails in turn with these errors, and then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def end_offsets(self, tps: list[TP]) -> dict[TP, int]:
        if self.errors:
            raise self.errors.pop(0)
        return dict.fromkeys(tps, 3)


def asking(client: Client, monkeypatch: pytest.MonkeyPatch) -> EndOffsets:
    async def connected() -> Client:
        return client

    monkeypatch.setattr(end_offsets, "ASK_AGAIN_S", 0.0)
    asks = EndOffsets(Settings(broker="kafka://nowhere"))
    monkeypatch.setattr(asks, "_connected", connected)
    return asks


async def test_a_broker_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asks = asking(Client(KafkaConnectionError(), KafkaConnectionError()), monkeypatch)
    assert await asks.of([ORDERS]) == {ORDERS: 3}


async def test_what_asking_again_does_not_mend_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await asking(Client(TopicAuthorizationFailedError()), monkeypatch).of([ORDERS])
