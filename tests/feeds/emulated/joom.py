"""Joom's Merchant API: OAuth, 50 lists a minute."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.feeds.emulated.platform import MINUTE_MS, Clock, Platform

CLIENT, SECRET = "joom-client", "joom-secret"
PER_MIN = 50


class Joom(Platform):
    """`orders` by their id."""

    source, shop = "joom", "5f00aa11bb22cc33dd44ee55"
    list_path = "/api/v3/orders/multi"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.orders: dict[str, dict[str, Any]] = {}
        self.listed_ms: list[int] = []

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"client_id": CLIENT, "client_secret": SECRET}, {"refresh_token": self.grant(self.shop)}

    def order(self, number: str, **changes: Any) -> None:
        now = _utc(self.clock.at_ms)
        placed = {"id": number, "storeId": self.shop, "status": "approved", "currency": "USD", "quantity": 1}
        placed |= {"orderTimestamp": now, "hoursToFulfill": 72, "isFbj": False, "priceInfo": {"orderPrice": "19.90"}}
        placed |= {"product": {"id": "60aa", "sku": "SCARF", "variant": {"sku": "SCARF-G"}}}
        self.orders[number] = self.orders.get(number, placed) | changes | {"updateTimestamp": now}

    def ship(self, number: str) -> None:
        shipment = {"providerId": "p", "trackingNumber": f"T{number}", "fulfilledTimestamp": _utc(self.clock.at_ms)}
        self.order(number, status="fulfilledOnline", shipment=shipment)

    def routes(self) -> list[web.RouteDef]:
        return [web.get(self.list_path, self._list), web.post("/api/v2/oauth/refresh_token", self._token)]

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form.get("client_id"), form.get("client_secret"), form.get("grant_type")) != (
            CLIENT,
            SECRET,
            "refresh_token",
        ):
            return self.refuse("client", web.json_response({"code": 1}, status=400))
        renewed = self.renewed(str(form["refresh_token"]))
        if renewed is None:
            return self.refuse("refresh token used twice", web.json_response({"code": 1}, status=400))
        tokens = {"access_token": renewed[0], "refresh_token": renewed[1], "expires_in": self.lives_s}
        return web.json_response({"code": 0, "data": tokens})

    async def _list(self, request: web.Request) -> web.Response:
        if not self.is_valid(request.headers.get("Authorization", "").removeprefix("Bearer "), self.shop):
            return web.json_response({"code": 401, "message": "unauthorized"}, status=401)
        self.listed_ms = [each for each in self.listed_ms if each > self.clock.at_ms - MINUTE_MS]
        if len(self.listed_ms) >= PER_MIN:
            headers = {"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "30"}
            return self.refuse("too fast", web.json_response({"code": 429}, status=429, headers=headers))
        self.listed_ms.append(self.clock.at_ms)
        query = request.query
        if int(query["limit"]) > 500 or query["storeId"] != self.shop:
            return self.refuse("list", web.json_response({"code": 400}, status=400))
        found = sorted(
            (each["updateTimestamp"], number)
            for number, each in self.orders.items()
            if query["updatedFrom"] <= each["updateTimestamp"] < query["updatedTo"]
        )
        page = [each for each in found if "/".join(each) > query.get("after", "")][: int(query["limit"])]
        after = "/".join(page[-1]) if page and page[-1] != found[-1] else ""
        items = [self.orders[number] for _, number in page]
        return web.json_response({"data": {"items": items}, "paging": {"next": after}})


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
