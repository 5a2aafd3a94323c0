"""Shopee Open Platform, v2: partner 1180042, whose partner key is `partner-key`."""

import hashlib
import hmac
import json
from typing import Any

from aiohttp import web

from tests.feeds.emulated.platform import DAY_MS, Clock, Platform

PARTNER, KEY = "1180042", "partner-key"
WINDOW_S = 15 * 86_400
SKEW_S = 300


class Shopee(Platform):
    """`orders` by their number, as the detail call gives them. `lost` are pushes that were not delivered."""

    source, shop = "shopee", "910044217"
    list_path = "/api/v2/order/get_order_list"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.orders: dict[str, dict[str, Any]] = {}
        self.lost: list[dict[str, Any]] = []
        self.confirmed: list[int] = []
        self.metrics: list[dict[str, Any]] = []
        self.lost_page = 100
        self.push_status = "Normal"
        self.points: list[dict[str, Any]] = []

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"partner_id": PARTNER, "partner_key": KEY}, {"refresh_token": self.grant(self.shop)}

    # -- what happens at the platform ---------------------------------------------------------------------------

    def order(self, number: str, at_ms: int | None = None, **changes: Any) -> None:
        """An order that is placed or changes, at this moment if no other is given."""
        at_s = (self.clock.at_ms if at_ms is None else at_ms) // 1000
        placed = {"order_sn": number, "order_status": "READY_TO_SHIP", "currency": "IDR", "total_amount": 154000.0}
        placed |= {"create_time": at_s, "pay_time": at_s, "ship_by_date": at_s + 172_800, "cod": False}
        placed |= {"fulfillment_flag": "fulfilled_by_local_seller", "pickup_done_time": 0}
        placed |= {"item_list": [{"item_id": 77120034511, "model_sku": "KOPI-250", "model_quantity_purchased": 2}]}
        self.orders[number] = self.orders.get(number, placed) | changes | {"update_time": at_s}

    def ship(self, number: str) -> None:
        self.order(number, order_status="SHIPPED", pickup_done_time=self.clock.at_ms // 1000)

    def push(self, number: str) -> dict[str, Any]:
        return self._push(number, self.orders[number]["order_status"])

    def _push(self, order: str, status: str) -> dict[str, Any]:
        at_s = self.clock.at_ms // 1000
        data = {"items": [], "ordersn": order, "status": status, "completed_scenario": "", "update_time": at_s}
        return {"data": data, "shop_id": 910044217, "code": 3, "timestamp": at_s}

    def lose(self, order: str, status: str) -> None:
        """A push that never arrives."""
        at_s, push = self.clock.at_ms // 1000, self._push(order, status)
        self.lost.append({"shop_id": 910044217, "code": 3, "timestamp": at_s, "data": json.dumps(push)})

    # -- the API ------------------------------------------------------------------------------------------------

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v2/auth/access_token/get", self._token),
            web.get("/api/v2/order/get_order_list", self._list),
            web.get("/api/v2/order/get_order_detail", self._detail),
            web.get("/api/v2/push/get_lost_push_message", self._lost),
            web.post("/api/v2/push/confirm_consumed_lost_push_message", self._confirm),
            web.get("/api/v2/push/get_app_push_config", self._push_config),
            web.get("/api/v2/account_health/get_shop_performance", self._performance),
            web.get("/api/v2/account_health/get_penalty_point_history", self._points),
        ]

    def _wrong(self, request: web.Request, of_shop: bool = True) -> web.Response | None:
        query = request.query
        shop, token = (query.get("shop_id", ""), query.get("access_token", "")) if of_shop else ("", "")
        signed = f"{PARTNER}{request.path}{query.get('timestamp')}{token}{shop}".encode()
        expected = hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
        if query.get("partner_id") != PARTNER or query.get("sign") != expected:
            return self.refuse("sign", _error(403, "error_sign"))
        if abs(int(query["timestamp"]) - self.clock.at_ms // 1000) > SKEW_S:
            return self.refuse("clock", _error(403, "error_param"))
        if not of_shop and ("access_token" in query or "shop_id" in query):
            return self.refuse("a shop in a public call", _error(403, "error_param"))
        if of_shop and not self.is_valid(token, shop):
            return _error(403, "invalid_acceess_token")
        return None

    async def _token(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request, of_shop=False)) is not None:
            return wrong
        asked = await request.json()
        if asked.get("partner_id") != int(PARTNER) or not isinstance(asked.get("shop_id"), int):
            return self.refuse("numbers", _error(400, "error_param"))
        renewed = self.renewed(asked["refresh_token"])
        if renewed is None:
            return self.refuse("refresh token used twice", _error(403, "error_auth"))
        access, refresh = renewed
        return web.json_response(
            {"access_token": access, "refresh_token": refresh, "expire_in": self.lives_s, "error": "", "message": ""}
        )

    async def _list(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        query = request.query
        since_s, until_s, size = int(query["time_from"]), int(query["time_to"]), int(query["page_size"])
        if not 0 <= until_s - since_s <= WINDOW_S or size > 100 or query["time_range_field"] != "update_time":
            return self.refuse("window", _error(400, "error_param"))
        found = sorted(
            (each["update_time"], number)
            for number, each in self.orders.items()
            if since_s <= each["update_time"] <= until_s
        )
        after = tuple(json.loads(query["cursor"])) if query.get("cursor") else (0, "")
        page = [each for each in found if each > after][:size]
        more = bool(page) and page[-1] != found[-1]
        listed = [{"order_sn": number, "order_status": self.orders[number]["order_status"]} for _, number in page]
        return _answer({"more": more, "next_cursor": json.dumps(page[-1]) if more else "", "order_list": listed})

    async def _detail(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        numbers = request.query["order_sn_list"].split(",")
        if len(numbers) > 50:
            return self.refuse("more than 50 orders", _error(400, "error_param"))
        optional = {"pay_time", "item_list", "total_amount", "cancel_by", "cancel_reason", "pickup_done_time"}
        optional |= {"fulfillment_flag", "package_list"}
        left_out = optional - set(request.query.get("response_optional_fields", "").split(","))
        found = [self.orders[number] for number in numbers if number in self.orders]
        shown = [{name: value for name, value in each.items() if name not in left_out} for each in found]
        return _answer({"order_list": shown})

    async def _lost(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request, of_shop=False)) is not None:
            return wrong
        earliest_s = (self.clock.at_ms - 3 * DAY_MS) // 1000
        self.lost = [each for each in self.lost if each["timestamp"] >= earliest_s]
        page = self.lost[: self.lost_page]
        answer = {
            "push_message_list": page,
            "has_next_page": len(self.lost) > len(page),
            "last_message_id": 40_000 + len(page),
        }
        return web.json_response({"error": "-", "message": "-", "warning": "-", "request_id": "a3", "response": answer})

    async def _confirm(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request, of_shop=False)) is not None:
            return wrong
        last = (await request.json())["last_message_id"]
        if not self.lost:
            return self.refuse("an empty page confirmed", _error(400, "error_param"))
        self.confirmed.append(last)
        del self.lost[: last - 40_000]
        return _answer({})

    async def _push_config(self, request: web.Request) -> web.Response:
        wrong = self._wrong(request, of_shop=False)
        return wrong or _answer({"callback_url": "https://x.example", "live_push_status": self.push_status})

    async def _points(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        if int(request.query["page_size"]) > 100:
            return self.refuse("page", _error(400, "error_param"))
        return _answer({"penalty_point_list": self.points, "total_count": len(self.points)})

    async def _performance(self, request: web.Request) -> web.Response:
        return self._wrong(request) or _answer({"metric_list": self.metrics})


def _answer(response: dict[str, Any]) -> web.Response:
    return web.json_response({"error": "", "message": "", "request_id": "a1", "response": response})


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": code, "message": "", "request_id": "a1"}, status=status)
