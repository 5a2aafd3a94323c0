"""The API's trends: what a shop's ratios and points were, day by day, over the window that each looks at."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Annotated, Literal

from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rules.messages.daily_values import DailyValues
from streams.clock import wall_ms
from streams.views.shops import ShopKey
from streams.views.view import View
from streams.web.operations import operation

FRESH_S = 60.0
"""How long what was read of a shop is answered again: the day that goes on is written every ten minutes."""

SHOPS_KEPT = 50
"""Of how many shops it is kept that long."""

SHORTEST_DAYS = 30
"""A trend shows at least as many days as this, also where its window has just begun or is shorter."""

ReadDays = Callable[[ShopKey, date], AsyncIterator[DailyValues]]


class TrendsQuery(Struct, kw_only=True):
    """`days`: how many local days, the newest among them; no trend goes further back."""

    platform: str
    shop: str
    rule: str | UnsetType = UNSET
    days: Annotated[int, Meta(ge=1, le=400)] = 400


class TrendPoint(Struct, kw_only=True):
    """A ratio's share, or points, at the end of a local day. `threshold` is where the next step lies; null where there
    is none. `numerator` and `denominator` are a ratio's orders, `period` is its calendar period's name."""

    day: str
    value: float | None
    threshold: float | None
    numerator: int | None = None
    denominator: int | None = None
    period: str | None = None


class Trend(Struct, kw_only=True):
    """One rule's figure over its window, from `first_day` to `last_day`, which may lie ahead; at least 30 days. A day
    that has no point was missed: no worker ran, or the rule didn't apply."""

    rule: str
    unit: Literal["share", "points"]
    ledger: str | None
    first_day: str
    last_day: str
    points: list[TrendPoint]


class Trends(Struct, kw_only=True):
    """A shop's trends, in its rules' order; `zone` is that of its days, null where there are none yet."""

    platform: str
    shop: str
    zone: str | None
    items: list[Trend]
    next: str | None = None


class TrendsApi:
    """`read` gives what was written of a shop's days since a date, in that order."""

    def __init__(self, view: View, read: ReadDays) -> None:
        self._view, self._read = view, read
        self._turn = asyncio.Lock()
        self._known: OrderedDict[tuple[ShopKey, date], tuple[float, list[DailyValues]]] = OrderedDict()

    @operation(
        "GET",
        "/api/trends",
        "What a shop's ratios and points were, day by day, each over its window",
        query=TrendsQuery,
        answer=Trends,
        refusals={404: "no such shop has been heard of", 503: "the topic can't be read"},
    )
    async def trends(self, request: Request, query: TrendsQuery) -> Trends:
        shop = ShopKey(query.platform, query.shop)
        if not self._view.has_shop(shop):
            raise HTTPException(404, f"no shop {query.platform}/{query.shop} has been heard of")
        at = datetime.fromtimestamp((self._view.shops.at_ms or wall_ms()) / 1000, UTC).date()
        days = await self._days(shop, at - timedelta(days=query.days))
        items = [each for each in trends_of(days) if query.rule in (UNSET, each.rule)]
        return Trends(platform=shop.platform, shop=shop.shop, zone=days[-1].zone if days else None, items=items)

    async def _days(self, shop: ShopKey, since: date) -> list[DailyValues]:
        """The newest record of each day, in order."""
        async with self._turn:  # one at a time: each reads a whole partition
            read_s, known = self._known.get((shop, since), (-FRESH_S, []))
            if monotonic() - read_s < FRESH_S:
                return known
            found = await self._newest(shop, since)
            if found:  # the first days of a shop should be seen at once
                self._known[shop, since] = monotonic(), found
                self._known.move_to_end((shop, since))
                if len(self._known) > SHOPS_KEPT:
                    self._known.popitem(last=False)
            return found

    async def _newest(self, shop: ShopKey, since: date) -> list[DailyValues]:
        with readable():
            by_day = {each.day: each async for each in self._read(shop, since)}
        return [by_day[day] for day in sorted(by_day)]


@contextmanager
def readable() -> Iterator[None]:
    """Says in one line why daily values can't be read."""
    try:
        yield
    except TopicAuthorizationFailedError:
        raise HTTPException(503, "this user lacks READ on daily values; see deploy/docs/kafka-acls.md") from None
    except (KafkaError, OSError) as error:
        raise HTTPException(503, f"daily values can't be read: {type(error).__name__}") from None


def trends_of(days: Iterable[DailyValues]) -> list[Trend]:
    """The trends of a shop, from its days in order: of the rules that it has on the newest."""
    days = list(days)
    if not days:
        return []
    newest = days[-1]
    trends: list[Trend] = []
    for rule, ratio in newest.ratios.items():
        points = [
            TrendPoint(
                day=each.day,
                value=then.value,
                threshold=then.threshold,
                numerator=then.numerator,
                denominator=then.denominator,
                period=then.period,
            )
            for each in days
            if (then := each.ratios.get(rule)) is not None
        ]
        trends.append(_trend(rule, "share", None, points, newest.day, ratio.first_day, ratio.last_day))
    for rule, ledger in newest.ledgers.items():
        points = [
            TrendPoint(day=each.day, value=counted.points, threshold=counted.limit)
            for each in days
            if (counted := each.ledgers.get(rule)) is not None
        ]
        trends.append(_trend(rule, "points", ledger.ledger, points, newest.day, ledger.first_day, newest.day))
    return trends


def _trend(
    rule: str,
    unit: Literal["share", "points"],
    ledger: str | None,
    points: list[TrendPoint],
    newest: str,
    window_from: str | None,
    window_to: str,
) -> Trend:
    """A trend over its window. Where that goes by no date, as of points that are never cleared, over all there is."""
    shortest = (date.fromisoformat(newest) - timedelta(days=SHORTEST_DAYS - 1)).isoformat()
    first_day = min(window_from or points[0].day, shortest)
    shown = [each for each in points if each.day >= first_day]
    return Trend(
        rule=rule, unit=unit, ledger=ledger, first_day=first_day, last_day=max(newest, window_to), points=shown
    )
