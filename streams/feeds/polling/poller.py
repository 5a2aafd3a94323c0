"""Reads the platforms' order and health APIs again and again, and writes the events that their answers mean.

Each poll of a shop has a mark: the newest change that was read and written. The next reading starts a little before
it, so that what the platform lists late isn't missed. What reads as before isn't mapped again; whatever is mapped again
has the same ids.
"""

import hashlib
import json
import logging
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import orjson
from aiokafka.errors import KafkaError

from rules.calendar.instants import HOUR_MS, rfc3339
from rules.messages.names import shop_key
from streams.feeds.api_language import Poll
from streams.feeds.apps import App
from streams.feeds.mapping import Mapped, map_answer
from streams.feeds.polling.client import Client, Time
from streams.feeds.polling.deadlines import Deadlines
from streams.feeds.polling.enricher import Enricher, Push
from streams.feeds.polling.failures import QuotaSpent, Refused, Unavailable
from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.number_book import NumberBook
from streams.feeds.polling.pages import Pages, newest_ms
from streams.feeds.polling.rhythm import Rhythm
from streams.feeds.polling.sqlite_file import until_free
from streams.feeds.written import Written
from streams.kafka.dead_letters import LONGEST_REASON_BYTES
from streams.kafka.topics import TopicNames, topic_of
from streams.metrics import feeds as metrics
from streams.paced_log import PacedLog

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

STRETCH_MS = 24 * HOUR_MS
"""What is read before the mark is moved: a platform has a longest one (Shopee 15 days), and a reading that is cut off
begins again there."""

MOST_REMEMBERED = 20_000
"""Documents of one poll that are known to be mapped; of those read again after them, the ids say so."""

PUSH_MS = 5 * 60_000
"""How long after a change its push comes, at most: what changed later than that after the last one wasn't pushed."""

SPREAD = 0.1
"""The random share of the time between two readings, so that not all shops are read at once."""


class Writer(Protocol):
    """Where events go."""

    async def write(self, records: Iterable[Written]) -> None:
        """Returns when all of them are stored for good. Raises KafkaError."""


class PollSettings(NamedTuple):
    """`since_ms`: where a poll without a mark begins."""

    every_ms: int
    overlap_ms: int
    since_ms: int


@dataclass
class ShopPoll:
    """One poll of one shop. `name` is its own in the ledger, `shop` the shop's. `setting` is that of the mapping."""

    name: str
    shop: str
    app: App
    poll: Poll
    setting: Mapping[str, Any]
    settings: PollSettings
    client: Client
    enricher: Enricher
    ledger: Ledger
    writer: Writer
    names: TopicNames
    time: Time
    book: NumberBook | None = None
    read_ms: int = 0
    """When everything up to then was last read."""

    def __post_init__(self) -> None:
        self.source = self.app.source
        self._zone = ZoneInfo(self.setting.get("zone") or self.source.zone)
        self._known: dict[bytes, None] = {}
        self._rhythm = Rhythm(self.settings.every_ms)
        self._has_news = False

    # -- again and again ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled, whatever the platform and Kafka do meanwhile."""
        while True:
            wait_ms = await self.turn() or self.pause_ms * random.uniform(1 - SPREAD, 1 + SPREAD)
            await self.time.pause(wait_ms / 1000)

    @property
    def pause_ms(self) -> int:
        """How long to wait before the next reading; polls without a mark are read as often as their source says."""
        return self._rhythm.pause_ms if self.poll.every_min is None else self.poll.every_min * 60_000

    async def turn(self) -> float:
        """Reads up to now, and says how long to wait before the next time where that isn't the usual."""
        source = self.source.source
        try:
            await self.read()
        except QuotaSpent as error:
            metrics.POLLS.labels(source, "quota").inc()
            log.warning("%s: %s; read again at %s", self.name, error, rfc3339(error.until_ms))
            return error.until_ms - self.time.now_ms()
        except Refused as error:
            metrics.POLLS.labels(source, "refused").inc()
            log.error("%s: refused: %s", self.name, error)
        except Unavailable as error:
            metrics.POLLS.labels(source, "unavailable").inc()
            log.warning("%s: not read: %s", self.name, error)
        except KafkaError as error:
            metrics.POLLS.labels(source, "unwritten").inc()
            log.error("%s: not written: %s", self.name, type(error).__name__)
        except Exception as error:  # a mistake of ours, or what nobody thought of, must not end the other polls
            metrics.POLLS.labels(source, "failed").inc()
            log.error("%s: could not be read: %s", self.name, type(error).__name__)
        else:
            metrics.POLLS.labels(source, "read").inc()
            self.read_ms = self.time.now_ms()
            self._rhythm.was_read(self._has_news)
        return 0

    async def read(self) -> None:
        """Everything up to now. Raises what `Client.ask` and `Writer.write` do."""
        self._has_news = False
        if self.poll.changed is None:
            now_ms = self.time.now_ms()
            async for documents in Pages(self.client, self.poll, now_ms, now_ms, self._zone):
                await self._store(documents)
            return
        while not await self._read_stretch():
            pass

    async def _read_stretch(self) -> bool:
        """Whether that was up to now."""
        now_ms = self.time.now_ms()
        mark_ms = self.ledger.mark(self.name)
        from_ms = self.settings.since_ms if mark_ms is None else mark_ms - self.settings.overlap_ms
        mark_ms = from_ms if mark_ms is None else mark_ms
        # In order of change, a reading may be cut off after each page.
        in_order = self.poll.paging == "onward"
        # Three overlaps: a quiet shop is read from two before now, and the clock goes on meanwhile.
        to_ms = now_ms if in_order else min(now_ms, from_ms + max(STRETCH_MS, 3 * self.settings.overlap_ms))
        pages = Pages(self.client, self.poll, from_ms, to_ms, self._zone)
        async for documents in pages:
            await self._store(documents)
            if in_order and (pages.newest_ms or 0) > mark_ms:
                mark_ms = await self._move(pages.newest_ms or 0)
        # What changed just now may be listed late: the mark follows what was seen, and the clock only in the past.
        quiet_ms = min(to_ms, now_ms - self.settings.overlap_ms)
        reached_ms = max(pages.newest_ms or 0, quiet_ms)
        if reached_ms > mark_ms:
            await self._move(reached_ms)
        return to_ms >= now_ms

    async def _move(self, mark_ms: int) -> int:
        await until_free(partial(self.ledger.set_mark, self.name, mark_ms))
        metrics.MARK.labels(self.source.source).set(mark_ms / 1000)
        return mark_ms

    # -- what was read ------------------------------------------------------------------------------------------

    async def _store(self, documents: Iterable[dict[str, Any]]) -> None:
        """Writes what those documents mean. Of changes, only those that read otherwise than before; what is read
        without a mark says each time that it still holds."""
        new: dict[bytes, tuple[dict[str, Any], bytes]] = {}
        for document in documents:
            text = json.dumps(document, ensure_ascii=False, default=str).encode()
            digest = hashlib.blake2b(text, digest_size=16).digest()
            if self.poll.changed is None or digest not in self._known:
                new[digest] = document, text
        received_at = rfc3339(self.time.now_ms())
        deadlines = Deadlines(self.ledger, self.shop)
        found: list[tuple[Mapped, bytes]] = []
        for document, text in new.values():
            mapped = self._mapped(document, received_at)
            changed_ms = newest_ms(self.poll.changed, document, self._zone)
            mapped.events += deadlines.changed(mapped.events, changed_ms, received_at)
            self._has_news |= self._is_unpushed(changed_ms)
            found.append((mapped, text))
        completion = await self.enricher.complete([Push(self.app, mapped) for mapped, _ in found])
        records = [record for mapped, text in found for record in self._written(mapped, text)]
        if records:
            await self.writer.write(records)
        await until_free(deadlines.keep)
        await until_free(completion.keep)
        if self.book is not None:
            await until_free(partial(self.book.note, [mapped for mapped, _ in found]))
        self._known |= dict.fromkeys(new)
        while len(self._known) > MOST_REMEMBERED:
            del self._known[next(iter(self._known))]

    def _is_unpushed(self, changed_ms: int | None) -> bool:
        """Whether no push can have brought what changed then. Where it isn't known when the last push came, they count
        as coming."""
        if not self.app.takes_pushes:
            return True
        pushed_ms = self.ledger.pushed(self.shop)
        return changed_ms is not None and pushed_ms is not None and changed_ms > pushed_ms + PUSH_MS

    def _mapped(self, document: dict[str, Any], received_at: str) -> Mapped:
        try:
            return map_answer(self.source, document, {**self.setting, "received_at": received_at})
        except Exception as error:  # a mistake of ours in one document must not hold up the others
            return Mapped(problems=[f"could not be mapped: {type(error).__name__}"])

    def _written(self, mapped: Mapped, text: bytes) -> list[Written]:
        source = self.source.source
        metrics.EVENTS.labels(source).inc(len(mapped.events))
        for notice in mapped.notices:
            metrics.NOTICES.labels(source, notice).inc()
            log.warning("%s: %s", self.name, notice.replace("_", " "))
        records = [
            Written(
                self.names.of(topic_of(event["type"])),
                shop_key(event["platform"], event["shop"]).encode(),
                orjson.dumps(event),
                [],
            )
            for event in mapped.events
        ]
        if mapped.problems:
            metrics.DEAD.labels(source).inc()
            reason = f"{source}: {'; '.join(mapped.problems)}".encode()[:LONGEST_REASON_BYTES]
            headers = [("topic", f"poll {self.name}".encode()), ("reason", reason)]
            records.append(Written(self.names.dead_letters, None, text, headers))
        return records
