"""Registers numbers with a tracking service, and releases those that nobody waits for any more.

A number is registered once. If a process ends between the call and the note of it, the call is made again, and the
service answers that it knows the number.
"""

import logging
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from rules.calendar.instants import DAY_MS
from streams.feeds.api_language import Api, Call, Registration
from streams.feeds.apps import App, Registering
from streams.feeds.expressions import look_up
from streams.feeds.polling.client import Client, Time
from streams.feeds.polling.failures import QuotaSpent, Refused, Unavailable
from streams.feeds.polling.pages import listed
from streams.feeds.polling.parcels import FOLLOWED, GONE, LEAVING, NEW, REFUSED, Parcel, Parcels
from streams.feeds.polling.requests import filled
from streams.metrics import feeds as metrics
from streams.paced_log import PacedLog

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

EVERY_S = 30.0
MOST_AT_ONCE = 400
"""The most numbers handled in one turn."""

MOST_TRIES = 5
FIRST_AGAIN_MS = 10 * 60_000
"""A number that was refused is tried again after this, then after six times as long, and so on: who refuses may mean
the account, and that can be mended."""


class _NoMore(Exception):
    """The service takes no more numbers, and says why."""


class Registrar:
    """Of one app at one tracking service. `client` is that of the app."""

    def __init__(self, app: App, client: Client, parcels: Parcels, time: Time) -> None:
        api, registering = app.source.api, app.registering
        if api is None or api.registration is None or registering is None:
            raise ValueError(f"{app.name} registers nothing")
        self.name = f"{app.source.source}/{app.name}"
        self._api: Api = api
        self._how: Registration = api.registration
        self._settings: Registering = registering
        self._source, self._client, self._parcels, self._time = app.source.source, client, parcels, time
        self._forget_at_ms = 0

    async def run(self) -> None:
        """Until cancelled, whatever the service does meanwhile."""
        while True:
            wait_s = await self.turn() or EVERY_S * random.uniform(0.9, 1.1)
            await self._time.pause(wait_s)

    async def turn(self) -> float:
        """Registers and releases the numbers that are due. Returns how long to wait, if that isn't the usual time."""
        try:
            return await self._turn()
        except Unavailable as error:
            metrics.REGISTRATIONS.labels(self._source, "unavailable").inc()
            log.warning("%s: not asked: %s", self.name, error)
        except Exception as error:  # a mistake of ours, or a file that is locked, must not end the polls
            metrics.REGISTRATIONS.labels(self._source, "failed").inc()
            log.error("%s: numbers could not be registered: %s", self.name, type(error).__name__)
        return 0

    async def _turn(self) -> float:
        try:
            await self._register()
            await self._release()
            self._forget()
        except QuotaSpent as error:
            return self._no_more(str(error), error.until_ms)
        except _NoMore as error:
            return self._no_more(f"its quota is used up ({error})", self._client.midnight_ms())
        return 0

    def _forget(self) -> None:
        """Once a day: all rows are looked at."""
        now_ms = self._time.now_ms()
        if now_ms >= self._forget_at_ms:
            self._parcels.forget(now_ms)
            self._forget_at_ms = now_ms + DAY_MS

    def _no_more(self, why: str, until_ms: int) -> float:
        metrics.REGISTRATIONS.labels(self._source, "quota").inc()
        waiting = self._parcels.counts(self.name)[NEW]
        log.error("%s: %s; %d numbers wait to be registered", self.name, why, waiting)
        return max(EVERY_S, (until_ms - self._time.now_ms()) / 1000)

    async def _register(self) -> None:
        due = self._parcels.due(self.name, NEW, self._time.now_ms(), MOST_AT_ONCE)
        known = []
        for each in due:
            if self._how.needs_carrier and not self._carrier(each):
                self._refuse(each, f"its carrier {each.carrier!r} is not known; name it under carriers")
            else:
                known.append(each)
        apart = [each for each in known if each.again and self._how.again is not None]
        together = [each for each in known if each not in apart]
        for n in range(0, len(together), self._how.batch):
            await self._call(self._how.call, self._how.batch, together[n : n + self._how.batch])
        for each in apart:
            await self._call(self._how.again or self._how.call, 1, [each])

    async def _call(self, call: Call, batch: int, parcels: list[Parcel]) -> None:
        if batch > 1:
            names: dict[str, Any] = {"numbers": [filled(self._how.each, self._names(each)) for each in parcels]}
        else:
            names = self._names(parcels[0])
        try:
            answer = await self._client.ask(call, **names)
        except Refused as error:
            if len(parcels) > 1:  # a key that is wrong, say: no number's fault
                self._all_later(parcels, str(error))
            else:
                self._later(parcels[0], str(error))
            return
        rejected = dict(self._rejected(answer))
        followed = [each for each in parcels if rejected.get(each.tracking_no) in (None, *map(str, self._how.known))]
        self._parcels.settle(self.name, followed, FOLLOWED, self._time.now_ms())
        metrics.REGISTRATIONS.labels(self._source, "registered").inc(len(followed))
        spent = None
        for each in parcels:
            if each not in followed:
                code = rejected[each.tracking_no]
                if code in map(str, self._how.quota):
                    spent = code
                else:
                    self._later(each, f"it was refused with {code}")
        if spent is not None:
            raise _NoMore(spent)

    def _rejected(self, answer: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Numbers, and the code of what is wrong with each."""
        for part in listed(self._how.rejected, answer):
            number = self._how.number.search(part) if self._how.number is not None else None
            code = self._how.code.search(part) if self._how.code is not None else None
            yield str(number), str(code)

    def _all_later(self, parcels: list[Parcel], why: str) -> None:
        metrics.REGISTRATIONS.labels(self._source, "refused").inc()
        log.error("%s: %d numbers at once were not taken: %s", self.name, len(parcels), why)
        self._parcels.settle(self.name, parcels, NEW, self._time.now_ms() + FIRST_AGAIN_MS)

    def _later(self, parcel: Parcel, why: str) -> None:
        tried = parcel._replace(tries=parcel.tries + 1)
        if tried.tries >= MOST_TRIES:
            self._refuse(tried, why)
            return
        metrics.REGISTRATIONS.labels(self._source, "refused").inc()
        log.warning("%s: a number was not taken, attempt %d of %d: %s", self.name, tried.tries, MOST_TRIES, why)
        again_ms = self._time.now_ms() + FIRST_AGAIN_MS * 6**parcel.tries
        self._parcels.settle(self.name, [tried], NEW, again_ms)

    def _refuse(self, parcel: Parcel, why: str) -> None:
        metrics.REGISTRATIONS.labels(self._source, "refused").inc()
        log.error("%s: %s of %s is not followed: %s", self.name, parcel.tracking_no, parcel.reference, why)
        self._parcels.settle(self.name, [parcel], REFUSED, self._time.now_ms())

    async def _release(self) -> None:
        for each in self._parcels.due(self.name, LEAVING, self._time.now_ms(), MOST_AT_ONCE):
            if self._how.release is not None:
                await self._release_one(self._how.release, each)
            self._parcels.settle(self.name, [each], GONE, self._time.now_ms())

    async def _release_one(self, call: Call, parcel: Parcel) -> None:
        try:
            await self._client.ask(call, **self._names(parcel))
        except Refused as error:  # it may have stopped by itself
            log.info("%s: a number was not released: %s", self.name, error)
        else:
            metrics.REGISTRATIONS.labels(self._source, "released").inc()

    def _names(self, parcel: Parcel) -> dict[str, Any]:
        return {
            "tracking_no": parcel.tracking_no,
            "carrier": self._carrier(parcel),
            "reference": parcel.reference,
            "reference_in_url": quote(parcel.reference, safe="/"),
        }

    def _carrier(self, parcel: Parcel) -> str:
        """As the service calls it; empty where nobody says."""
        for table in (self._settings.carriers, self._how.carriers):
            is_known, meant = look_up(table, parcel.carrier)
            if is_known:
                return meant or ""
        return ""
