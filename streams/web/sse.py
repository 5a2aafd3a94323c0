"""Server-sent events: alerts and shops as they change."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import islice

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from streams.metrics import web
from streams.views.change_feed import AT_ONCE, Change, Listener
from streams.views.shops import ShopKey
from streams.views.view import View
from streams.web.operations import operation

HEARTBEAT_S = 15.0
"""After this long without an event a comment is sent, so that proxies and clients keep the connection."""

AGAIN_S = 10
"""After how long a client may retry when there are too many listeners."""


class Events:
    """The handler that streams changes, to `most` listeners."""

    def __init__(self, view: View, most: int) -> None:
        self._view, self._most = view, most

    @operation(
        "GET",
        "/api/events",
        "Server-sent events: `alert` (as in /api/alerts) and `shop` (as in /api/shops) with the newest state whenever "
        'one changes. The first is `ready`: {"resumed": true} when all that was missed since `Last-Event-ID` follows; '
        "otherwise read the lists anew. Who doesn't read is cut off and may come back.",
        media="text/event-stream",
        refusals={503: "what Kafka holds is still being read, or as many listen as may"},
    )
    async def events(self, request: Request) -> Response:
        if request.method == "HEAD":  # nobody would read the frames, and they never end
            return Response(media_type="text/event-stream")
        feed = self._view.feed
        if feed.listeners >= self._most:
            web.REFUSALS.labels("listeners").inc()
            raise HTTPException(503, f"{self._most} listen already", {"retry-after": str(AGAIN_S)})
        listener = feed.listen()
        web.LISTENERS.set(feed.listeners)
        return Stream(stream(self._view, listener, request.headers.get("last-event-id")), lambda: self._leave(listener))

    def _leave(self, listener: Listener) -> None:
        self._view.feed.leave(listener)
        web.LISTENERS.set(self._view.feed.listeners)


class Stream(StreamingResponse):
    """Calls `leave` however the response ends, and even if it never begins."""

    def __init__(self, frames: AsyncIterator[bytes], leave: Callable[[], None]) -> None:
        super().__init__(frames, media_type="text/event-stream", headers={"x-accel-buffering": "no"})
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


async def stream(view: View, listener: Listener, since: str | None) -> AsyncIterator[bytes]:
    """Yields frames until the listener ends or the client disconnects.

    Waiting frames are sent together: asyncio logs each write to a lost connection, and learns of the loss only after
    other tasks have run.
    """
    missed = None if since is None else view.feed.missed(since)
    place = since if since is not None and missed is not None else view.feed.place
    yield b"retry: 2000\n" + _encoded("ready", place, {"resumed": missed is not None})
    coming = iter(missed or ())
    while some := list(islice(coming, AT_ONCE)):
        yield b"".join([_frame(view, change) for change in some])
        await asyncio.sleep(0)
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                changes = await listener.next()
        except TimeoutError:
            yield b": still here\n\n"
            continue
        if changes is None:
            return
        yield b"".join([_frame(view, change) for change in changes])


def _frame(view: View, change: Change) -> bytes:
    """The newest state of what has changed, encoded once for all listeners."""
    if change.frame is None:
        change.frame = _encode(view, change)
    return change.frame


def _encode(view: View, change: Change) -> bytes:
    if change.name == "shop":
        assert isinstance(change.key, ShopKey)
        return _encoded("shop", change.place, view.shop(change.key))
    held = view.alerts.get(str(change.key))
    return b"" if held is None else _encoded("alert", change.place, view.alert(held))


def _encoded(name: str, place: str, data: object) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (place.encode(), name.encode(), msgspec.json.encode(data))
