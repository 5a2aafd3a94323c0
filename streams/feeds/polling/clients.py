"""The clients of all shops that the settings name: polls and fetches share a shop's tokens and its app's pace."""

from zoneinfo import ZoneInfo

import aiohttp

from streams.feeds.apps import App
from streams.feeds.polling.client import ANSWER_S, ATTEMPTS, Client, Pace, Shop, Time
from streams.feeds.polling.ledger import Ledger


class Clients:
    """One for each shop that is polled, made when it is first asked for. `attempts` and `may_begin` are those of
    `Client`."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        ledger: Ledger,
        time: Time,
        attempts: int = ATTEMPTS,
        may_begin: bool = True,
    ) -> None:
        self._http, self._ledger, self._time = http, ledger, time
        self._attempts, self._may_begin = attempts, may_begin
        self._paces: dict[tuple[str, str], Pace] = {}
        self._clients: dict[str, Client] = {}

    def of(self, app: App, shop: str) -> Client | None:
        """None for a shop that isn't polled. `shop` is its name at the platform."""
        name = shop_name(app, shop)
        if name not in self._clients and (made := self._made(app, shop, name)) is not None:
            self._clients[name] = made
        return self._clients.get(name)

    def of_service(self, app: App) -> Client:
        """That of an app at a tracking service. Raises ValueError for one that isn't."""
        api, registering = app.source.api, app.registering
        if api is None or registering is None:
            raise ValueError(f"{app.name} registers nothing")
        chosen = {name: str(app.setting.get(name, choices[0])) for name, choices in app.source.settings.items()}
        zone = ZoneInfo(app.setting.get("zone") or app.source.zone)
        whose = Shop(f"{app.source.source}/{app.name}", "", {**chosen, **app.credentials}, zone, registering.host)
        pace = self._paces.setdefault((app.source.source, app.name), Pace(api.per_min, self._time))
        return Client(api, whose, self._http, self._ledger, self._time, pace, self._attempts, self._may_begin)

    def _made(self, app: App, shop: str, name: str) -> Client | None:
        api, polling = app.source.api, app.polling
        polled = None if polling is None else polling.shops.get(shop)
        if api is None or polling is None or polled is None:
            return None
        zone = ZoneInfo(polled.setting.get("zone") or app.source.zone)
        chosen = {name: str(polled.setting.get(name, choices[0])) for name, choices in app.source.settings.items()}
        whose = Shop(name, shop, {**chosen, **polled.credentials}, zone, polling.host)
        pace = self._paces.setdefault((app.source.source, app.name), Pace(api.per_min, self._time))
        return Client(api, whose, self._http, self._ledger, self._time, pace, self._attempts, self._may_begin)


def session() -> aiohttp.ClientSession:
    """Cookies are not kept: shops would share them."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S), cookie_jar=aiohttp.DummyCookieJar())


def shop_name(app: App, shop: str) -> str:
    """In the ledger and in messages."""
    return f"{app.source.source}/{app.name}/{shop}"
