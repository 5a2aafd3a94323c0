"""The worker's interface to Kafka and its consumer group."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from faust.types import TP

from streams.kafka.outbox import Outbox


class Broker(Protocol):
    """Implemented by `streams.runtime.faust_broker`, and by `tests/runtime/fakes.py` for unit tests."""

    @property
    def is_ready(self) -> bool:
        """Whether partitions are assigned, their state is restored, and no rebalance is under way."""

    @property
    def is_rebalancing(self) -> bool: ...

    @property
    def is_crashed(self) -> bool: ...

    def assigned(self) -> set[int]:
        """The partition numbers that are this worker's."""

    async def ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        """The logs' end offsets now. Waits for Kafka's answer as long as it takes."""

    def applied(self, tp: TP, offset: int | None) -> int | None:
        """How far an input's log has been applied, where `offset` follows the last applied record. It may be further if
        no record is under way, since some offsets hold no record (transaction markers, compaction)."""

    def is_member(self) -> bool:
        """Whether the partitions are still this worker's, as far as Kafka has said."""

    async def ask_membership(self) -> None:
        """Asks Kafka whether they are, so that `is_member` is up to date."""

    def outbox(self) -> Outbox:
        """A new outbox for the records of one flush."""

    def note_written(self, topic: str, number: int, records: Sequence[tuple[bytes, bytes | None]], offset: int) -> None:
        """Puts records written to a changelog's partition, the last at `offset`, into its snapshot."""

    def forget(self, topic: str, number: int, keys: Sequence[bytes]) -> None:
        """Has the snapshot of a changelog's partition forget records that the changelog keeps: the next start from it
        doesn't need them."""

    def kept_to(self, topic: str, number: int) -> int | None:
        """The offset of the last record of a changelog's partition that was restored or kept."""

    async def commit(self, offsets: dict[TP, int]) -> bool:
        """Commits offsets. False if Kafka refuses: another worker may have the partitions."""

    async def close(self) -> None:
        """Closes connections of its own."""

    async def crash(self, error: BaseException) -> None:
        """Ends the process with a failure exit code."""
