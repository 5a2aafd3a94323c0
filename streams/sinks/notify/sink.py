"""Digests for people: mail, Slack, Telegram, Feishu, DingTalk and whatever else Apprise speaks."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

import apprise
from aiokafka.errors import KafkaError

from streams.clock import wall_ms
from streams.kafka.topics import BadTopicsError
from streams.settings import BadSettingError
from streams.sinks.base import Offsets, Record, Sink
from streams.sinks.delivery import Delivery, Unavailable
from streams.sinks.notify.digests import Digest, Digests
from streams.sinks.notify.routes import Route
from streams.sinks.notify.weekly import Report, Weekly
from streams.sinks.notify.wording import Wording
from streams.translations import Translations
from streams.views.mutes import Mutes
from streams.views.zones import Zones

log = logging.getLogger(__name__)

MINUTE_MS = 60_000

FIRST = 0
"""The partition whose reader sends the weekly report."""

TONE = {
    "critical": apprise.NotifyType.FAILURE,
    "warning": apprise.NotifyType.WARNING,
    "info": apprise.NotifyType.INFO,
    "resolved": apprise.NotifyType.SUCCESS,
}


class Notifier(Sink):
    """One route. `zones` knows the time zones of shops. Of several workers
    the one that reads the first partition sends the `weekly` report."""

    def __init__(
        self,
        delivery: Delivery,
        route: Route,
        target: apprise.Apprise,
        every_min: int,
        console_url: str,
        zones: Zones,
        mutes: Mutes,
        translations: Translations,
        weekly: Weekly | None = None,
    ) -> None:
        super().__init__(delivery)
        self._route, self._target, self._mutes = route, target, mutes
        self._console_url, self._zones, self._translations = console_url, zones, translations
        self._digests = Digests((route.every or every_min) * MINUTE_MS)
        self._behind: set[int] = set()
        self._first: set[int] = set()
        self._quiet = False
        self._weekly, self._has_first = weekly, False
        self._weekly_after_ms = 0

    async def assigned(self, partition: int, offsets: Offsets) -> int:
        self.revoked(partition)
        self._has_first = self._has_first or partition == FIRST
        self._behind.add(partition)
        if offsets.is_new:
            self._first.add(partition)
        return offsets.resume

    async def caught_up(self, partition: int) -> None:
        self._behind.discard(partition)
        self._first.discard(partition)

    def revoked(self, partition: int) -> None:
        self._has_first = self._has_first and partition != FIRST
        self._digests.drop(partition)
        self._behind.discard(partition)
        self._first.discard(partition)

    async def deliver(self, partition: int, records: Sequence[Record]) -> None:
        now_ms = wall_ms()
        for record in records:
            alert = self.read(record)
            if alert is not None and (self._route.fits(alert) or self._digests.holds(alert)):
                self._digests.add(alert, (partition, record.offset), now_ms, partition in self._first)

    async def tick(self, now_ms: int) -> None:
        due = self._digests.due(now_ms, self._behind)
        loud = [digest for digest in due if not self._route.is_quiet(now_ms, self._zone(digest))]
        self._quiet = len(loud) < len(due)
        await asyncio.gather(*(self._deliver(digest, now_ms) for digest in loud))
        if self._weekly is not None and self._has_first and now_ms >= self._weekly_after_ms:
            self._weekly_after_ms = now_ms + MINUTE_MS
            await self._report(self._weekly, now_ms)

    def held(self, partition: int) -> int | None:
        return self._digests.oldest(partition)

    def waits(self) -> bool:
        return self._quiet

    def _zone(self, digest: Digest) -> str:
        return self._route.zone or self._zones.of(digest.platform, digest.shop)

    async def _deliver(self, digest: Digest, now_ms: int) -> None:
        """Sends what isn't muted."""
        shown = [alert for alert in digest.alerts if not self._mutes.hides(alert)]
        if shown:
            unmuted = Digest(digest.platform, digest.shop, shown)
            await self.delivery.send(partial(self._send, unmuted), alerts=len(shown))
        self._digests.sent(digest, now_ms)

    async def _report(self, weekly: Weekly, now_ms: int) -> None:
        """Sends the weekly report if it is due."""
        try:
            report = await weekly.due(now_ms, self._console_url)
        except (BadTopicsError, KafkaError) as error:
            log.warning("%s: no weekly report yet: %s", self.name, error)
            return
        if report is not None:
            await self.delivery.send(partial(self._send_report, report))
            await weekly.confirm(report.week)

    async def _send_report(self, report: Report) -> None:
        await self._notify(report.title, report.body, apprise.NotifyType.INFO)

    async def _send(self, digest: Digest) -> None:
        wording = Wording(self._route.language, self._zone(digest), self._translations)
        await self._notify(wording.title(digest), wording.body(digest, self._console_url), TONE[digest.gravest])

    async def _notify(self, title: str, body: str, tone: apprise.NotifyType) -> None:
        sent = await self._target.async_notify(
            title=title, body=body, body_format=apprise.NotifyFormat.TEXT, notify_type=tone
        )
        if not sent:  # Apprise gives no reason
            raise Unavailable(f"Apprise could not send by {self._target[0].app_id}")


def target(url: str, what: str) -> apprise.Apprise:
    """What an address leads to; `what` names it. Raises BadSettingError for one that Apprise doesn't know."""
    # A redirect could send a digest to an internal service. The address itself may still ask for it (`redirect=yes`).
    found = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
    if not found.add(url):  # the address is not shown: it holds a secret
        raise BadSettingError(f"{what} is none that Apprise knows")
    return found
