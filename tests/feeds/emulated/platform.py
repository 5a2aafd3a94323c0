"""What the emulated platforms share: a clock that only waiting moves, tokens that end, and limits."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

START_MS = 1_793_700_000_000
"""2026-11-03T10:00:00Z"""

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


@dataclass
class Clock:
    """`pauses` are those of the client."""

    at_ms: int = START_MS
    pauses: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.at_ms

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at_ms += int(seconds * 1000)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Platform:
    """A server on this machine. `calls` counts by path; `refuse_next` answers once in place of the platform.

    `grants` are refresh tokens that still work, with the shop; each works once. `access` are access tokens, with their
    shop and end. `ahead_s` is how far its `Date` is ahead of the clock.
    """

    source: str
    shop: str
    list_path: str
    lives_s = 4 * 3600

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.calls: Counter[str] = Counter()
        self.refused: list[str] = []
        self.grants: dict[str, str] = {}
        self.access: dict[str, tuple[str, int]] = {}
        self.ahead_s = 0
        self._instead: list[web.Response] = []
        self._in_between: dict[tuple[str, int], Callable[[], None]] = {}
        self.server = TestServer(self._application())

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        """Of the app and of the shop, as settings have them."""
        raise NotImplementedError

    def order(self, number: str) -> None:
        """Placed and paid at this moment."""
        raise NotImplementedError

    def ship(self, number: str) -> None:
        raise NotImplementedError

    def push(self, number: str) -> Any:
        """The body that tells of an order's present state, and little more. Only of platforms that push."""
        raise NotImplementedError

    def routes(self) -> list[web.RouteDef]:
        raise NotImplementedError

    @property
    def host(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def __aenter__(self) -> Self:
        await self.server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()

    # -- what tests do ------------------------------------------------------------------------------------------

    def refuse_next(self, status: int, body: dict[str, Any] | str | bytes = "", **headers: str) -> None:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        raw = text.encode() if isinstance(text, str) else text
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._instead.append(web.Response(status=status, body=raw, headers=named))

    def after(self, path: str, happens: Callable[[], None], times: int = 1) -> None:
        """Something that happens at the platform once, when that path was answered so often from now on."""
        self._in_between[path, self.calls[path] + times] = happens

    def end_tokens(self) -> None:
        """All access tokens, before their time."""
        self.access.clear()

    # -- tokens -------------------------------------------------------------------------------------------------

    def grant(self, shop: str) -> str:
        token = f"refresh-{shop}-{secrets.token_hex(6)}"
        self.grants[token] = shop
        return token

    def renewed(self, refresh_token: str) -> tuple[str, str] | None:
        """New tokens, access and refresh, for one that works no more from now on; None for one that doesn't."""
        shop = self.grants.pop(refresh_token, None)
        if shop is None:
            return None
        access = f"access-{shop}-{secrets.token_hex(6)}"
        self.access[access] = shop, self.clock.at_ms + self.lives_s * 1000
        return access, self.grant(shop)

    def is_valid(self, access: str, shop: str | None = None) -> bool:
        whose, end_ms = self.access.get(access, ("", 0))
        return end_ms > self.clock.at_ms and shop in (None, whose)

    # -- the server ---------------------------------------------------------------------------------------------

    def _application(self) -> web.Application:
        @web.middleware
        async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._around(request, handler)

        application = web.Application(middlewares=[around])
        application.add_routes(self.routes())
        return application

    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.calls[request.path] += 1
        if self._instead:
            return self._dated(self._instead.pop(0))
        answer = self._dated(await handler(request))
        self._in_between.pop((request.path, self.calls[request.path]), lambda: None)()
        return answer

    def _dated(self, answer: web.StreamResponse) -> web.StreamResponse:
        answer.headers["Date"] = formatdate(self.clock.at_ms / 1000 + self.ahead_s, usegmt=True)
        return answer

    def refuse(self, why: str, answer: web.Response) -> web.Response:
        self.refused.append(why)
        return answer


class WallClock(Clock):
    """The real one, for processes of their own."""

    @property  # type: ignore[override]
    def at_ms(self) -> int:
        return time.time_ns() // 1_000_000

    @at_ms.setter
    def at_ms(self, _: int) -> None:
        pass
