"""What stands for Kafka and Faust in the units."""

import asyncio
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Literal

from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from faust.types import TP

from streams.kafka.topics import TopicNames
from streams.settings import Settings
from tests.worker.support import PARTITIONS


class Broker:
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


class Consumer:
    """Where the inputs end, how far they have been read, and what was committed."""

    def __init__(self) -> None:
        self.ends: dict[TP, int] = {}
        self.handed: dict[TP, int] = {}
        self.read_to: dict[TP, int] = {TP("shops", number): 0 for number in range(PARTITIONS)}
        self.committed: list[dict[TP, int]] = []
        self.member = self.commits = self.keeps = True

    def is_member(self) -> bool:
        return self.member

    async def ask_for_place(self) -> None:
        """Where the group has gone on without the worker (`keeps`), it learns of that now."""
        self.member = self.member and self.keeps

    async def highwaters(self, *tps: TP) -> Mapping[TP, int]:
        return {tp: self.ends.get(tp, 0) for tp in tps}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        self.committed.append(dict(offsets))
        return self.commits


class Table:
    """A table that only remembers what it was told."""

    def __init__(self) -> None:
        self.data = self
        self.told: list[tuple[int, dict[bytes, bytes | None], int]] = []

    def persisted_offset(self, tp: TP) -> int | None:
        return None

    def wrote(self, number: int, changes: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
        self.told.append((number, dict(changes), offset))


class App:
    """As much of the Faust app as the worker knows."""

    def __init__(self, clock: Literal["wall", "event"] = "event", refuses: str | None = None) -> None:
        self.settings = Settings(broker="kafka://nowhere", clock=clock)
        self.names = TopicNames("", "app")
        self.partition_count = PARTITIONS
        self.broker = Broker(refuses=refuses)
        self.producer = SimpleNamespace(_ensure_producer=lambda: self.broker)
        self.consumer = Consumer()
        self.tables = SimpleNamespace(actives_ready=True)
        self.facts, self.alerts = Table(), Table()
        self.rebalancing = self.crashed = False
        self.crash_reason: BaseException | None = None

    async def crash(self, reason: BaseException) -> None:
        self.crashed, self.crash_reason = True, reason
