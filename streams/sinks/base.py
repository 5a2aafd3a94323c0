"""The base class of sinks, as their runner calls it."""

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self, TypeAlias

import msgspec
from aiokafka import ConsumerRecord

from rules.messages import alerts
from rules.messages.alert_state import emitted_from
from rules.messages.alerts import Alert
from streams.paced_log import PacedLog
from streams.sinks.delivery import Delivery

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

Record: TypeAlias = "ConsumerRecord[bytes, bytes | None]"


class StartOver(Exception):
    """The receiver has lost what it was given of some partitions, so they are assigned again and read from the
    start."""

    def __init__(self, *partitions: int) -> None:
        super().__init__(f"partitions {', '.join(map(str, partitions))}")
        self.partitions = partitions


class Offsets(NamedTuple):
    """Offsets of one partition: its first record's, the committed one to go on from, and the end."""

    beginning: int
    resume: int
    end: int

    @property
    def is_new(self) -> bool:
        """Nothing of the partition has been delivered yet. A new receiver need not get alerts that ended before."""
        return self.resume == self.beginning


class Sink:
    """One receiver of alerts. A runner calls these methods one at a time, in this order for each partition:

    `assigned` once, `deliver` for each batch, `caught_up` once the end as of `assigned` has been read, and `revoked`.
    `tick` comes about twice a second, for what depends on time. Records are committed once `deliver` has returned, up
    to the offset that `held` returns.
    """

    batch = 500
    """Records handed over at once, at most."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    @property
    def name(self) -> str:
        """Also names its consumer group."""
        return self.delivery.counters.sink

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes what was opened."""

    async def assigned(self, partition: int, offsets: Offsets) -> int:
        """A partition was assigned to this process. Returns the offset to read it from."""
        return offsets.resume

    async def deliver(self, partition: int, records: Sequence[Record]) -> None:
        """Delivers records, or keeps them for a `tick` to deliver. Raises StartOver."""
        raise NotImplementedError

    async def caught_up(self, partition: int) -> None:
        """All records that were there when the partition was assigned have been read."""

    async def tick(self, now_ms: int) -> None:
        """Does what is due by now (wall time, epoch ms). Raises StartOver."""

    def held(self, partition: int) -> int | None:
        """The offset of the oldest record that waits for a `tick`."""
        return None

    def waits(self) -> bool:
        """Whether what it holds waits on purpose, as for the end of quiet hours: then it isn't behind."""
        return False

    def revoked(self, partition: int) -> None:
        """Another process has the partition now."""

    def read(self, record: Record) -> Alert | None:
        """The alert in a record; None for a tombstone, and for what is no alert, which is counted."""
        if record.value is None:
            return None
        try:
            alert = alerts.decode(record.value)
            emitted_from(alert)  # raises for times that are none
            return alert
        except (msgspec.DecodeError, ValueError):
            self.delivery.counters.given_up += 1
            log.error("%s: no alert at %s-%d:%d", self.name, record.topic, record.partition, record.offset)
            return None
