"""Writes each shop's figures of each local day to the topic of daily values, from which trends are drawn.

A day has one record, under `platform/shop/day`, which is written again while the day goes on, and last when it is over.
So writing one twice, after a restart or by another worker, changes nothing. Days on which no worker ran have none.

In event time the clock stops at each day's end until that day's records are made, so that they are the figures of then
however fast history is read. In wall time the clock stops for nothing: what is due is written beside the standings, in
time that other work leaves.
"""

import logging
from collections.abc import Iterator
from datetime import date
from itertools import islice
from time import thread_time

from msgspec import Struct

from rules.calendar.days import day_of, start_of_day
from rules.calendar.instants import DAY_MS, HOUR_MS, date_ms
from rules.engine.engine import Engine
from rules.messages.alerts import Alert
from rules.messages.daily_values import AlertsOfDay, encode
from rules.reports.daily_values import alerts_since, daily_values
from rules.state.shop import Shop
from streams.kafka.topics import DAILY_VALUES_MS

log = logging.getLogger(__name__)

REWRITE_MS = 10 * 60_000
"""How often the record of a day that goes on is written again, if it has changed."""

LATEST_MS = HOUR_MS
"""A day that was over for longer when its shop is looked at isn't written any more: its figures are not those of then.
The record that it has says as of when they are."""

AT_ONCE = 50
"""Shops whose day ends that are looked at before the event loop's other tasks run: some 5 ms."""

Record = tuple[bytes, bytes]
"""Key and value."""


class _Today(Struct, gc=False):
    """A shop's day in `zone` that goes on until `end_ms`. `alerts` are counted up to then, those `later` after it;
    `written` is a hash of the figures last written, at `written_ms`."""

    zone: str
    end_ms: int
    alerts: AlertsOfDay
    later: AlertsOfDay
    written: int = 0
    written_ms: int = 0


class DailyRecords:
    """The days of one partition's shops, and the records made so far."""

    def __init__(self) -> None:
        self._today: dict[Shop, _Today] = {}
        self._ready: dict[str, list[Record]] = {}
        #: The shops whose day ends at `_ends_ms` that are yet to be looked at. All that ended before is written.
        self._closing: Iterator[Shop] | None = None
        self._ends_ms = 0
        self._spent_s = 0.0

    def note_alert(self, shop: Shop, alert: Alert, at_ms: int) -> None:
        """Counts an alert that was emitted."""
        today = self._today.get(shop)
        if today is None:
            return  # counted when the shop is first looked at
        counted = today.alerts if at_ms < today.end_ms else today.later
        if alert.type == "alert.opened":
            counted.opened += 1
        elif alert.type == "alert.resolved":
            counted.resolved += 1
        if alert.data.reason == "deadline_passed":
            counted.deadlines_missed += 1

    def drain(self) -> dict[int, list[Record]]:
        """The records made since the last call, by the day as a timestamp (epoch ms in UTC)."""
        ready, self._ready = self._ready, {}
        return {date_ms(date.fromisoformat(day)): records for day, records in ready.items()}

    def take_spent_s(self) -> float:
        """The CPU time (s) that days' ends have taken since the last call."""
        spent_s, self._spent_s = self._spent_s, 0.0
        return spent_s

    def make_due(self, shop: Shop, at_ms: int) -> None:
        """Makes a shop's records that are due at the clock's moment: that of the day that goes on, and that of one that
        has ended since."""
        today = self._of(shop, at_ms)
        if at_ms >= today.end_ms + LATEST_MS:
            del self._today[shop]
            today = self._of(shop, at_ms)
        elif at_ms >= today.end_ms:
            self._write(shop, today, today.end_ms - 1)
            today = self._next(shop, today)
        if at_ms >= today.written_ms + REWRITE_MS:
            self._write(shop, today, at_ms, if_changed=True)

    # -- in event time ------------------------------------------------------------------------------------------

    def end_ms(self, engine: Engine, to_ms: int) -> int:
        """When the next local day ends (epoch ms) whose records are yet to be made, on the clock's way to `to_ms`.
        Those that would be deleted at once are passed over."""
        if self._closing is not None:
            return self._ends_ms
        from_ms = max(engine.clock_ms, self._ends_ms, to_ms - DAILY_VALUES_MS)
        return min(
            [start_of_day(day_of(from_ms, zone) + 1, zone) for zone in engine.book.zones], default=from_ms + DAY_MS
        )

    def close(self, engine: Engine, end_ms: int) -> bool:
        """Makes the records of the days that end at `end_ms`, the clock standing before it. False if some are left."""
        began_s = thread_time()
        if self._closing is None:
            zones = {zone for zone in engine.book.zones if start_of_day(day_of(end_ms, zone), zone) == end_ms}
            self._closing = iter([shop for shop in engine.shops.values() if shop.plan.zone in zones])
            self._ends_ms = end_ms
        shops = list(islice(self._closing, AT_ONCE))
        for shop in shops:
            if shop.began_ms < end_ms or shop.facts.first_at_ms() < end_ms:
                today = self._of(shop, end_ms - 1)
                self._write(shop, today, end_ms - 1)
                self._next(shop, today)
        self._spent_s += thread_time() - began_s
        if len(shops) == AT_ONCE:
            return False
        self._closing = None
        return True

    # -- each shop ------------------------------------------------------------------------------------------------

    def _of(self, shop: Shop, at_ms: int) -> _Today:
        """The day that was begun last; one that has just begun where the shop wasn't looked at yet, or comes to be in
        another zone."""
        today, zone = self._today.get(shop), shop.plan.zone
        if today is None or today.zone != zone:
            day = day_of(at_ms, zone)
            counted = alerts_since(shop, start_of_day(day, zone))
            today = self._today[shop] = _Today(zone, start_of_day(day + 1, zone), counted, AlertsOfDay())
        return today

    def _next(self, shop: Shop, ended: _Today) -> _Today:
        """Begins the day after one that has ended."""
        end_ms = start_of_day(day_of(ended.end_ms, ended.zone) + 1, ended.zone)
        today = self._today[shop] = _Today(ended.zone, end_ms, ended.later, AlertsOfDay())
        return today

    def _write(self, shop: Shop, today: _Today, at_ms: int, if_changed: bool = False) -> None:
        if shop.plan.is_watching:
            today.written_ms = at_ms
            try:
                self._make(shop, today, at_ms, if_changed)
            except Exception:  # figures that can't be worked out must not keep alerts from going out
                log.exception("the daily values of %s can't be worked out", shop.key)

    def _make(self, shop: Shop, today: _Today, at_ms: int, if_changed: bool) -> None:
        found = daily_values(shop, at_ms, today.alerts)
        if if_changed:
            at, found.at = found.at, ""
            before, today.written = today.written, hash(encode(found))
            if today.written == before:
                return
            found.at = at
        self._ready.setdefault(found.day, []).append((found.key(), encode(found)))
