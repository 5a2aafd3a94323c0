"""Ozon's Seller API: nothing is signed, and a posting doesn't say when it changed."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.feeds.emulated.platform import DAY_MS, Clock, Platform


class Ozon(Platform):
    """`postings` by their number, each with the moment of its last change."""

    source, shop = "ozon", "1540077"
    list_path = "/v4/posting/fbs/list"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.postings: dict[str, tuple[int, dict[str, Any]]] = {}
        self.key = "ozon-api-key"
        self.ratings: list[dict[str, Any]] = []

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        return {}, {"api_key": self.key}

    def order(self, number: str, **changes: Any) -> None:
        now = _utc(self.clock.at_ms)
        placed = {"posting_number": number, "status": "awaiting_packaging", "in_process_at": now}
        placed |= {"shipment_date": _utc(self.clock.at_ms + 2 * DAY_MS), "delivering_date": None}
        placed |= {"tracking_number": "", "tpl_integration_type": "ozon"}
        placed |= {
            "products": [{"sku": 1, "offer_id": "LAMP", "quantity": 1, "price": "1290.0000", "currency_code": "RUB"}]
        }
        posting = self.postings.get(number, (0, placed))[1] | changes
        self.postings[number] = self.clock.at_ms, posting

    def ship(self, number: str) -> None:
        self.order(number, status="delivering", delivering_date=_utc(self.clock.at_ms))

    def push(self, number: str) -> dict[str, Any]:
        at_ms, posting = self.postings[number]
        push = {"posting_number": number, "seller_id": int(self.shop), "warehouse_id": 1}
        if posting["status"] == "awaiting_packaging":
            products = [{"sku": 1, "offer_id": "LAMP", "quantity": 1}]
            push |= {
                "message_type": "TYPE_NEW_POSTING",
                "products": products,
                "in_process_at": posting["in_process_at"],
            }
            return push | {"shipment_date": posting["shipment_date"], "tpl_integration_type": "ozon"}
        push |= {"message_type": "TYPE_STATE_CHANGED", "new_state": "posting_on_way_to_city"}
        return push | {"changed_state_date": _utc(at_ms)}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(self.list_path, self._list),
            web.post("/v3/posting/fbs/get", self._get),
            web.post("/v1/rating/summary", self._ratings),
        ]

    async def _ratings(self, request: web.Request) -> web.Response:
        return self._wrong(request) or web.json_response({"groups": [{"group_name": "x", "items": self.ratings}]})

    async def _get(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        number = (await request.json())["posting_number"]
        if number not in self.postings:
            return web.json_response({"code": 5, "message": "posting is not found"}, status=404)
        return web.json_response({"result": self.postings[number][1]})

    def _wrong(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Client-Id") != self.shop or request.headers.get("Api-Key") != self.key:
            return self.refuse("key", web.json_response({"code": 16, "message": "Client-Id and Api-Key"}, status=403))
        return None

    async def _list(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        asked = await request.json()
        within, changed = asked["filter"], asked["filter"]["last_changed_status_date"]
        if _ms(within["to"]) - _ms(within["since"]) > 365 * DAY_MS or asked["limit"] > 100:
            return self.refuse("window", web.json_response({"code": 3, "message": "invalid period"}, status=400))
        found = sorted(
            (at_ms, number)
            for number, (at_ms, _) in self.postings.items()
            if _ms(changed["from"]) <= at_ms <= _ms(changed["to"]) + 999
        )
        after = asked.get("cursor", "")
        page = [each for each in found if f"{each[0]}/{each[1]}" > after][: asked["limit"]]
        has_next = bool(page) and page[-1] != found[-1]
        postings = [self.postings[number][1] for _, number in page]
        cursor = f"{page[-1][0]}/{page[-1][1]}" if has_next else ""
        return web.json_response({"postings": postings, "has_next": has_next, "cursor": cursor})


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
