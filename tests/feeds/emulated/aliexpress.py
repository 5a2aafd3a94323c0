"""AliExpress: one gateway, form parameters, US Pacific times, and lists in no particular order."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from tests.feeds.emulated.platform import DAY_MS, Clock, Platform

APP, SECRET = "33500001", "aliexpress-secret"
HERE = ZoneInfo("America/Los_Angeles")


class AliExpress(Platform):
    """`orders` by their id, as the list gives them."""

    source, shop = "aliexpress", "cn1500000001"
    list_path = "/sync"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.orders: dict[str, dict[str, Any]] = {}

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"app_key": APP, "app_secret": SECRET}, {"refresh_token": self.grant(self.shop)}

    def order(self, number: str, **changes: Any) -> None:
        now = _here(self.clock.at_ms)
        placed = {"order_id": int(number), "order_status": "WAIT_SELLER_SEND_GOODS", "issue_status": "NO_ISSUE"}
        placed |= {"seller_login_id": self.shop, "gmt_create": now, "gmt_pay_time": now, "gmt_send_goods_time": ""}
        placed |= {"pay_amount": {"amount": "10.00", "currency_code": "USD"}, "end_reason": ""}
        placed |= {"product_list": {"order_product_dto": [{"sku_code": "S", "product_count": 1, "product_id": 5}]}}
        self.orders[number] = self.orders.get(number, placed) | changes | {"gmt_update": now, "at_ms": self.clock.at_ms}

    def ship(self, number: str) -> None:
        self.order(number, order_status="WAIT_BUYER_ACCEPT_GOODS", gmt_send_goods_time=_here(self.clock.at_ms))

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/sync", self._sync), web.post("/rest/auth/token/refresh", self._token)]

    def _wrong(self, form: Mapping[str, str], path: str) -> web.Response | None:
        text = path + "".join(f"{name}{form[name]}" for name in sorted(form) if name != "sign")
        if form.get("sign") != hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest().upper():
            return self.refuse("sign", _error("IncompleteSignature"))
        if form["app_key"] != APP or abs(int(form["timestamp"]) - self.clock.at_ms) > 300_000:
            return self.refuse("clock", _error("IllegalTimestamp"))
        return None

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if (wrong := self._wrong(form, "/auth/token/refresh")) is not None:
            return wrong
        renewed = self.renewed(form["refresh_token"])
        if renewed is None or "session" in form:
            return self.refuse("refresh token used twice", _error("IllegalRefreshToken"))
        tokens = {"access_token": renewed[0], "refresh_token": renewed[1], "expires_in": self.lives_s}
        return web.json_response({"code": "0", "request_id": "r", **tokens})

    async def _sync(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if (wrong := self._wrong(form, "")) is not None:
            return wrong
        if not self.is_valid(form.get("session", ""), self.shop):
            return _error("IllegalAccessToken")
        if form["method"] == "aliexpress.solution.order.info.get":
            return self._detail(json.loads(form["param1"]))
        return self._list(json.loads(form["param0"]))

    def _list(self, asked: dict[str, Any]) -> web.Response:
        if asked["page_size"] > 50 or asked["current_page"] < 1:
            return self.refuse("page", _error("InvalidParameter"))
        since_ms, until_ms = _ms(asked["modified_date_start"]), _ms(asked["modified_date_end"]) + 999
        found = sorted(number for number, each in self.orders.items() if since_ms <= each["at_ms"] <= until_ms)
        size = asked["page_size"]
        page = found[(asked["current_page"] - 1) * size :][:size]
        result = {
            "current_page": asked["current_page"],
            "total_count": len(found),
            "total_page": -(-len(found) // size),
        }
        shown = [{name: value for name, value in self.orders[each].items() if name != "at_ms"} for each in page]
        answer = {"result": {"success": True, **result, "target_list": {"order_dto": shown}}}
        return web.json_response({"aliexpress_solution_order_get_response": answer})

    def _detail(self, asked: dict[str, Any]) -> web.Response:
        order = self.orders[str(asked["order_id"])]
        detail = {"id": order["order_id"], "order_status": order["order_status"], "gmt_create": order["gmt_create"]}
        detail |= {"gmt_pay_success": order["gmt_pay_time"], "over_time_left": _here(order["at_ms"] + 5 * DAY_MS)}
        detail |= {"issue_status": order["issue_status"], "gmt_modified": order["gmt_update"]}
        return web.json_response({"aliexpress_solution_order_info_get_response": {"result": {"data": detail}}})


def _here(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, HERE).strftime("%Y-%m-%d %H:%M:%S")


def _ms(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=HERE).timestamp() * 1000)


def _error(code: str) -> web.Response:
    return web.json_response({"error_response": {"code": code, "msg": "no", "request_id": "r"}})
