"""The API's queries: shops and alerts."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Literal

from msgspec import UNSET, Raw, Struct, UnsetType
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rules.messages.alerts import Alert, State, instant
from streams.views.alerts import Held, Place, Sort
from streams.views.feed_health import FeedsNow
from streams.views.groups import ShopAlerts
from streams.views.shops import ShopKey
from streams.views.view import View
from streams.web.auth import person_of
from streams.web.group_api import fits, is_chosen
from streams.web.operations import operation
from streams.web.paging import page
from streams.web.paths import names_in
from streams.web.schemas import AlertNow, Chosen, Page, Paging, Standing
from streams.web.tokens import Role


class AlertWithTrail(AlertNow, kw_only=True):
    """`trail`: the alert's records so far, the oldest first."""

    trail: list[Alert]


class ShopNow(Standing, kw_only=True):
    """A shop's standing, its open alerts counted, and the state of its feeds; null where it has none. `at` is null, and
    nothing is known of the shop, where it should be heard of through a feed and never was."""

    at: str | None  # type: ignore[assignment]
    alerts: ShopAlerts
    feed: FeedsNow | None


class About(Struct):
    """`clock` is what decides that a deadline has passed; `at` how far it has come (the newest standing's). Since
    `kafka_away_since` Kafka has not answered, and what is told is of then; null while it answers. `person` is the name
    that the token has, null where it has none; `role` what it may: `read`, or `act` as well."""

    version: str
    clock: Literal["wall", "event"]
    at: str | None
    kafka_away_since: str | None = None
    person: str | None = None
    role: Role = "act"


class AlertQuery(Chosen, kw_only=True):
    """`muted=false` leaves muted ones out."""

    state: State | UnsetType = UNSET
    muted: bool = True
    sort: Sort = "cost"


class QueryApi:
    """Handlers that only read."""

    def __init__(
        self,
        view: View,
        clock: Literal["wall", "event"],
        away_since_ms: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`away_since_ms`: since when Kafka has not answered (epoch ms); None while it does."""
        self._view, self._clock = view, clock
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
        platform, shop = names_in(request, "/api/shops/", 2) or (platform, shop)
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
