"""The API's comparison of figures with those of the day before."""

import asyncio
from collections.abc import AsyncIterator, Callable, Container
from datetime import UTC, date, datetime, timedelta
from time import monotonic

from msgspec import Struct, structs
from starlette.requests import Request

from rules.messages.daily_values import DailyValues
from streams.clock import wall_ms
from streams.views.day_to_day import (
    CountMoved,
    DayToDay,
    FigureMoved,
    MoneyMoved,
    alerts_moved,
    figures_moved,
    money_moved,
)
from streams.views.view import View
from streams.web.morning_api import MorningQuery
from streams.web.operations import operation
from streams.web.trends_api import readable

FRESH_S = 10.0
"""How long an answer is given again at least. In the events' time days may pass while it is."""

SHARE_OF_TIME = 0.05
"""How much of the time reading may take: where it takes long, an answer is given again for longer."""

ZONES_D = 1
"""By how many days a shop's local day may lie before or after that of UTC."""

MOST = 100
"""Of how many figures an answer tells at most, as many as `limit` may be."""

ReadAllDays = Callable[[date], AsyncIterator[DailyValues]]


class Yesterday(Struct, kw_only=True):
    """The figures of all `shops` of which both days are known, as of `at`: money at stake by currency, open alerts by
    severity (those that are muted among them), and the ratios and points that moved, of `moved_total`, those first that
    crossed their threshold, then by how much of it they moved. Ratios without a threshold, and such whose calendar
    period has just begun, aren't compared."""

    at: str | None
    shops: int
    exposure: list[MoneyMoved]
    open_alerts: dict[str, CountMoved]
    moved: list[FigureMoved]
    moved_total: int


class YesterdayApi:
    """`read` gives what was written of all shops' days since a date, in that order. Of the `good` rules more is
    better."""

    def __init__(self, view: View, read: ReadAllDays, good: Container[str]) -> None:
        self._view, self._read, self._good = view, read, good
        self._turn = asyncio.Lock()
        self._known: Yesterday | None = None
        self._until_s = 0.0

    @operation(
        "GET",
        "/api/yesterday",
        "What money at stake, open alerts, ratios and points are now, against the end of the day before",
        query=MorningQuery,
        answer=Yesterday,
        refusals={503: "the topic can't be read"},
    )
    async def yesterday(self, request: Request, query: MorningQuery) -> Yesterday:
        async with self._turn:  # one at a time: each reads all partitions
            if self._known is None or monotonic() >= self._until_s:
                self._known = await self._compared()
        return structs.replace(self._known, moved=self._known.moved[: query.limit])

    async def _compared(self) -> Yesterday:
        began_s = monotonic()
        at = datetime.fromtimestamp((self._view.shops.at_ms or wall_ms()) / 1000, UTC).date()
        days = DayToDay(since=at - timedelta(days=ZONES_D))
        with readable():
            async for values in self._read(at - timedelta(days=ZONES_D + 1)):
                days.add(values)
        pairs = days.pairs()
        moved = figures_moved(pairs, self._good)
        done_s = monotonic()
        if pairs:  # the first days should be seen at once
            self._until_s = done_s + max(FRESH_S, (done_s - began_s) / SHARE_OF_TIME)
        return Yesterday(
            at=max((now.at for _, now in pairs), default=None),
            shops=len(pairs),
            exposure=money_moved(pairs),
            open_alerts=alerts_moved(pairs),
            moved=moved[:MOST],
            moved_total=len(moved),
        )
