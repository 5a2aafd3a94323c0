"""Sends dead letters again, each once.

Which have been sent is kept in a topic of its own, written in the same transaction as the records themselves, so that
neither a crash nor a second run sends a letter twice. The transactional id is the same for every run: one that begins
ends those before it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.kafka import access, topics
from streams.kafka.reading import records_of
from streams.kafka.topics import TopicNames
from streams.resending.letters import Letter, kind_of, letters_of
from streams.settings import Settings, bootstrap_servers

AT_ONCE = 500
"""Letters sent in one transaction."""

AT_ONCE_BYTES = 16 * 1024 * 1024
"""And about how many bytes."""

CUT = "cut: only their beginning was kept"
KEPT = "kept without a detail: their events count already (--kept sends them as well)"
SENT = "sent again before"
ELSEWHERE = "from no topic that they could be sent to"


@dataclass(frozen=True)
class Selection:
    """Which letters are meant: those whose reason contains a text, set aside since a moment (epoch ms). Of events that
    count without a detail only where `kept` is true."""

    reason: str | None = None
    since_ms: int | None = None
    kept: bool = False

    def takes(self, letter: Letter) -> bool:
        if self.since_ms is not None and letter.at_ms < self.since_ms:
            return False
        return self.reason is None or letter.has_reason(self.reason)


@dataclass
class Outcome:
    """How many letters are sent, by topic and kind of reason, and how many are left out, by why."""

    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


class Resending:
    """What may be sent again, and where to. Raises BadTopicsError, KafkaError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = TopicNames(settings.topic_prefix, settings.app_id)
        self._there: Mapping[str, int] = {}

    async def try_out(self, selection: Selection) -> Outcome:
        """What `send` would do now."""
        outcome = Outcome()
        await self._find_topics()
        sent_before = await self._sent_before()
        async for letter in letters_of(self._settings, self._names.dead_letters):
            self._takes(letter, selection, sent_before, outcome)
        return outcome

    async def send(self, selection: Selection) -> Outcome:
        """Sends them, each with its own key, bytes and headers, in the order in which they were set aside within a
        partition. Raises ProducerFenced as well, where another run has begun meanwhile."""
        outcome = Outcome()
        await asyncio.to_thread(topics.prepare_sent_letters, self._settings, self._names)
        await self._find_topics()
        async with self._producer() as producer:
            # Only now: what a run before this one had under way is written for good, or not at all.
            sent_before = await self._sent_before()
            waiting: list[Letter] = []
            size = 0
            async for letter in letters_of(self._settings, self._names.dead_letters):
                if not self._takes(letter, selection, sent_before, outcome):
                    continue
                waiting.append(letter)
                size += len(letter.value or b"")
                if len(waiting) >= AT_ONCE or size >= AT_ONCE_BYTES:
                    await self._send(producer, waiting)
                    waiting, size = [], 0
            if waiting:
                await self._send(producer, waiting)
        return outcome

    def _takes(self, letter: Letter, selection: Selection, sent_before: set[bytes], outcome: Outcome) -> bool:
        if not selection.takes(letter):
            return False
        why_not = self._why_not(letter, selection, sent_before)
        if why_not is None:
            outcome.sent[letter.topic, kind_of(letter.reason)] += 1
        else:
            outcome.left_out[why_not] += 1
        return why_not is None

    def _why_not(self, letter: Letter, selection: Selection, sent_before: set[bytes]) -> str | None:
        # Whoever may write dead letters may not therefore write alerts, so only inputs and the inbox.
        if letter.topic not in (*self._names.inputs, self._names.inbox) or letter.topic not in self._there:
            return ELSEWHERE
        if letter.is_cut:
            return CUT
        if _mark(letter) in sent_before:
            return SENT
        return KEPT if letter.is_kept and not selection.kept else None

    async def _find_topics(self) -> None:
        self._there = await asyncio.to_thread(topics.partition_counts, self._settings)

    async def _sent_before(self) -> set[bytes]:
        if self._names.sent_letters not in self._there:
            return set()
        return {record.key async for record in records_of(self._settings, self._names.sent_letters)}

    def _producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers(self._settings),
            transactional_id=self._names.sent_letters,
            max_request_size=2 * 1024 * 1024,
            **access.for_aiokafka(self._settings),
        )

    async def _send(self, producer: AIOKafkaProducer, letters: Iterable[Letter]) -> None:
        """Returns when they are written for good."""
        async with producer.transaction():
            acknowledged = []
            for letter in letters:
                acknowledged.append(await producer.send(*self._record(letter)))
                acknowledged.append(await producer.send(self._names.sent_letters, b"1", _mark(letter)))
            await asyncio.gather(*acknowledged)

    def _record(self, letter: Letter) -> tuple[Any, ...]:
        """Topic, value, key, partition, timestamp and headers. The partition is that of its key where it has one: where
        it came from may have been the wrong one."""
        of_old = letter.partition if letter.key is None else None
        number = of_old if of_old is not None and of_old < self._there[letter.topic] else None
        return letter.topic, letter.value, letter.key, number, None, letter.headers


def _mark(letter: Letter) -> bytes:
    """Tells a letter from all others, even from those of a `dead-letters` that was deleted and made anew."""
    return f"{letter.place}@{letter.at_ms}".encode()
