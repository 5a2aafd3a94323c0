"""What stands for Kafka and Faust in the units."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from faust.types import TP

from streams.kafka.outbox import Outbox
from streams.runtime.kafka_watch import KafkaWatch
from streams.runtime.worker import Worker
from streams.settings import Settings
from tests.runtime.support import PARTITIONS, book


class FakeProducer:
    """A producer and its broker: takes batches and gives out offsets. `refuses` names a topic that takes none."""

    def __init__(self, batch_size: int = 1_000, refuses: str | None = None) -> None:
        self.logs: dict[tuple[str, int], list[Any]] = {}
        self.batches = self.largest_batch = 0
        self._batch_size, self._refuses = batch_size, refuses

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(self._batch_size, 0, is_transactional=False)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> asyncio.Future[Any]:
        self.batches += 1
        answer = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(self._answer, answer, batch, topic, partition)
        return answer

    def _answer(self, answer: asyncio.Future[Any], batch: BatchBuilder, topic: str, partition: int) -> None:
        if topic == self._refuses:
            answer.set_exception(MessageSizeTooLargeError(topic))
            return
        log = self.logs.setdefault((topic, partition), [])
        answer.set_result(type("Metadata", (), {"offset": len(log)}))
        built = bytes(batch._build())
        self.largest_batch = max(self.largest_batch, len(built))
        log += list(DefaultRecordBatch(built))


class FakeBroker:
    """`streams.runtime.broker.Broker` without Kafka: where the inputs end, how far they have been read, and what was
    sent, kept and committed. A test sets what it answers."""

    def __init__(self, refuses: str | None = None) -> None:
        self.producer = FakeProducer(refuses=refuses)
        self.log_ends: dict[TP, int] = {}
        self.handed: dict[TP, int] = {}
        self.read_to: dict[TP, int] = {TP("shops", number): 0 for number in range(PARTITIONS)}
        self.kept: dict[str, list[tuple[int, dict[bytes, bytes | None], int]]] = {}
        self.committed: list[dict[TP, int]] = []
        self.member = self.takes_commits = self.keeps_membership = self.recovered = self.says_log_ends = True
        self.is_rebalancing = self.is_crashed = False
        self.crash_reason: BaseException | None = None

    @property
    def is_ready(self) -> bool:
        return self.recovered and not self.is_rebalancing

    def assigned(self) -> set[int]:
        return set(range(PARTITIONS))

    async def ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        if not self.says_log_ends:
            await asyncio.get_running_loop().create_future()
        return {tp: self.log_ends.get(tp, 0) for tp in tps}

    def applied(self, tp: TP, offset: int | None) -> int | None:
        return self.read_to.get(tp) if self.handed.get(tp) == offset else offset

    def is_member(self) -> bool:
        return self.member

    async def ask_membership(self) -> None:
        """Where the group has gone on without the worker, it learns of that now."""
        self.member = self.member and self.keeps_membership

    def outbox(self) -> Outbox:
        return Outbox(self.producer)  # type: ignore[arg-type]

    def note_written(self, topic: str, number: int, records: Sequence[tuple[bytes, bytes | None]], offset: int) -> None:
        self.kept.setdefault(topic, []).append((number, dict(records), offset))

    def forget(self, topic: str, number: int, keys: Sequence[bytes]) -> None:
        if keys:
            self.kept.setdefault(topic, []).append((number, dict.fromkeys(keys), -1))

    def kept_to(self, topic: str, number: int) -> int | None:
        return None

    async def commit(self, offsets: dict[TP, int]) -> bool:
        self.committed.append(dict(offsets))
        return self.takes_commits

    async def close(self) -> None:
        """There is nothing to close."""

    async def crash(self, error: BaseException) -> None:
        self.is_crashed, self.crash_reason = True, error


def worker_on(broker: FakeBroker, clock: Literal["wall", "event"]) -> Worker:
    """A worker with the units' rules and four partitions."""
    settings = Settings(broker="kafka://nowhere", app_id="app", clock=clock)
    return Worker(settings, broker, PARTITIONS, book(), KafkaWatch(None))
