"""Restores a table's records, and handles those that can't be restored: they end the worker, or are skipped if it was
told to.

Skipping one loses state, so whoever runs the worker must decide (`shipclock worker --skip-unreadable`);
deploy/docs/limits.md says what may be lost.
"""

import logging

from aiokafka import ConsumerRecord

from streams.kafka.failures import PlainError
from streams.runtime import instruments
from streams.runtime.partition import MovedError, Partition, Restore

log = logging.getLogger(__name__)


class UnreadableError(PlainError):
    """A record of a changelog can't be restored; the text names it."""


class ReadingBack:
    """Restores a table's records in their partitions, with `restore`."""

    def __init__(self, restore: Restore, skip: bool) -> None:
        self._restore, self._skip = restore, skip

    def take(self, partition: Partition, record: ConsumerRecord) -> bytes | None:
        """Restores a record. Returns the key under which the local copy is to have it; None if it was passed over.
        Raises UnreadableError for a bad one that isn't to be skipped, and
        MovedError for a good one that lies in the wrong partition: there others do, too."""
        try:
            return self._restore(partition, record.key, record.value)
        except MovedError:
            raise
        except Exception as error:  # whatever stands in a record
            self._pass_over(record, error)
            return None

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
