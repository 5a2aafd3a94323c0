"""The HTTP side of the feeds: proves where a push comes from, stores it, and answers as its sender wants."""

import logging
from datetime import UTC, datetime
from time import monotonic

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

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

MOST_HELD_BYTES = 64 * 1024 * 1024
"""Of all bodies that are being read and stored. Each is held until Kafka has it, or as long as its sender waits."""

MOST_PER_S = 1_000
"""Of one app. Whoever sends more is asked to send again."""


Outcome = tuple[str, Response]
"""What became of a push, as its metric says it, and the answer. Answers without a body are used again and again."""

_AGAIN = {"retry-after": "5"}
PACKED: Outcome = "encoded", Response(status_code=415)
"""Nothing is unpacked: what is signed is what comes."""

TOO_LARGE: Outcome = "too_large", Response(status_code=413)
WRONG_SIGNATURE: Outcome = "signature", Response(status_code=401)
TOO_MANY: Outcome = "too_many", Response(status_code=503, headers=_AGAIN)
UNSTORED: Outcome = "unstored", Response(status_code=503, headers=_AGAIN)


class _SenderLeft(Exception):
    """Before all of its push was there."""


class Receiver:
    """The ASGI application at `/feeds/{source}/{app}`. It takes no framework's way through routes and middleware, which
    would cost more than the work itself (`tests.bench.receive`)."""

    def __init__(self, settings: FeedSettings, inbox: Inbox) -> None:
        self._trusted_proxies, self._inbox = settings.trusted_proxies, inbox
        self._apps = {f"/feeds/{source}/{name}": app for (source, name), app in settings.apps.items()}
        self._rates = {path: Rate(MOST_PER_S) for path in self._apps}
        self._held_bytes = 0
        for source, _ in settings.apps:
            metrics.begin(source)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope, receive)
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        path: str = scope["path"]
        app = self._apps.get(path)
        if app is None or not app.takes_pushes:
            metrics.PUSHES.labels("unknown", "unknown").inc()
            return Response(status_code=404)
        if scope["method"] != "POST":
            return Response(status_code=405, headers={"allow": "POST"})
        body = bytearray()
        try:
            outcome, answer = await self._outcome(app, scope, receive, body)
        except _SenderLeft:
            return Response(status_code=400)  # which nobody reads
        finally:
            self._held_bytes -= len(body)
        if outcome == "too_many":
            log.warning("%s: more pushes than can be taken", app.source.source)
        metrics.PUSHES.labels(app.source.source, outcome).inc()
        return answer

    async def _outcome(self, app: App, scope: Scope, receive: Receive, body: bytearray) -> Outcome:
        """Raises _SenderLeft."""
        began_s = monotonic()
        headers = _headers(scope)
        if headers.get("content-encoding", "identity") != "identity":
            return PACKED
        if (refused := await self._read(receive, body, headers.get("content-length", ""))) is not None:
            return refused
        query: bytes = scope["query_string"]
        path = scope["path"] + (f"?{query.decode('latin-1')}" if query else "")
        peer = (scope.get("client") or ("",))[0]
        request = Request(bytes(body), path, headers, peer)
        if len(path) > LONGEST_PATH or not self._is_genuine(app, request):
            log.warning("%s: a push from %s was refused: its signature is wrong", app.source.source, peer)
            return WRONG_SIGNATURE
        if not self._rates[scope["path"]].allows(monotonic()):
            return TOO_MANY
        try:
            await self._store(app, request, app.source.answer_within_ms / 1000 - (monotonic() - began_s))
        except InboxAway as error:
            log.error("%s: a push was not stored: %s", app.source.source, type(error.__cause__ or error).__name__)
            return UNSTORED
        status, content_type, answer = reply(app.source, request, datetime.now(UTC))
        return "stored", Response(answer, status, media_type=content_type)

    async def _read(self, receive: Receive, body: bytearray, announced: str) -> Outcome | None:
        """Into `body`, the bytes as received; else what becomes of more than there may be, of which no more is read.
        Raises _SenderLeft."""
        if announced.isdecimal() and int(announced[:20]) > LARGEST_BYTES:
            return TOO_LARGE
        has_more = True
        while has_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _SenderLeft
            chunk: bytes = message.get("body", b"")
            body += chunk
            self._held_bytes += len(chunk)
            if len(body) > LARGEST_BYTES:
                return TOO_LARGE
            if self._held_bytes > MOST_HELD_BYTES:
                return TOO_MANY
            has_more = message.get("more_body", False)
        return None

    def _is_genuine(self, app: App, request: Request) -> bool:
        signature = app.source.signature
        return signature is not None and is_genuine(signature, request, app.credentials, self._trusted_proxies)

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


def _headers(scope: Scope) -> dict[str, str]:
    """By their names in lower case; of several of one name, the first."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


def site(settings: FeedSettings, inbox: Inbox, token: str | None) -> ASGIApp:
    """The receiver with its health and metrics."""
    receiver = Receiver(settings, inbox)
    others = Starlette(routes=vitals(lambda: inbox.is_open, token))

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        is_push = scope["type"] == "http" and scope["path"].startswith("/feeds/")
        await (receiver if is_push else others)(scope, receive, send)

    return site
