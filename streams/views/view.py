"""The views of alerts, shops, feeds, acks and packed orders, as far as the topics have been read."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, get_args

import msgspec
from aiokafka import ConsumerRecord
from msgspec import Raw

from streams.clock import wall_ms
from streams.kafka.topics import TopicNames
from streams.paced_log import PacedLog
from streams.views.acks import Ack, Acks, Kind, holds
from streams.views.alerts import Alerts, Held
from streams.views.change_feed import Feed
from streams.views.feed_health import Feeds, FeedState, encode
from streams.views.groups import Groups
from streams.views.packed import Ticks
from streams.views.point_caps import UNCAPPED, Capped, Caps
from streams.views.shops import ShopKey, Shops

log = logging.getLogger(__name__)
log.addFilter(PacedLog())


NO_STANDING = {
    "open_alerts": 0,
    "metrics": {},
    "ledgers": {},
    "sanctions": [],
    "exposure": None,
    "due": [],
    "due_total": 0,
    "due_saves": None,
    "chase": [],
    "chase_total": 0,
}


class View:
    """Applies the records of its topics one by one; everything here is synchronous."""

    def __init__(
        self,
        names: TopicNames,
        partitions: int,
        now_ms: Callable[[], int] = wall_ms,
        caps: Mapping[Capped, Caps] = UNCAPPED,
    ) -> None:
        """`caps`: the most points that ledgers take for what rules find."""
        self.alerts = Alerts()
        self.shops = Shops()
        self.acks = Acks()
        self.groups = Groups(self.alerts, self.ack, now_ms, caps)
        self.feeds = Feeds()
        self.ticks = Ticks()
        self.partitions = partitions
        self._now_ms = now_ms
        self._takes: dict[str, Callable[[ConsumerRecord, int], None]] = {
            names.alerts: self._apply_alert,
            names.standings: self._apply_standing,
            names.remarks: self._apply_ack,
            names.feed_health: self._apply_feed_health,
            names.packed: self._apply_tick,
        }
        self.topics = tuple(self._takes)
        self._first_lane = {topic: n * partitions for n, topic in enumerate(self.topics)}
        self.feed = Feed(len(self.topics) * partitions)

    def apply(self, record: ConsumerRecord) -> None:
        """A record that can't be read is logged and skipped."""
        lane = self._first_lane[record.topic] + record.partition
        self.feed.move(lane, record.offset)
        try:
            self._takes[record.topic](record, lane)
        except (msgspec.MsgspecError, ValueError) as error:
            log.warning("%s-%d@%d can't be read: %s", record.topic, record.partition, record.offset, error)

    def _apply_alert(self, record: ConsumerRecord, lane: int) -> None:
        before = None if record.value is not None else self.alerts.get(record.key.decode())
        held = self.alerts.apply(record.key, record.value)
        if (changed := held or before) is not None:
            self.groups.changed(changed.group)
        if held is not None:
            self.feed.changed("alert", held.id, lane)

    def _apply_standing(self, record: ConsumerRecord, lane: int) -> None:
        shop = self.shops.apply(record.value)
        if shop is not None:
            self.feed.changed("shop", shop, lane)

    def _apply_ack(self, record: ConsumerRecord, lane: int) -> None:
        alert = self.acks.apply(record.key, record.value)
        if alert is None:
            return
        self.feed.changed("alert", alert, lane)
        held = self.alerts.get(alert)
        if held is None:
            return
        self.groups.changed(held.group, by_person=True)
        shop = ShopKey(*held.group[:2])
        if self.shops.has(shop):
            self.feed.changed("shop", shop, lane)

    def _apply_feed_health(self, record: ConsumerRecord, lane: int) -> None:
        self.feed.changed("shop", self.feeds.apply(record.key, record.value), lane)

    def _apply_tick(self, record: ConsumerRecord, lane: int) -> None:
        shop = self.ticks.apply(record.key, record.value)
        if shop is not None and self.shops.has(shop):
            self.feed.changed("shop", shop, lane)

    def shop_names(self) -> list[ShopKey]:
        """Those with a standing, and those of which only a feed is known."""
        return [*self.shops.names(), *(key for key in self.feeds.names() if not self.shops.has(key))]

    def has_shop(self, key: ShopKey) -> bool:
        """Whether anything is known of a shop."""
        return self.shops.has(key) or self.feeds.now(key, self._now_ms()) is not None

    def shop(self, key: ShopKey) -> Raw | None:
        """A shop's standing as it came, with its open `alerts` counted and the state of its feeds as `feed` beside; an
        empty one, `at` no instant, of a shop that should be heard of and never was. None where nothing is known."""
        standing, feed = self.shops.raw(key), self.feeds.now(key, self._now_ms())
        if standing is None and feed is None:
            return None
        empty = {"platform": key.platform, "shop": key.shop, "at": None, **NO_STANDING}
        alerts = encode(self.groups.of_shop(*key))
        return Raw(b'%b,"alerts":%b,"feed":%b}' % (bytes(standing or encode(empty))[:-1], alerts, encode(feed)))

    def feed_states(self) -> Counter[tuple[str, FeedState]]:
        """Shops by the source of a feed and its state."""
        return self.feeds.count(self._now_ms())

    def alert(self, held: Held) -> dict[str, Any]:
        """An alert's newest record, with its ack and mute if they hold."""
        return held.record() | {kind: self.ack(kind, held) for kind in get_args(Kind)}

    def is_muted(self, held: Held) -> bool:
        return self.ack("muted", held) is not None

    def mute_of(self, alert: str, revision: int) -> Ack | None:
        """The mute of an alert that holds at this revision or a later one; None of an alert that isn't known so far."""
        held = self.alerts.get(alert)
        return None if held is None or held.revision < revision else self.ack("muted", held)

    def ack(self, kind: Kind, held: Held) -> Ack | None:
        """The ack or mute, if it still holds."""
        ack = self.acks.get(kind, held.id)
        return ack if ack is not None and holds(ack, held.steps(), self._now_ms()) else None
