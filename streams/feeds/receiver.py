"""The HTTP side of the feeds: proves where a push comes from, stores it, and answers as its sender wants."""

import logging
from datetime import UTC, datetime
from time import monotonic

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from streams.clock import wall_ms
from streams.feeds.answers import reply
from streams.feeds.apps import App, FeedSettings
from streams.feeds.decoding import Request
from streams.feeds.inbox import Inbox, InboxAway, Received
from streams.feeds.mapping import key_of
from streams.feeds.serving import vitals
from streams.feeds.signatures import is_genuine
from streams.metrics import feeds as metrics
from streams.paced_log import PacedLog

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

LARGEST_BYTES = 512 * 1024
"""Of a body; a record of Kafka holds twice as much."""

LONGEST_PATH = 2_048

MOST_AT_ONCE = 256
"""Pushes that are being stored; more than that and Kafka is too slow for them."""

MOST_PER_S = 1_000
"""Of one app. Whoever sends more is asked to send again."""


class Receiver:
    """`POST /feeds/{source}/{app}`."""

    def __init__(self, settings: FeedSettings, inbox: Inbox) -> None:
        self._settings, self._inbox = settings, inbox
        self._busy = 0
        self._rates = {place: Rate(MOST_PER_S) for place in settings.apps}
        for source, _ in settings.apps:
            metrics.begin(source)

    async def push(self, http: HttpRequest) -> Response:
        place = http.path_params["source"], http.path_params["app"]
        app = self._settings.apps.get(place)
        if app is None or not app.takes_pushes:
            metrics.PUSHES.labels("unknown", "unknown").inc()
            return Response(status_code=404)
        try:
            outcome, answer = await self._outcome(app, http, self._rates[place])
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody reads
        metrics.PUSHES.labels(app.source.source, outcome).inc()
        return answer

    async def _outcome(self, app: App, http: HttpRequest, rate: "Rate") -> tuple[str, Response]:
        """What became of a push, and the answer."""
        began_s = monotonic()
        if http.headers.get("content-encoding", "identity") != "identity":
            return "encoded", Response(status_code=415)  # nothing is unpacked: what is signed is what comes
        body = await _body(http)
        if body is None:
            return "too_large", Response(status_code=413)
        path = http.url.path + (f"?{http.url.query}" if http.url.query else "")
        peer = http.client.host if http.client else ""
        request = Request(body, path, dict(http.headers), peer)
        if len(path) > LONGEST_PATH or not self._is_genuine(app, request):
            log.warning("%s: a push from %s was refused: its signature is wrong", app.source.source, peer)
            return "signature", Response(status_code=401)
        if self._busy >= MOST_AT_ONCE or not rate.allows(monotonic()):
            log.warning("%s: more pushes than can be taken", app.source.source)
            return "too_many", Response(status_code=503, headers={"retry-after": "5"})
        self._busy += 1
        try:
            await self._store(app, request, app.source.answer_within_ms / 1000 - (monotonic() - began_s))
        except InboxAway as error:
            log.error("%s: a push was not stored: %s", app.source.source, type(error.__cause__ or error).__name__)
            return "unstored", Response(status_code=503, headers={"retry-after": "5"})
        finally:
            self._busy -= 1
        status, content_type, answer = reply(app.source, request, datetime.now(UTC))
        return "stored", Response(answer, status, media_type=content_type)

    def _is_genuine(self, app: App, request: Request) -> bool:
        signature = app.source.signature
        return signature is not None and is_genuine(signature, request, app.credentials, self._settings.trusted_proxies)

    async def _store(self, app: App, request: Request, within_s: float) -> None:
        """Raises InboxAway."""
        received_ms = wall_ms()
        received = Received(
            app.source.source,
            app.name,
            received_ms,
            request.url,
            request.headers.get("content-type", ""),
            request.body,
            key_of(app.source, request, app.setting),
        )
        await self._inbox.put(received, within_s)
        metrics.NEWEST.labels(app.source.source).set(received_ms / 1000)


class Rate:
    """A bucket of tokens that fills again at `most_per_s`, and holds those of a second."""

    def __init__(self, most_per_s: int) -> None:
        self._most = float(most_per_s)
        self._left, self._at_s = self._most, 0.0

    def allows(self, now_s: float) -> bool:
        self._left = min(self._most, self._left + (now_s - self._at_s) * self._most)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


async def _body(http: HttpRequest) -> bytes | None:
    """The bytes as received; None for more than there may be, of which no more is read. Raises ClientDisconnect."""
    announced = http.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > LARGEST_BYTES:
        return None
    body = bytearray()
    async for chunk in http.stream():
        body += chunk
        if len(body) > LARGEST_BYTES:
            return None
    return bytes(body)


def site(settings: FeedSettings, inbox: Inbox, token: str | None) -> Starlette:
    """The receiver with its health and metrics."""
    receiver = Receiver(settings, inbox)
    return Starlette(
        routes=[
            Route("/feeds/{source}/{app}", receiver.push, methods=["POST"]),
            *vitals(lambda: inbox.is_open, token),
        ]
    )
