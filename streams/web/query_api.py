"""The API's queries: shops, alerts, what to ship next."""

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Literal
from urllib.parse import unquote

import msgspec
from msgspec import UNSET, Raw
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rules.calendar.instants import NEVER, from_rfc3339
from rules.messages.alerts import instant
from streams.views.alerts import Held, Place
from streams.views.shops import Due, ShopKey
from streams.views.view import View
from streams.warehouses import Warehouses
from streams.web.auth import person_of
from streams.web.group_api import fits, is_chosen
from streams.web.operations import operation
from streams.web.paging import page
from streams.web.schemas import (
    About,
    AlertNow,
    AlertQuery,
    AlertWithTrail,
    DuePage,
    DueQuery,
    Page,
    Paging,
    ShopNow,
)

SHOPS_AT_ONCE = 20
"""Ship-next lists gone through before the event loop's other tasks run."""

Worst = tuple[bool, int, float, float]

DueRank = tuple[Worst, int, str, str, str, str]
"""Place in the ship-next list: how bad, the deadline (epoch ms), platform, shop, order, parcel."""

NOTHING_SAVED: Worst = (False, 0, 0.0, 0.0)


class QueryApi:
    """Handlers that only read."""

    def __init__(
        self,
        view: View,
        clock: Literal["wall", "event"],
        warehouses: Warehouses,
        away_since_ms: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`away_since_ms`: since when Kafka has not answered (epoch ms); None while it does."""
        self._view, self._clock, self._warehouses = view, clock, warehouses
        self._away_since_ms = away_since_ms

    @operation("GET", "/api/about", "The version, what time it is, whether Kafka answers, and who asks", answer=About)
    async def about(self, request: Request) -> About:
        at, away_since = instant(self._view.shops.at_ms), instant(self._away_since_ms())
        person = person_of(request)
        return About(version("shipclock"), self._clock, at, away_since, person.name, person.role)

    @operation(
        "GET",
        "/api/shops",
        "Shops by name: standing, feeds",
        query=Paging,
        answer=Page[ShopNow],
    )
    async def shops(self, request: Request, query: Paging) -> Page[Any]:
        found = await page(request, query, self._view.shop_names(), lambda key: key, ShopKey)
        return Page([self._view.shop(key) for key in found.items], found.next)

    @operation(
        "GET",
        "/api/shops/{platform}/{shop:name}",
        "One shop's standing, and the state of its feeds",
        answer=ShopNow,
        refusals={404: "no such shop has been heard of"},
    )
    async def shop(self, request: Request, platform: str, shop: str) -> Raw:
        platform, shop = _platform_and_rest(request, "/api/shops/") or (platform, shop)
        standing = self._view.shop(ShopKey(platform, shop))
        if standing is None:
            raise HTTPException(404, f"no shop {platform}/{shop} has been heard of")
        return standing

    @operation(
        "GET",
        "/api/alerts",
        "Alerts: open ones first, the costliest of them (sanctions in force, money, points, severity), then the newest",
        query=AlertQuery,
        answer=Page[AlertNow],
    )
    async def alerts(self, request: Request, query: AlertQuery) -> Page[Any]:
        found = await page(
            request,
            query,
            self._view.alerts.having(query.state or None),
            lambda held: held.place(query.sort) if self._matches(query, held) else None,
            Place,
        )
        return Page([self._view.alert(held) for held in found.items], found.next)

    @operation(
        "GET",
        "/api/alerts/{alert:name}",
        "One alert with its trail",
        answer=AlertWithTrail,
        refusals={404: "no such alert is at hand; of those resolved long ago only the topic knows"},
    )
    async def alert(self, request: Request, alert: str) -> dict[str, Any]:
        held = self._view.alerts.get(alert)
        if held is None:
            raise HTTPException(404, f"no alert {alert} is at hand")
        return self._view.alert(held) | {"trail": held.records()}

    def _matches(self, query: AlertQuery, held: Held) -> bool:
        chosen = is_chosen(query, held.group) and fits(query, held)
        return chosen and (query.muted or not self._view.is_muted(held))

    @operation(
        "GET",
        "/api/due",
        "The ship-next list: orders that wait to be shipped, overdue ones first, then by what shipping saves; "
        "with for=carrier the parcels that wait for a scan, by deadline",
        query=DueQuery,
        answer=DuePage,
    )
    async def due(self, request: Request, query: DueQuery) -> dict[str, Any]:
        shops = self._view.shops
        to_ship = query.for_ is UNSET
        before_ms = NEVER if query.before is UNSET else _instant_in(query.before)
        listed: list[tuple[ShopKey, str, Due]] = []
        for n, shop in enumerate(shops.names(), start=1):
            for due in shops.due(shop) if to_ship else shops.chase(shop):
                warehouse = self._warehouses.of_order(*shop, due.skus)
                if (
                    query.warehouse in (UNSET, warehouse)
                    and query.carrier in (UNSET, *due.carriers)
                    and due.at_ms <= before_ms
                ):
                    listed.append((shop, warehouse, due))
            if n % SHOPS_AT_ONCE == 0:
                await asyncio.sleep(0)
        found: Page[Any] = await page(request, query, listed, _ship_rank if to_ship else _chase_rank, DueRank)
        total = None
        if query.warehouse is query.carrier is query.before is UNSET:
            total = shops.due_total() if to_ship else shops.chase_total()
        return {"items": [self._ship_next(*each) for each in found.items], "next": found.next, "total": total}

    def _ship_next(self, shop: ShopKey, warehouse: str, due: Due) -> dict[str, Any]:
        raw: dict[str, Any] = msgspec.json.decode(due.raw)
        packed = self._view.ticks.get(*shop, due.order)
        return {"platform": shop.platform, "shop": shop.shop, "warehouse": warehouse, "packed": packed, **raw}


def _instant_in(before: str) -> int:
    """The cut-off in a query (epoch ms)."""
    try:
        return from_rfc3339(before)
    except ValueError:
        raise HTTPException(400, f"in the query: before={before!r} is no instant like 2026-01-04T18:00:00Z") from None


def _platform_and_rest(request: Request, before: str) -> tuple[str, str] | None:
    """The platform named in a path after `before`, and what follows it. A `/` in the platform is sent as `%2F`, which
    only the raw path shows. None if no plain `/` follows the platform."""
    sent: bytes = request.scope.get("raw_path") or b""
    platform, slash, rest = sent.removeprefix(before.encode()).partition(b"/")
    return (unquote(platform), unquote(rest)) if slash else None


def _ship_rank(listed: tuple[ShopKey, str, Due]) -> DueRank:
    shop, _, due = listed
    return due.worst, due.at_ms, *shop, due.order, due.parcel


def _chase_rank(listed: tuple[ShopKey, str, Due]) -> DueRank:
    shop, _, due = listed
    return NOTHING_SAVED, due.at_ms, *shop, due.order, due.parcel
