"""The view: alerts, shops and remarks as far as the topics have been read."""

import logging
from collections.abc import Callable
from typing import Any, get_args

import msgspec
from aiokafka import ConsumerRecord

from streams.clock import wall_ms
from streams.kafka.topics import TopicNames
from streams.paced_log import PacedLog
from streams.views.acks import Kind, Remark, Remarks, holds
from streams.views.alerts import Alerts, Held
from streams.views.change_feed import Feed
from streams.views.shops import Shops

log = logging.getLogger(__name__)
log.addFilter(PacedLog())


class View:
    """Takes the records of its topics one by one; everything here is synchronous."""

    def __init__(self, names: TopicNames, partitions: int, now_ms: Callable[[], int] = wall_ms) -> None:
        self.alerts = Alerts()
        self.shops = Shops()
        self.remarks = Remarks()
        self.partitions = partitions
        self._now_ms = now_ms
        self._takes: dict[str, Callable[[ConsumerRecord, int], None]] = {
            names.alerts: self._take_alert,
            names.standings: self._take_standing,
            names.remarks: self._take_remark,
        }
        self.topics = tuple(self._takes)
        self._first_lane = {topic: n * partitions for n, topic in enumerate(self.topics)}
        self.feed = Feed(len(self.topics) * partitions)

    def take(self, record: ConsumerRecord) -> None:
        """What can't be read is passed over: it isn't the view's to mend."""
        lane = self._first_lane[record.topic] + record.partition
        self.feed.move(lane, record.offset)
        try:
            self._takes[record.topic](record, lane)
        except (msgspec.MsgspecError, ValueError) as error:
            log.warning("%s-%d@%d can't be read: %s", record.topic, record.partition, record.offset, error)

    def _take_alert(self, record: ConsumerRecord, lane: int) -> None:
        held = self.alerts.take(record.key, record.value)
        if held is not None:
            self.feed.changed("alert", held.id, lane)

    def _take_standing(self, record: ConsumerRecord, lane: int) -> None:
        shop = self.shops.take(record.value)
        if shop is not None:
            self.feed.changed("shop", shop, lane)

    def _take_remark(self, record: ConsumerRecord, lane: int) -> None:
        alert = self.remarks.take(record.key, record.value)
        if alert is not None:
            self.feed.changed("alert", alert, lane)

    def alert(self, held: Held) -> dict[str, Any]:
        """An alert's newest record with what has been said of it beside."""
        return held.record() | {kind: self._remark(kind, held) for kind in get_args(Kind)}

    def _remark(self, kind: Kind, held: Held) -> Remark | None:
        """If it still counts."""
        remark = self.remarks.get(kind, held.id)
        return remark if remark is not None and holds(remark, held.steps(), self._now_ms()) else None
