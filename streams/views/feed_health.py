"""Each shop's feeds: when a platform was last heard of through each, and whether that is longer ago than usual.

The mapper of pushes and the poller write it, with the instants from which a feed is late or silent (`late_at`,
`silent_at`). Readers only compare these with the clock, so a feed falls silent also if mapper and poller have stopped.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct

from rules.calendar.instants import from_rfc3339
from rules.messages.names import decoded, shop_key
from streams.views.shops import ShopKey

FeedState = Literal["healthy", "late", "silent"]


class FeedHealth(Struct, kw_only=True, frozen=True):
    """One feed of one shop as it lies in the topic, under `feed_key`. `heard_at` is when something was last received,
    or last read; null where nothing ever was. `usual_s` is the longest that this shop has been silent lately, of
    pushes."""

    platform: str
    shop: str
    source: str
    app: str
    by: Literal["push", "poll"]
    heard_at: str | None
    late_at: str
    silent_at: str
    usual_s: float | None = None

    def key(self) -> bytes:
        return f"{shop_key(self.platform, self.shop)}/{self.source}/{self.app}/{self.by}".encode()

    def state(self, now_ms: int) -> FeedState:
        if now_ms >= from_rfc3339(self.silent_at):
            return "silent"
        return "late" if now_ms >= from_rfc3339(self.late_at) else "healthy"


class FeedNow(Struct, kw_only=True):
    """One feed of a shop. It is late from `late_at` on and silent from `silent_at` on unless it is heard of before."""

    source: str
    app: str
    by: Literal["push", "poll"]
    state: FeedState
    heard_at: str | None
    late_at: str
    silent_at: str


class FeedsNow(Struct, kw_only=True):
    """All feeds of a shop: healthy or silent where all of them are, else late. `since` is when one that isn't healthy
    was last heard of; null where all are, or none ever was."""

    state: FeedState
    since: str | None
    feeds: list[FeedNow]


class Feeds:
    """The newest record of each feed, by shop."""

    def __init__(self) -> None:
        self._of: dict[ShopKey, dict[bytes, FeedHealth]] = {}

    def apply(self, key: bytes, value: bytes | None) -> ShopKey:
        """One record of the topic; gives the shop. Raises msgspec.DecodeError and ValueError for what is none."""
        if value is None:
            platform, shop = map(decoded, key.decode().split("/")[:2])
            self._of.get(ShopKey(platform, shop), {}).pop(key, None)
            return ShopKey(platform, shop)
        health = decode(value)
        from_rfc3339(health.late_at), from_rfc3339(health.silent_at)
        found = ShopKey(health.platform, health.shop)
        self._of.setdefault(found, {})[key] = health
        return found

    def names(self) -> list[ShopKey]:
        return [shop for shop, feeds in self._of.items() if feeds]

    def now(self, shop: ShopKey, now_ms: int) -> FeedsNow | None:
        """None where the shop has no feeds."""
        found = self._of.get(shop)
        return together(found.values(), now_ms) if found else None

    def count(self, now_ms: int) -> Counter[tuple[str, FeedState]]:
        """Shops by source and the state of what comes from it."""
        counted: Counter[tuple[str, FeedState]] = Counter()
        for feeds in self._of.values():
            for source in {each.source for each in feeds.values()}:
                counted[source, together([each for each in feeds.values() if each.source == source], now_ms).state] += 1
        return counted


def together(feeds: Iterable[FeedHealth], now_ms: int) -> FeedsNow:
    """Of one feed at least."""
    each = [
        FeedNow(
            source=feed.source,
            app=feed.app,
            by=feed.by,
            state=feed.state(now_ms),
            heard_at=feed.heard_at,
            late_at=feed.late_at,
            silent_at=feed.silent_at,
        )
        for feed in feeds
    ]
    states = {feed.state for feed in each}
    unwell = [feed.heard_at for feed in each if feed.state != "healthy" and feed.heard_at is not None]
    return FeedsNow(
        state=states.pop() if len(states) == 1 else "late",
        since=max(unwell, key=from_rfc3339, default=None),
        feeds=sorted(each, key=lambda feed: (feed.source, feed.app, feed.by)),
    )


decode = msgspec.json.Decoder(FeedHealth).decode
encode = msgspec.json.Encoder().encode
