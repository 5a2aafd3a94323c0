"""Sends alerts to Alertmanager, through its v2 API.

Alertmanager keeps alerts in memory only, and ends one that isn't sent again. So all that fires is sent again at an
interval, and what has ended as well, for a while. What to send is rebuilt from the topic when a partition is assigned.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

import orjson

from streams.clock import wall_ms
from streams.sinks.alertmanager.label_sets import ActiveAlerts, LabelSetEpisode, posted
from streams.sinks.alertmanager.silences import Silences
from streams.sinks.base import Offsets, Record
from streams.sinks.delivery import Delivery, Rejected
from streams.sinks.http import HttpSink
from streams.views.acks import Ack
from streams.views.mutes import Mutes
from streams.views.zones import Zones

AGAIN_MS = 30_000
"""How often all is sent again."""

SILENCE_MS = 5_000
"""How often it is looked which alerts are muted."""

JSON = {"content-type": "application/json"}

AT_ONCE = 256
"""Alerts in one request, at most."""


class Alertmanager(HttpSink):
    def __init__(self, delivery: Delivery, url: str, console_url: str, zones: Zones, mutes: Mutes) -> None:
        super().__init__(delivery)
        self._url = url.rstrip("/") + "/api/v2"
        self._console_url, self._zones = console_url, zones
        self._mutes, self._silences = mutes, Silences(self._ask)
        self._sent_all_ms = self._silenced_ms = 0
        self._firing: dict[int, ActiveAlerts] = {}
        self._rebuilt: set[int] = set()

    async def assigned(self, partition: int, offsets: Offsets) -> int:
        self.revoked(partition)
        self._firing[partition] = ActiveAlerts()
        return offsets.beginning

    async def caught_up(self, partition: int) -> None:
        """From now on it sends: the states read before are out of date."""
        self._rebuilt.add(partition)
        self._sent_all_ms = 0

    def revoked(self, partition: int) -> None:
        self._firing.pop(partition, None)
        self._rebuilt.discard(partition)

    async def deliver(self, partition: int, records: Sequence[Record]) -> None:
        firing, now_ms = self._firing[partition], wall_ms()
        for record in records:
            alert = self.read(record)
            if alert is not None:
                firing.apply(alert, record.timestamp, now_ms)
            elif record.value is None:
                firing.forget(record.key.decode(), record.timestamp)
        if partition not in self._rebuilt:
            firing.changes.clear()

    async def tick(self, now_ms: int) -> None:
        rebuilt = [self._firing[partition] for partition in self._rebuilt]
        changes = [episode for firing in rebuilt for episode in firing.changes]
        if now_ms - self._silenced_ms >= SILENCE_MS:
            self._silenced_ms = now_ms
            muted = self._muted(rebuilt)
            await self.delivery.send(lambda: self._silences.keep(muted, wall_ms()), alerts=0)
        if now_ms - self._sent_all_ms >= AGAIN_MS:
            self._sent_all_ms = now_ms
            await self.delivery.send(lambda: self._send(self._all(rebuilt)), alerts=len(changes))
        elif changes:
            await self.delivery.send(lambda: self._send(changes), alerts=len(changes))
        for firing in rebuilt:
            firing.changes.clear()

    def _muted(self, rebuilt: Iterable[ActiveAlerts]) -> dict[str, Ack]:
        firing = (alert for active in rebuilt for alert in active.firing())
        return {alert.data.alert: ack for alert in firing if (ack := self._mutes.of(alert)) is not None}

    def _posted(self, episode: LabelSetEpisode, now_ms: int) -> dict[str, object]:
        zone = self._zones.of(episode.alert.platform, episode.alert.shop)
        return posted(episode, now_ms, self._console_url, zone)

    async def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        return await self.request(method, self._url + path, body, JSON)

    def _all(self, rebuilt: Iterable[ActiveAlerts]) -> Iterable[LabelSetEpisode]:
        now_ms = wall_ms()
        return (episode for firing in rebuilt for episode in firing.all(now_ms))

    async def _send(self, episodes: Iterable[LabelSetEpisode]) -> None:
        rest = iter(episodes)
        refused: Rejected | None = None
        while some := list(islice(rest, AT_ONCE)):
            now_ms = wall_ms()  # taken anew for each attempt, as each sets the end a while ahead
            body = orjson.dumps([self._posted(episode, now_ms) for episode in some])
            try:
                await self.post(f"{self._url}/alerts", body, JSON)
            except Rejected as error:  # the others are sent all the same
                refused = error
        if refused is not None:
            raise refused
