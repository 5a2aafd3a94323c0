"""What the worker needs of Kafka and of the consumer group it is in."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from faust.types import TP

from streams.kafka.outbox import Outbox


class Broker(Protocol):
    """`streams.runtime.faust_broker` is the real one, `tests/worker/fakes.py` the one of the units."""

    @property
    def is_ready(self) -> bool:
        """Partitions are assigned, their state has been read back, and no rebalance goes on."""

    @property
    def is_rebalancing(self) -> bool: ...

    @property
    def is_crashed(self) -> bool: ...

    async def ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Where logs end at this moment. Waits for Kafka's answer as long as it takes."""

    def applied(self, tp: TP, offset: int | None) -> int | None:
        """How far an input's log has been applied, if `offset` is the one after the last record that was: further where
        nothing is on its way to the worker, since some offsets have no record (transaction markers, compaction)."""

    def is_member(self) -> bool:
        """Whether the partitions are still this worker's, as far as Kafka has said."""

    async def ask_membership(self) -> None:
        """Has Kafka say whether they are."""

    def outbox(self) -> Outbox:
        """For the records of one flush."""

    def keep(self, topic: str, number: int, records: Sequence[tuple[bytes, bytes | None]], offset: int) -> None:
        """Has the snapshot of a changelog's partition take over what was written, the last of it at `offset`."""

    def kept_to(self, topic: str, number: int) -> int | None:
        """The offset of the last record of a changelog's partition that was read back or kept."""

    async def commit(self, offsets: dict[TP, int]) -> bool:
        """False where Kafka refuses it: another worker may have the partitions."""

    async def crash(self, error: BaseException) -> None:
        """Ends the process with an exit code that says so."""
