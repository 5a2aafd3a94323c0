"""Writes when each polled shop was last read to the topic `feed-health`."""

import asyncio
import logging
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from streams.feeds.health import FeedHealthBook, polled
from streams.feeds.polling.poller import ShopPoll, Writer
from streams.feeds.polling.watching import update_token_ends
from streams.feeds.written import Written
from streams.paced_log import PacedLog
from streams.views.feed_health import FeedHealth, encode

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

EVERY_S = 60.0


class PollHealth:
    """Covers the polls that are repeated. A shop that was never read is written once, so that it can become silent."""

    def __init__(self, polls: Sequence[ShopPoll], topic: str, book: FeedHealthBook, writer: Writer) -> None:
        self._polls, self._topic, self._book, self._writer = polls, topic, book, writer
        self._by_shop: dict[str, list[ShopPoll]] = {}
        for each in polls:
            if each.poll.every_min is None and each.source.platform is not None:
                self._by_shop.setdefault(each.shop, []).append(each)
        self._written_ms = {shop: _read_ms(theirs) for shop, theirs in self._by_shop.items()}

    async def run(self) -> None:
        """Until cancelled, whatever Kafka does meanwhile."""
        await self.begin()
        while True:
            await self.write()
            update_token_ends(self._polls)
            await asyncio.sleep(EVERY_S)

    async def begin(self) -> None:
        """Writes the shops that are no longer polled, and those that were never read."""
        await self._write([(key, None) for key in self._book.gone(self._is_there)] + self._never_read())

    async def write(self) -> None:
        """Writes the shops that were read since the last time."""
        read = {shop: _read_ms(theirs) for shop, theirs in self._by_shop.items()}
        changed = {shop: read_ms for shop, read_ms in read.items() if read_ms != self._written_ms[shop]}
        if await self._write([_record(_health(self._by_shop[shop], read_ms)) for shop, read_ms in changed.items()]):
            self._written_ms |= changed

    def _never_read(self) -> list[tuple[bytes, bytes | None]]:
        found = [_health(theirs, None) for theirs in self._by_shop.values()]
        return [_record(each) for each in found if not self._book.knows(each)]

    def _is_there(self, feed: FeedHealth) -> bool:
        return feed.by != "poll" or feed.key() in {_health(theirs, None).key() for theirs in self._by_shop.values()}

    async def _write(self, records: list[tuple[bytes, bytes | None]]) -> bool:
        if not records:
            return True
        try:
            await self._writer.write([Written(self._topic, key, value, []) for key, value in records])
        except KafkaError as error:
            log.error("when shops were read could not be written: %s", type(error).__name__)
            return False
        return True


def _record(health: FeedHealth) -> tuple[bytes, bytes | None]:
    return health.key(), encode(health)


def _read_ms(polls: list[ShopPoll]) -> int:
    return min(each.read_ms for each in polls)


def _health(polls: list[ShopPoll], read_ms: int | None) -> FeedHealth:
    poll = polls[0]
    _, app, shop = poll.shop.split("/", 2)
    alias = str(poll.setting.get("aliases", {}).get(shop, shop))
    every_ms = max(each.settings.every_ms for each in polls)
    return polled(str(poll.source.platform), alias, poll.source.source, app, read_ms, _read_ms(polls), every_ms)
