"""Server-sent events: alerts and shops as they change."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from streams.views.feed import Change
from streams.views.shops import ShopKey
from streams.views.view import View
from streams.web.operations import operation

HEARTBEAT_S = 15.0
"""Silence after which proxies and readers are told that the line still stands."""


class Events:
    """A desk that goes on telling."""

    def __init__(self, view: View) -> None:
        self._view = view

    @operation(
        "GET",
        "/api/events",
        "Server-sent events: `alert` (as in /api/alerts) and `shop` (as in /api/shops) with the newest state whenever "
        'one changes. The first is `ready`: {"resumed": true} when all that was missed since `Last-Event-ID` follows; '
        "otherwise read the lists anew.",
        media="text/event-stream",
    )
    async def events(self, request: Request) -> Response:
        if request.method == "HEAD":  # nobody would read the frames, and they never end
            return Response(media_type="text/event-stream")
        frames = stream(self._view, request.headers.get("last-event-id"))
        return StreamingResponse(frames, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def stream(view: View, since: str | None) -> AsyncIterator[bytes]:
    """Frames, until the feed is closed or nobody reads any more."""
    feed = view.feed
    listener = feed.listen()
    try:
        missed = None if since is None else feed.missed(since)
        place = since if since is not None and missed is not None else feed.place
        yield b"retry: 2000\n" + _frame("ready", place, {"resumed": missed is not None})
        for change in missed or []:
            yield _frame_of(view, change)
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    next_change = await listener.next()
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if next_change is None:
                return
            yield _frame_of(view, next_change)
    finally:
        feed.leave(listener)


def _frame_of(view: View, change: Change) -> bytes:
    if change.name == "shop":
        assert isinstance(change.key, ShopKey)
        return _frame("shop", change.place, view.shops.raw(change.key))
    held = view.alerts.get(str(change.key))
    return b"" if held is None else _frame("alert", change.place, view.alert(held))


def _frame(name: str, place: str, data: object) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (place.encode(), name.encode(), msgspec.json.encode(data))
