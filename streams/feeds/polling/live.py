"""What each platform and service says when it is asked now, and each callback when it is sent a handshake: whether the
credentials work, the clocks agree, and pushes find their way."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import aiohttp

from streams.feeds.answers import reply
from streams.feeds.api_language import Call
from streams.feeds.apps import App, FeedSettings, Listen
from streams.feeds.decoding import Request
from streams.feeds.polling.client import Client, Time
from streams.feeds.polling.clients import Clients, session, shop_name
from streams.feeds.polling.failures import QuotaSpent, Refused, Unavailable
from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.pages import FIRST_PAGE, stretch_names
from streams.feeds.signatures import proof

AGREE = "the clocks agree"

LEAST_AHEAD_MS = 5_000
"""Clocks that differ by less agree: platforms tell whole seconds, and an answer takes its time."""


class Answered(NamedTuple):
    """One line, without a secret."""

    is_good: bool
    text: str


async def ask_all(feeds: FeedSettings, ledger: Ledger, time: Time) -> AsyncIterator[Answered]:
    """Asks for one page of each shop that is polled and each service that numbers are registered with, and sends each
    callback what its platform sends to try it."""
    async with session() as http:
        clients = Clients(http, ledger, time, attempts=1)
        for app in feeds.apps.values():
            if app.takes_pushes and app.source.handshake is not None:
                yield await _shake(app, feeds.listen, http)
            if app.registering is not None:
                yield await _ask_service(app, clients.of_service(app))
            for shop in app.polling.shops if app.polling is not None else ():
                client = clients.of(app, shop)
                assert client is not None
                yield await _ask_shop(app, shop, client, time)


async def _ask_shop(app: App, shop: str, client: Client, time: Time) -> Answered:
    assert app.source.api is not None
    assert app.polling is not None
    poll = next(iter(app.source.api.polls.values()))
    zone = ZoneInfo(app.polling.shops[shop].setting.get("zone") or app.source.zone)
    now_ms = time.now_ms()
    names = {**FIRST_PAGE, "page": 1, **stretch_names(now_ms - 60_000, now_ms, zone)}
    return await _ask(shop_name(app, shop), client, poll.call, names)


async def _ask_service(app: App, client: Client) -> Answered:
    name = f"{app.source.source}/{app.name}"
    assert app.source.api is not None
    assert app.source.api.registration is not None
    if (call := app.source.api.registration.check) is None:
        return Answered(True, f"{name}: nothing can be asked without registering a number")
    return await _ask(name, client, call, {})


async def _ask(name: str, client: Client, call: Call, names: dict[str, Any]) -> Answered:
    is_good, answered = True, "answers"
    try:
        await client.answer(call, names)
    except (Refused, Unavailable, QuotaSpent) as error:
        is_good, answered = False, str(error)
    clock = _clock(client.ahead_ms)
    return Answered(is_good and clock in ("", AGREE), f"{name}: {answered}{clock and '; '}{clock}")


def _clock(ahead_ms: int | None) -> str:
    if ahead_ms is None:
        return ""
    if abs(ahead_ms) < LEAST_AHEAD_MS:
        return AGREE
    return f"its clock is {abs(ahead_ms) // 1000} s {'ahead of' if ahead_ms > 0 else 'behind'} ours"


async def _shake(app: App, listen: Listen, http: aiohttp.ClientSession) -> Answered:
    """To the address in the platform's console, where the settings name it; else to the receiver itself."""
    signature, name = app.source.signature, f"{app.source.source}/{app.name}"
    assert signature is not None
    request = Request(json.dumps(app.source.handshake).encode())
    headers = {header: app.credentials[credential] for header, credential in signature.equal_headers.items()}
    headers |= {signature.header or "": proof(signature, request, app.credentials), "Content-Type": "application/json"}
    host = "127.0.0.1" if listen.host in ("0.0.0.0", "::") else listen.host
    url = app.credentials.get("callback_url", f"http://{host}:{listen.port}/feeds/{name}")
    wanted = reply(app.source, request, datetime.now(UTC)).status
    try:
        async with http.post(url, data=request.body, headers=headers, allow_redirects=False) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return Answered(False, f"{name}: no handshake: {url} does not answer: {type(error).__name__}")
    if status == wanted:
        return Answered(True, f"{name}: the handshake with {url} is answered {status}")
    return Answered(False, f"{name}: the handshake with {url} is answered {status}, not {wanted}")
