"""Logs fields that senders put into events and nothing reads, once per source and name."""

import logging
from collections.abc import Sequence

from aiokafka import ConsumerRecord

from rules.messages.unknown_fields import UnknownFields

log = logging.getLogger(__name__)


class FieldWatch:
    """Looks at two records of each batch: what a sender misspells, it misspells in every event. So all are seen where
    few come, and it costs nothing where many do."""

    def __init__(self) -> None:
        self._fields = UnknownFields()

    def check(self, records: Sequence[ConsumerRecord]) -> None:
        for record in (records[0], records[-1]):
            for unknown in self._fields.find(record.value):
                log.warning("%s", unknown)
