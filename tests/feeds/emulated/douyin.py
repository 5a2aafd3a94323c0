"""Douyin shop's API: parameters are JSON whose text is signed, and pages are numbered."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from typing import Any

from aiohttp import web

from tests.feeds.emulated.platform import Clock, Platform

APP, SECRET = "7311000000000000042", "douyin-secret"
HERE = timezone(timedelta(hours=8))


class Douyin(Platform):
    """`orders` by their id."""

    source, shop = "douyin", "88120457"
    list_path = "/order/searchList"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.orders: dict[str, dict[str, Any]] = {}

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"app_key": APP, "app_secret": SECRET}, {"refresh_token": self.grant(self.shop)}

    def order(self, number: str, **changes: Any) -> None:
        at_s = self.clock.at_ms // 1000
        placed = {
            "order_id": number,
            "shop_id": int(self.shop),
            "order_status": 2,
            "create_time": at_s,
            "pay_time": at_s,
        }
        placed |= {"exp_ship_time": at_s + 172_800, "ship_time": 0, "pay_amount": 12990, "logistics_info": []}
        placed |= {
            "sku_order_list": [{"out_sku_id": "BAG", "item_num": 1, "exp_ship_time": at_s + 172_800, "ship_time": 0}]
        }
        self.orders[number] = self.orders.get(number, placed) | changes | {"update_time": at_s}

    def ship(self, number: str) -> None:
        self.order(number, order_status=3, ship_time=self.clock.at_ms // 1000)

    def push(self, number: str) -> list[dict[str, Any]]:
        """101 paid, or 102 all shipped."""
        order = self.orders[number]
        data = {"p_id": int(number), "s_ids": [int(number)], "shop_id": int(self.shop), "order_type": 0, "biz": 2}
        data |= {"order_status": order["order_status"], "update_time": order["update_time"]}
        if order["order_status"] == 3:
            data |= {"logistics_msg": {"express_company_id": "yuantong", "logistics_code": f"YT{number}"}}
            return [{"tag": "102", "msg_id": f"m{number}", "data": json.dumps(data)}]
        data |= {"pay_time": order["pay_time"], "pay_amount": order["pay_amount"], "pay_type": 1}
        return [{"tag": "101", "msg_id": f"m{number}", "data": json.dumps(data)}]

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(self.list_path, self._search),
            web.post("/order/orderDetail", self._detail),
            web.post("/token/refresh", self._token),
        ]

    def _wrong(self, request: web.Request, raw: str) -> web.Response | None:
        query = request.query
        text = f"app_key{query['app_key']}method{query['method']}param_json{raw}timestamp{query['timestamp']}v2"
        expected = hmac.new(SECRET.encode(), f"{SECRET}{text}{SECRET}".encode(), hashlib.sha256).hexdigest()
        if query["app_key"] != APP or query.get("sign") != expected or query["sign_method"] != "hmac-sha256":
            return self.refuse("sign", _error(30000, "isv.signature-error"))
        sent_at = datetime.strptime(query["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=HERE)
        if abs(sent_at.timestamp() * 1000 - self.clock.at_ms) > 300_000:
            return self.refuse("clock", _error(30000, "isv.timestamp-error"))
        if query["method"] != request.path.strip("/").replace("/", "."):
            return self.refuse("method", _error(30000, "isv.method-error"))
        if "token" not in request.path and not self.is_valid(query.get("access_token", ""), self.shop):
            return _error(30002, "dop.access-token-expired")
        return None

    async def _token(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request, await request.text())) is not None:
            return wrong
        renewed = self.renewed((await request.json())["refresh_token"])
        if renewed is None:
            return self.refuse("refresh token used twice", _error(30000, "isv.refresh-token-error"))
        return _answer({"access_token": renewed[0], "refresh_token": renewed[1], "expires_in": self.lives_s})

    async def _detail(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request, await request.text())) is not None:
            return wrong
        number = (await request.json())["shop_order_id"]
        if not isinstance(number, str) or number not in self.orders:
            return _error(50002, "isv.business-failed:2100004")
        return _answer({"shop_order_detail": self.orders[number]})

    async def _search(self, request: web.Request) -> web.Response:
        raw = await request.text()
        if (wrong := self._wrong(request, raw)) is not None:
            return wrong
        asked = await request.json()
        if asked["size"] > 100 or asked["order_by"] != "update_time" or not isinstance(asked["page"], int):
            return self.refuse("page", _error(30000, "isv.parameter-invalid"))
        found = sorted(
            (each["update_time"], number)
            for number, each in self.orders.items()
            if asked["update_time_start"] <= each["update_time"] <= asked["update_time_end"]
        )
        if not asked.get("order_asc"):
            found.reverse()
        page = found[asked["page"] * asked["size"] :][: asked["size"]]
        orders = [self.orders[number] for _, number in page]
        return _answer({"page": asked["page"], "size": asked["size"], "total": len(found), "shop_order_list": orders})


def _answer(data: dict[str, Any]) -> web.Response:
    return web.json_response({"err_no": 0, "message": "success", "data": data})


def _error(number: int, code: str) -> web.Response:
    return web.json_response({"err_no": number, "message": "no", "sub_code": code})
