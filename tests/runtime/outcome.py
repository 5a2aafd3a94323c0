"""What the worker has said: reading its output topics as they grow, and what must have been said."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.messages.events import decode
from tests.runtime.support import LONG_S, book

State = dict[str, tuple[str, str, int]]
"""`(state, stage, revision)` by alert."""


class Reader:
    """Follows topics from their beginning; an async context manager. The topics must be there."""

    def __init__(self, bootstrap: str, prefix: str, *topics: str, partitions: int = 4) -> None:
        self.records: list[ConsumerRecord[bytes, bytes]] = []
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
        self._tps = [TopicPartition(prefix + topic, n) for topic in topics for n in range(partitions)]

    async def __aenter__(self) -> "Reader":
        await self._consumer.start()
        self._consumer.assign(self._tps)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def until(self, condition: Callable[[], Any], seconds: float = LONG_S) -> None:
        """Reads on until the condition holds of what has been read."""
        give_up = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < give_up, f"it was not said; what was: {self.alerts()[-20:]}"
            await self._read(timeout_ms=500)

    async def to_end(self) -> None:
        """Reads what there is at this moment."""
        for tp, end in (await self._consumer.end_offsets(self._tps)).items():
            while await self._consumer.position(tp) < end:
                await self._read(timeout_ms=500)

    async def _read(self, timeout_ms: int) -> None:
        for fetched in (await self._consumer.getmany(timeout_ms=timeout_ms)).values():
            self.records += fetched
        await asyncio.sleep(0)

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts read, in order within each partition."""
        return [orjson.loads(record.value) for record in self.records if record.value is not None]

    def state(self) -> State:
        return state_of(self.alerts())


def state_of(alerts: Iterable[dict[str, Any]]) -> State:
    """Where each alert stands after its newest record."""
    found: State = {}
    for alert in alerts:
        data = alert["data"]
        stands = data["state"], data["stage"], data["revision"]
        if data["revision"] > found.get(data["alert"], ("", "", 0))[2]:
            found[data["alert"]] = stands
    return found


def expected(values: Sequence[bytes], until_ms: int) -> State:
    """What `rules.harness.replay` makes of the same events, in this order."""
    engine = Engine(book(), stepping=True)
    alerts = replay(engine, [decode(value) for value in values], until_ms)
    return state_of({"data": {name: getattr(alert.data, name) for name in _NAMES}} for alert in alerts)


_NAMES = ("alert", "state", "stage", "revision")


def contradictions(alerts: Iterable[dict[str, Any]]) -> list[str]:
    """Revisions that were sent twice with different contents, or out of turn."""
    first: dict[tuple[str, int], dict[str, Any]] = {}
    wrong = []
    for alert in alerts:
        name, revision = alert["data"]["alert"], alert["data"]["revision"]
        if first.setdefault((name, revision), alert) != alert:
            wrong.append(f"{alert['id']} differs: {first[name, revision]} and {alert}")
        if revision > 1 and (name, revision - 1) not in first:
            wrong.append(f"{alert['id']} comes before the revision ahead of it")
    return wrong
