"""The worker's broker on top of Faust. `tests/runtime/test_faust_seams.py` holds the private parts of Faust that it
uses."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import faust
from faust.types import TP

from streams.kafka.outbox import Outbox
from streams.runtime.end_offsets import EndOffsets
from streams.runtime.store import Store
from streams.runtime.transport import Consumer
from streams.settings import Settings


class FaustBroker:
    """`tables` are the tables by the names of their changelogs."""

    def __init__(self, app: faust.App, tables: Mapping[str, Any], settings: Settings) -> None:
        self._app = app
        self._tables = tables
        self._ends = EndOffsets(settings)

    @property
    def _consumer(self) -> Consumer:
        return cast(Consumer, self._app.consumer)

    @property
    def is_ready(self) -> bool:
        return bool(self._app.tables.actives_ready) and not self._app.rebalancing

    @property
    def is_rebalancing(self) -> bool:
        return bool(self._app.rebalancing)

    @property
    def is_crashed(self) -> bool:
        return bool(self._app.crashed)

    def assigned(self) -> set[int]:
        return {tp.partition for tp in self._app.assignor.assigned_actives()}

    async def ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        return await self._ends.of(tps)

    def applied(self, tp: TP, offset: int | None) -> int | None:
        if (
            self._consumer.handed.get(tp) == offset
        ):  # no record is under way to the worker, so the log has been applied this far
            return self._consumer.read_to.get(tp)
        return offset

    def is_member(self) -> bool:
        return self._consumer.is_member()

    async def ask_membership(self) -> None:
        await self._consumer.ask_membership()

    def outbox(self) -> Outbox:
        return Outbox(cast(Any, self._app.producer)._ensure_producer())

    def note_written(self, topic: str, number: int, records: Sequence[tuple[bytes, bytes | None]], offset: int) -> None:
        self._store(topic).wrote(number, records, offset)

    def forget(self, topic: str, number: int, keys: Sequence[bytes]) -> None:
        self._store(topic).forget(number, keys)

    def kept_to(self, topic: str, number: int) -> int | None:
        return self._store(topic).persisted_offset(TP(topic, number))

    async def commit(self, offsets: dict[TP, int]) -> bool:
        return bool(await self._consumer._commit(offsets))

    async def close(self) -> None:
        await self._ends.close()

    async def crash(self, error: BaseException) -> None:
        await self._app.crash(error)

    def _store(self, topic: str) -> Store:
        return cast(Store, self._tables[topic].data)
