"""An emulated Shopee on this machine: it signs and pushes what happens to orders, and answers their API.

It knows of Shopee what deploy/docs/feeds.md refers to, and nothing of how shipclock reads it.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import socket
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import aiohttp
from aiohttp import web

from streams.demo.clock import Clock
from streams.demo.shopee_orders import LOST, SHOPS, Change, Orders

PARTNER = "1180042"
STEP_S = 0.1
AT_ONCE = 16
"""Pushes that wait for their answer."""

TRIES = 5
AGAIN_S = 0.5

OnPush = Callable[[int, dict[str, Any], int], None]
"""Called with each push: its code, its data, and the status that answered it; 0 where nothing did."""


class Shopee:
    """`credentials` are what a seller has of it: those of the app, and a refresh token of each shop. `answered` counts
    pushes by the status of their answer."""

    def __init__(self, clock: Clock, seed: int, callback_url: str, on_push: OnPush) -> None:
        self._clock, self._callback_url, self._on_push = clock, callback_url, on_push
        self._orders, self._random = Orders(seed, clock.start_ms), Random(f"{seed}/post")
        self._key = secrets.token_hex(16)
        self._refresh_tokens = {secrets.token_hex(8): shop for shop in SHOPS}
        self._access_tokens: dict[str, str] = {}
        self._details: dict[str, dict[str, dict[str, Any]]] = {shop: {} for shop in SHOPS}
        self._lost: list[dict[str, Any]] = []
        self.answered: Counter[int] = Counter()
        self.lost = 0
        self.through_ms = clock.start_ms
        """All that happened up to then has been pushed."""

    @property
    def app_credentials(self) -> dict[str, str]:
        return {"partner_id": PARTNER, "partner_key": self._key, "callback_url": self._callback_url}

    @property
    def refresh_tokens(self) -> dict[str, str]:
        """By shop."""
        return {shop: token for token, shop in self._refresh_tokens.items()}

    # -- pushes -------------------------------------------------------------------------------------------------

    async def push_on(self, receiver: str) -> None:
        """Pushes what happens to the address of the receiver, until cancelled."""
        turns = asyncio.Semaphore(AT_ONCE)
        async with aiohttp.ClientSession() as http:
            while True:
                now_ms = self._clock.now_ms()
                async with asyncio.TaskGroup() as group:
                    for change in self._orders.until(now_ms):
                        self._details[change.shop].setdefault(change.order, {}).update(change.detail)
                        group.create_task(self._push(http, receiver, change, turns))
                self.through_ms = now_ms
                await asyncio.sleep(STEP_S)

    async def _push(self, http: aiohttp.ClientSession, receiver: str, change: Change, turns: asyncio.Semaphore) -> None:
        for code, data in change.pushes:
            push = {"code": code, "shop_id": int(change.shop), "timestamp": change.at_ms // 1000, "data": data}
            if self._random.random() < LOST:
                self.lost += 1
                self._lost.append(push | {"data": json.dumps(push)})
                continue
            async with turns:
                await self._send(http, receiver, push)

    async def _send(self, http: aiohttp.ClientSession, receiver: str, push: dict[str, Any]) -> None:
        body = json.dumps(push).encode()
        proof = hmac.digest(self._key.encode(), f"{self._callback_url}|".encode() + body, "sha256").hex()
        headers = {"Authorization": proof, "Content-Type": "application/json"}
        for _ in range(TRIES):
            status = 0
            try:
                async with http.post(receiver, data=body, headers=headers) as answer:
                    status = answer.status
            except aiohttp.ClientError:
                pass
            self.answered[status] += 1
            self._on_push(push["code"], push["data"], status)
            if 200 <= status < 300:
                return
            await asyncio.sleep(AGAIN_S)

    # -- the API ------------------------------------------------------------------------------------------------

    async def serve(self, listening: socket.socket) -> None:
        """Until cancelled."""
        application = web.Application()
        application.add_routes(
            [
                web.post("/api/v2/auth/access_token/get", self._token),
                web.get("/api/v2/order/get_order_list", self._list),
                web.get("/api/v2/order/get_order_detail", self._detail),
                web.get("/api/v2/push/get_lost_push_message", self._lost_pushes),
                web.post("/api/v2/push/confirm_consumed_lost_push_message", self._confirm),
                web.get("/api/v2/push/get_app_push_config", self._push_config),
                web.get("/api/v2/account_health/get_shop_performance", self._performance),
                web.get("/api/v2/account_health/get_penalty_point_history", self._points),
            ]
        )
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.SockSite(runner, listening).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    def _shop(self, request: web.Request) -> str:
        """Whose call it is. Raises HTTPForbidden where it isn't signed as it should be, or the token is wrong."""
        query = request.query
        shop, token = query.get("shop_id", ""), query.get("access_token", "")
        signed = f"{PARTNER}{request.path}{query.get('timestamp', '')}{token}{shop}".encode()
        if query.get("sign") != hmac.new(self._key.encode(), signed, hashlib.sha256).hexdigest():
            raise _forbidden("error_sign")
        if shop and self._access_tokens.get(token) != shop:
            raise _forbidden("invalid_acceess_token")
        return shop

    async def _token(self, request: web.Request) -> web.Response:
        self._shop(request)
        shop = self._refresh_tokens.pop((await request.json()).get("refresh_token", ""), None)
        if shop is None:
            raise _forbidden("error_auth")
        access, refresh = secrets.token_hex(8), secrets.token_hex(8)
        self._access_tokens[access], self._refresh_tokens[refresh] = shop, shop
        tokens = {"access_token": access, "refresh_token": refresh, "expire_in": 14_400}
        return web.json_response(tokens | {"error": "", "message": ""})

    async def _list(self, request: web.Request) -> web.Response:
        details, query = self._details[self._shop(request)], request.query
        since_s, to_s, size = (int(query[name]) for name in ("time_from", "time_to", "page_size"))
        found = [each for each in details.values() if since_s <= each["update_time"] <= to_s]
        found.sort(key=lambda each: (each["update_time"], each["order_sn"]))
        first = int(query.get("cursor") or 0)
        page, more = found[first : first + size], first + size < len(found)
        listed = [{"order_sn": each["order_sn"], "order_status": each["order_status"]} for each in page]
        return _answer({"more": more, "next_cursor": str(first + size) if more else "", "order_list": listed})

    async def _detail(self, request: web.Request) -> web.Response:
        details = self._details[self._shop(request)]
        numbers = request.query["order_sn_list"].split(",")
        return _answer({"order_list": [details[number] for number in numbers if number in details]})

    async def _lost_pushes(self, request: web.Request) -> web.Response:
        self._shop(request)
        page = self._lost[:100]
        more = len(self._lost) > len(page)
        return _answer({"push_message_list": page, "has_next_page": more, "last_message_id": len(page)})

    async def _confirm(self, request: web.Request) -> web.Response:
        self._shop(request)
        del self._lost[: (await request.json())["last_message_id"]]
        return _answer({})

    async def _push_config(self, request: web.Request) -> web.Response:
        self._shop(request)
        return _answer({"live_push_status": "Normal"})

    async def _performance(self, request: web.Request) -> web.Response:
        """The late shipment rate, in percent."""
        details, now_s = self._details[self._shop(request)].values(), self._clock.now_ms() // 1000
        due = [each for each in details if each["ship_by_date"] <= now_s]
        late = [each for each in due if not 0 < each["pickup_done_time"] <= each["ship_by_date"]]
        rate = round(100 * len(late) / max(len(due), 1), 2)
        metric = {"metric_id": 1, "unit": 2, "current_period": rate, "target": {"value": 10.0, "comparator": "<"}}
        return _answer({"metric_list": [metric]})

    async def _points(self, request: web.Request) -> web.Response:
        self._shop(request)
        return _answer({"penalty_point_list": []})


def _answer(response: dict[str, Any]) -> web.Response:
    return web.json_response({"error": "", "message": "", "response": response})


def _forbidden(code: str) -> web.HTTPForbidden:
    text = json.dumps({"error": code, "message": ""})
    return web.HTTPForbidden(text=text, content_type="application/json")
