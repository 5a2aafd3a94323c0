"""Where logs end, asked beside the commit cycle: a cycle waits a moment for the answer, but never for a Kafka that is
slow or away."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from faust.types import TP
from msgspec import Struct

from streams.kafka.topics import TopicNames
from streams.runtime.broker import Broker
from streams.runtime.kafka_watch import KafkaWatch
from streams.runtime.wall_clock import since_boot_s

WAIT_S = 0.05
"""How long a commit cycle waits for the answer; ten times what Kafka needs nearby."""


class Answer(Struct, frozen=True):
    """Where logs end (`ends`), asked at `asked_ms` (epoch ms by the worker's clock; `asked_s` since boot): whatever had
    been appended by then lies before these offsets. `at_write` identifies what the worker had written by then."""

    ends: Mapping[TP, int]
    asked_ms: int
    asked_s: float
    at_write: int

    def age_s(self) -> float:
        """How long ago it was asked."""
        return since_boot_s() - self.asked_s

    def of_topic(self, topic: str) -> dict[int, int]:
        """Where the logs of a topic end, by partition."""
        return {tp.partition: end for tp, end in self.ends.items() if tp.topic == topic}


class LogEnds:
    """Where the logs of inputs and alerts end. At most one request is under way; `newest` is the last answer. Errors
    are raised in the next `refresh`."""

    def __init__(self, broker: Broker, names: TopicNames, kafka: KafkaWatch, now_ms: Callable[[], int]) -> None:
        self._broker, self._kafka, self._now_ms = broker, kafka, now_ms
        self._topics = (*names.inputs, names.alerts)
        self._asking: asyncio.Task[Answer] | None = None
        self.newest: Answer | None = None

    async def refresh(self, partitions: Iterable[int], at_write: int) -> None:
        """Asks anew, unless a request is under way, and waits a moment for its answer."""
        self._note_answer()
        if self._asking is None:
            tps = [TP(topic, number) for number in partitions for topic in self._topics]
            self._asking = asyncio.create_task(self._ask(tps, at_write))
        await asyncio.wait({self._asking}, timeout=WAIT_S)
        self._note_answer()

    async def stop(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})

    def _note_answer(self) -> None:
        if self._asking is not None and self._asking.done():
            asking, self._asking = self._asking, None
            self.newest = asking.result()

    async def _ask(self, tps: list[TP], at_write: int) -> Answer:
        asked_ms, asked_s = self._now_ms(), since_boot_s()
        with self._kafka.asking():
            return Answer(await self._broker.ends(tps), asked_ms, asked_s, at_write)
