"""Records of changelogs that can't be read back: they end the worker, or are passed over where it was told to.

State would be missing without them, so that is for whoever runs the worker to decide (`shipclock worker
--skip-unreadable`); deploy/docs/limits.md says what may be lost.
"""

import logging

from aiokafka import ConsumerRecord

from streams.kafka.failures import PlainError
from streams.runtime import instruments
from streams.runtime.partition import Partition, Restore

log = logging.getLogger(__name__)


class UnreadableError(PlainError):
    """A record of a changelog can't be read back; the text names it."""


class ReadingBack:
    """Takes a table's records back into its partitions; `restore` says what a record means to a partition."""

    def __init__(self, restore: Restore, skip: bool) -> None:
        self._restore, self._skip = restore, skip

    def take(self, partition: Partition, record: ConsumerRecord) -> bool:
        """Whether it was taken. Raises UnreadableError for one that isn't to be passed over."""
        try:
            self._restore(partition, record.key, record.value)
        except Exception as error:  # whatever stands in a record
            self._pass_over(record, error)
            return False
        return True

    def _pass_over(self, record: ConsumerRecord, error: Exception) -> None:
        where = f"{record.topic}-{record.partition}@{record.offset}"
        why = f"{type(error).__name__}: {error}"
        if not self._skip:
            raise UnreadableError(
                f"{where} can't be read back ({why:.300}); `shipclock worker --skip-unreadable` passes over such "
                "records, deploy/docs/limits.md says what may be lost"
            ) from error
        instruments.SKIPPED.inc()
        log.error("%s is passed over, it can't be read back (%.300s)", where, why)
