"""Lazada's Open Platform: orders are listed in order of change, and every line is an item of its own."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from typing import Any

from aiohttp import web

from tests.feeds.emulated.platform import DAY_MS, Clock, Platform

APP, SECRET = "139904", "lazada-secret"
SKEW_MS = 7_200_000
HERE = timezone(timedelta(hours=8))


class Lazada(Platform):
    """`items` of an order by its id."""

    source, shop = "lazada", "500176600999"
    list_path = "/rest/orders/get"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.changed: dict[str, int] = {}
        self.items: dict[str, list[dict[str, Any]]] = {}

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"app_key": APP, "app_secret": SECRET}, {"refresh_token": self.grant(self.shop)}

    def order(self, number: str, **changes: Any) -> None:
        now, until = _here(self.clock.at_ms), _here(self.clock.at_ms + 2 * DAY_MS)
        placed = {"order_item_id": int(number) + 1, "order_id": int(number), "sku": "MUG-1", "status": "pending"}
        placed |= {"paid_price": "9.00", "currency": "SGD", "created_at": now, "sla_time_stamp": until}
        placed |= {"shipping_type": "Dropshipping", "package_id": "", "tracking_code": "", "shipment_provider": ""}
        items = self.items.get(number, [placed])
        self.items[number] = [each | changes | {"updated_at": now} for each in items]
        self.changed[number] = self.clock.at_ms // 1000

    def ship(self, number: str) -> None:
        self.order(number, status="shipped")

    def push(self, number: str) -> dict[str, Any]:
        """Of the first line."""
        (item, *_) = self.items[number]
        data = {"order_status": item["status"], "trade_order_id": number, "buyer_id": "1"}
        data |= {"trade_order_line_id": str(item["order_item_id"]), "status_update_time": self.changed[number]}
        at_s = self.clock.at_ms // 1000
        return {"seller_id": self.shop, "message_type": 0, "data": data, "timestamp": at_s, "site": "lazada_sg"}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(self.list_path, self._list),
            web.get("/rest/orders/items/get", self._items),
            web.get("/rest/auth/token/refresh", self._token),
        ]

    def _wrong(self, request: web.Request) -> web.Response | None:
        query = request.query
        pairs = "".join(f"{name}{query[name]}" for name in sorted(query) if name != "sign")
        text = (request.path.removeprefix("/rest") + pairs).encode()
        if query.get("sign") != hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest().upper():
            return self.refuse("sign", _error("IncompleteSignature"))
        if query["app_key"] != APP or abs(int(query["timestamp"]) - self.clock.at_ms) > SKEW_MS:
            return self.refuse("clock", _error("IllegalTimestamp"))
        if "token" not in request.path and not self.is_valid(query.get("access_token", ""), self.shop):
            return _error("IllegalAccessToken")
        return None

    async def _token(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        renewed = self.renewed(request.query["refresh_token"])
        if renewed is None:
            return self.refuse("refresh token used twice", _error("IllegalRefreshToken"))
        tokens = {"access_token": renewed[0], "refresh_token": renewed[1], "expires_in": self.lives_s}
        return web.json_response({"code": "0", "request_id": "r", **tokens})

    async def _list(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        query = request.query
        after = datetime.fromisoformat(query["update_after"])
        if after.tzinfo is None or int(query["limit"]) > 100 or query["sort_by"] != "updated_at":
            return self.refuse("list", _error("InvalidParameter"))
        found = sorted((at_s, number) for number, at_s in self.changed.items() if at_s >= after.timestamp())
        page = found[int(query["offset"]) :][: int(query["limit"])]
        orders = [{"order_id": int(number), "updated_at": _here(at_s * 1000)} for at_s, number in page]
        return _answer({"count": len(orders), "countTotal": len(found), "orders": orders})

    async def _items(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        ids = [str(each) for each in json.loads(request.query["order_ids"])]
        if len(ids) > 50:
            return self.refuse("too many", _error("InvalidParameter"))
        return _answer(
            [{"order_id": int(each), "order_number": int(each), "order_items": self.items[each]} for each in ids]
        )


def _here(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, HERE).strftime("%Y-%m-%d %H:%M:%S %z")


def _answer(data: Any) -> web.Response:
    return web.json_response({"code": "0", "request_id": "r", "data": data})


def _error(code: str) -> web.Response:
    return web.json_response({"code": code, "type": "ISV", "message": "no", "request_id": "r"})
