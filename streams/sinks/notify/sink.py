"""Digests for people: mail, Slack, Telegram, Feishu, DingTalk and whatever else Apprise speaks."""

import asyncio
from collections.abc import Sequence
from functools import partial

import apprise

from streams.clock import wall_ms
from streams.settings import BadSettingError
from streams.sinks.base import Offsets, Record, Sink
from streams.sinks.delivery import Delivery, Unavailable
from streams.sinks.notify.digests import Digest, Digests

MINUTE_MS = 60_000

TONE = {
    "critical": apprise.NotifyType.FAILURE,
    "warning": apprise.NotifyType.WARNING,
    "info": apprise.NotifyType.INFO,
    "resolved": apprise.NotifyType.SUCCESS,
}


class Notifier(Sink):
    """One address: number `place` of those in the settings, counted from 1. `every_min` is the minutes between two
    digests of a shop. Raises BadSettingError for an address that Apprise doesn't know."""

    def __init__(self, delivery: Delivery, place: int, url: str, every_min: int, console_url: str) -> None:
        super().__init__(delivery)
        self._target = _target(place, url)
        self._console_url = console_url
        self._digests = Digests(every_min * MINUTE_MS)
        self._behind: set[int] = set()
        self._first: set[int] = set()

    async def assigned(self, partition: int, offsets: Offsets) -> int:
        self.revoked(partition)
        self._behind.add(partition)
        if offsets.is_new:
            self._first.add(partition)
        return offsets.resume

    async def caught_up(self, partition: int) -> None:
        self._behind.discard(partition)
        self._first.discard(partition)

    def revoked(self, partition: int) -> None:
        self._digests.drop(partition)
        self._behind.discard(partition)
        self._first.discard(partition)

    async def deliver(self, partition: int, records: Sequence[Record]) -> None:
        now_ms = wall_ms()
        for record in records:
            alert = self.read(record)
            if alert is not None:
                self._digests.add(alert, (partition, record.offset), now_ms, partition in self._first)

    async def tick(self, now_ms: int) -> None:
        due = self._digests.due(now_ms, self._behind)
        await asyncio.gather(*(self._deliver(digest, now_ms) for digest in due))

    def held(self, partition: int) -> int | None:
        return self._digests.oldest(partition)

    async def _deliver(self, digest: Digest, now_ms: int) -> None:
        await self.delivery.send(partial(self._send, digest), alerts=len(digest.alerts))
        self._digests.sent(digest, now_ms)

    async def _send(self, digest: Digest) -> None:
        sent = await self._target.async_notify(
            title=digest.title,
            body=digest.body(self._console_url),
            body_format=apprise.NotifyFormat.TEXT,
            notify_type=TONE[digest.gravest],
        )
        if not sent:  # Apprise gives no reason
            raise Unavailable(f"Apprise could not send by {self._target[0].app_id}")


def _target(place: int, url: str) -> apprise.Apprise:
    # A redirect could send a digest to an internal service. The address itself may still ask for it (`redirect=yes`).
    target = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
    if not target.add(url):  # the address is not shown: it holds a secret
        raise BadSettingError(f"address {place} of SHIPCLOCK_NOTIFY is none that Apprise knows")
    return target
