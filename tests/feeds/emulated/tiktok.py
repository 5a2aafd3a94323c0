"""TikTok Shop's Open API."""

import hashlib
import hmac
from typing import Any

from aiohttp import web

from tests.feeds.emulated.platform import Clock, Platform

APP, SECRET, CIPHER = "6f0ab2c", "tiktok-secret", "ROW_x1"
AHEAD_S = 30


class TikTok(Platform):
    """`orders` by their id."""

    source, shop = "tiktok", "7495000000000000042"
    list_path = "/order/202309/orders/search"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.orders: dict[str, dict[str, Any]] = {}

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"app_key": APP, "app_secret": SECRET}, {"shop_cipher": CIPHER, "refresh_token": self.grant(self.shop)}

    def order(self, number: str, **changes: Any) -> None:
        at_s = self.clock.at_ms // 1000
        placed = {"id": number, "status": "AWAITING_SHIPMENT", "create_time": at_s, "paid_time": at_s, "is_cod": False}
        placed |= {
            "tts_sla_time": at_s + 172_800,
            "fulfillment_type": "FULFILLMENT_BY_SELLER",
            "shipping_type": "TIKTOK",
        }
        placed |= {"payment": {"currency": "PHP", "total_amount": "799.00"}, "packages": [{"id": f"P{number}"}]}
        placed |= {"line_items": [{"id": "1", "product_id": "17", "seller_sku": "CUP-1", "package_id": f"P{number}"}]}
        self.orders[number] = self.orders.get(number, placed) | changes | {"update_time": at_s}

    def ship(self, number: str) -> None:
        self.order(number, status="IN_TRANSIT", collection_time=self.clock.at_ms // 1000)

    def push(self, number: str) -> dict[str, Any]:
        order = self.orders[number]
        data = {"order_id": number, "order_status": order["status"], "is_on_hold_order": False}
        data |= {"update_time": order["update_time"]}
        at_s = self.clock.at_ms // 1000
        return {"type": 1, "tts_notification_id": f"n{number}", "shop_id": self.shop, "timestamp": at_s, "data": data}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(self.list_path, self._search),
            web.get("/order/202309/orders", self._detail),
            web.get("/api/v2/token/refresh", self._token),
        ]

    async def _token(self, request: web.Request) -> web.Response:
        query = request.query
        renewed = self.renewed(query.get("refresh_token", ""))
        if (query.get("app_key"), query.get("app_secret"), query.get("grant_type")) != (APP, SECRET, "refresh_token"):
            return self.refuse("app", _error(36004004))
        if renewed is None:
            return self.refuse("refresh token used twice", _error(36004005))
        end_s = self.clock.at_ms // 1000 + self.lives_s
        return _answer(
            {"access_token": renewed[0], "refresh_token": renewed[1], "access_token_expire_in": end_s, "open_id": "o"}
        )

    async def _detail(self, request: web.Request) -> web.Response:
        if (wrong := await self._wrong(request)) is not None:
            return wrong
        ids = request.query["ids"].split(",")
        if len(ids) > 50:
            return self.refuse("more than 50 orders", _error(36009004))
        return _answer({"orders": [self.orders[each] for each in ids if each in self.orders]})

    async def _wrong(self, request: web.Request) -> web.Response | None:
        query, raw = request.query, await request.text()
        pairs = "".join(f"{name}{query[name]}" for name in sorted(query) if name not in ("sign", "access_token"))
        text = f"{SECRET}{request.path}{pairs}{raw}{SECRET}".encode()
        if query.get("sign") != hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest():
            return self.refuse("sign", _error(106001, 401))
        if query.get("app_key") != APP or query.get("shop_cipher") != CIPHER:
            return self.refuse("shop", _error(106011))
        if int(query["timestamp"]) - self.clock.at_ms // 1000 > AHEAD_S:
            return self.refuse("clock", _error(106002))
        if not self.is_valid(request.headers.get("x-tts-access-token", ""), self.shop):
            return _error(105002, 401)
        return None

    async def _search(self, request: web.Request) -> web.Response:
        if (wrong := await self._wrong(request)) is not None:
            return wrong
        query = request.query
        size, asked = int(query["page_size"]), await request.json()
        if size > 100 or query.get("sort_field") != "update_time" or not isinstance(asked["update_time_ge"], int):
            return self.refuse("page", _error(36009004))
        found = sorted(
            (each["update_time"], number)
            for number, each in self.orders.items()
            if asked["update_time_ge"] <= each["update_time"] < asked["update_time_lt"]
        )
        after = query.get("page_token", "")
        page = [each for each in found if f"{each[0]}/{each[1]}" > after][:size]
        token = f"{page[-1][0]}/{page[-1][1]}" if page and page[-1] != found[-1] else ""
        orders = [self.orders[number] for _, number in page]
        return _answer({"next_page_token": token, "total_count": len(found), "orders": orders})


def _answer(data: dict[str, Any]) -> web.Response:
    return web.json_response({"code": 0, "message": "Success", "request_id": "q", "data": data})


def _error(code: int, status: int = 200) -> web.Response:
    return web.json_response({"code": code, "message": "no", "request_id": "q"}, status=status)
