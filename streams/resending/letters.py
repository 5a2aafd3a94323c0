"""What is in `dead-letters`, read without a consumer group."""

import re
from collections.abc import AsyncIterator, Mapping
from heapq import heappush, heappushpop
from typing import NamedTuple

from aiokafka import ConsumerRecord

from streams.kafka.reading import partitions_of, reading, records_of, to_end
from streams.settings import Settings

OWN_HEADERS = frozenset(
    {"topic", "partition", "offset", "reason", "kept", "cut", "original_length", "original_key_length"}
)
"""The headers that a dead letter has of its own. Any other was the record's."""

_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d,.:TZ+-]*")
"""What differs between two reasons of one kind: what they quote, numbers and times."""


class Place(NamedTuple):
    """Where a letter lies in `dead-letters`; written `2-17`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}-{self.offset}"


class Letter(NamedTuple):
    """A dead letter: where it lies, when it was set aside (epoch ms), the record's own key, value and headers, and what
    the dead letter's own headers note of it, by name."""

    place: Place
    at_ms: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    notes: Mapping[str, str]

    @property
    def topic(self) -> str:
        """Where the record came from: a topic, or `poll …` for what was read from a platform's API."""
        return self.notes.get("topic", "")

    @property
    def partition(self) -> int | None:
        number = self.notes.get("partition", "")
        return int(number) if number.isdecimal() else None

    @property
    def origin(self) -> str:
        """The topic, partition and offset of the record."""
        return "-".join(filter(None, (self.topic or "?", self.notes.get("partition"), self.notes.get("offset"))))

    @property
    def reason(self) -> str:
        return self.notes.get("reason", "")

    @property
    def is_kept(self) -> bool:
        """Its event counts, without a detail."""
        return self.notes.get("kept") == "true"

    @property
    def is_cut(self) -> bool:
        """Only the beginning of the record is there."""
        return self.notes.get("cut") == "true"

    def has_reason(self, text: str) -> bool:
        """Whether the reason, or its kind, contains a text."""
        return text.lower() in self.reason.lower() or text.lower() in kind_of(self.reason).lower()


class Newest(NamedTuple):
    """Some letters, the newest first, and how many there are."""

    letters: list[Letter]
    total: int


def kind_of(reason: str) -> str:
    """A reason without what it quotes, so that reasons of one kind are counted together."""
    parts = reason.partition("; ")[0].split(": ")
    # A feed's reason begins with its source, which is one word.
    kind = parts[0] if " " in parts[0] else ": ".join(parts[:2])
    return _VARYING.sub("…", kind)


async def letters_of(settings: Settings, topic: str) -> AsyncIterator[Letter]:
    """All letters there are now, in order within a partition. Raises BadTopicsError, KafkaError."""
    async for record in records_of(settings, topic):
        yield _letter(record)


async def newest_letters(settings: Settings, topic: str, most: int) -> Newest:
    """So many of the newest letters, without their values, which may be large. Raises NoTopicError, BadTopicsError,
    KafkaError."""
    tps = await partitions_of(settings, topic)
    async with reading(settings, tps) as consumer:
        begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        for tp in tps:
            consumer.seek(tp, max(begins[tp], ends[tp] - most))
        found: list[tuple[tuple[int, Place], Letter]] = []
        async for record in to_end(consumer, tps):
            letter = _letter(record)._replace(value=None)
            newer = heappushpop if len(found) == most else heappush
            newer(found, ((letter.at_ms, letter.place), letter))
    letters = [letter for _, letter in sorted(found, reverse=True)]
    return Newest(letters, sum(ends[tp] - begins[tp] for tp in tps))


def _letter(record: ConsumerRecord) -> Letter:
    notes = {name: value.decode(errors="replace") for name, value in record.headers if name in OWN_HEADERS}
    others = [(name, value) for name, value in record.headers if name not in OWN_HEADERS]
    return Letter(Place(record.partition, record.offset), record.timestamp, record.key, record.value, others, notes)
