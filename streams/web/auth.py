"""Access control.

Without a token the web listens on this machine only. Pages of other sites, open in the same browser, must be kept out:
their requests carry their own `Origin`, and a host name of theirs that resolves to this machine (DNS rebinding) is in
`Host`. With a token, all data and all changes need it.
"""

import logging
from asyncio import sleep
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.metrics.web import REFUSALS
from streams.paced_log import PacedLog
from streams.settings import is_local
from streams.web.errors import problem
from streams.web.tokens import ANYBODY, Person, Tokens

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

WRONG_TOKEN_S = 1.0
"""How long the answer to a wrong token is delayed."""

PERSON = "shipclock.person"
"""Where in an ASGI scope it says who asks."""

HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})

SECURITY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware. Without tokens it is open to this machine."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app, self._tokens = app, tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_headers(scope["path"])]
            await send(message)

        headers = Headers(scope=scope)
        person = self.person(headers)
        refusal = self.refusal(scope["method"], scope["path"], headers, person)
        if refusal is not None and refusal.status_code == 401 and "authorization" in headers:
            await _slow_down((scope.get("client") or ("?",))[0])
        await (refusal or self._app)({**scope, PERSON: person}, receive, send_safely)

    def refusal(self, method: str, path: str, headers: Headers, person: Person | None) -> Response | None:
        """The answer to a request of somebody that isn't allowed; None if it is."""
        if path.startswith("/health/"):
            return None  # probes know neither host name nor token, and get no data
        host = headers.get("host", "")
        if not self._tokens and not is_local(_name_in(host)):
            return problem(403, f"without a token only this machine is answered, and it isn't called {host!r}")
        if method not in HARMLESS and _is_of_another_site(headers, host):
            return problem(403, "a page of another site asks for this")
        if is_guarded(path) and person is None:
            why = "the token is wrong" if "authorization" in headers else "this needs the token"
            return problem(401, why, {"www-authenticate": "Bearer"})
        if method not in HARMLESS and person is not None and person.role == "read":
            return problem(403, f"the token of {person.name} may read only: this needs one with the role act")
        return None

    def person(self, headers: Headers) -> Person | None:
        """Whoever asks; None if their token is nobody's."""
        if not self._tokens:
            return ANYBODY
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return self._tokens.person(given.strip().encode()) if scheme.lower() == "bearer" else None


def person_of(request: Request) -> Person:
    """Whoever asks."""
    person: Person = request.scope[PERSON]
    return person


def may_see(request: Request) -> bool:
    """Whether whoever asks may see data; only probes are let in without that."""
    return request.scope[PERSON] is not None


async def _slow_down(peer: str) -> None:
    """Delays the answer to a wrong token. A request without one, as the console's before it has asked for it, is no
    guess."""
    REFUSALS.labels("token").inc()
    log.warning("a request from %s was refused: its token is wrong", peer)
    await sleep(WRONG_TOKEN_S)


def is_guarded(path: str) -> bool:
    """False for what holds no data: the console's own files and the API's description."""
    return path.startswith("/api/") or path == "/metrics"


def _is_of_another_site(headers: Headers, host: str) -> bool:
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != host


def _name_in(host: str) -> str:
    """The host name without its port; empty if it isn't valid."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _headers(path: str) -> list[tuple[bytes, bytes]]:
    caching = "no-store" if is_guarded(path) else "no-cache"
    return [(name.encode(), value.encode()) for name, value in (SECURITY | {"cache-control": caching}).items()]
