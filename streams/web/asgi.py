"""The web as one ASGI application."""

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from streams.web.auth import Guard
from streams.web.errors import failed, refused
from streams.web.files import ConsoleFiles
from streams.web.openapi import openapi
from streams.web.operations import routes
from streams.web.tokens import Tokens


def site(
    always: Sequence[object], once_ready: Sequence[object], *, is_ready: Callable[[], bool], tokens: Tokens
) -> ASGIApp:
    """`always` and `once_ready` are the handlers that answer at any time, and those that do once `is_ready`. Of two
    whose paths both match, the first one answers."""
    app = Starlette(
        routes=[
            *(route for handlers in always for route in routes(handlers)),
            *(route for handlers in once_ready for route in routes(handlers, is_ready)),
            Route("/openapi.json", _describe),
            *ConsoleFiles().routes(),
        ],
        exception_handlers={HTTPException: refused, Exception: failed},
    )
    return Guard(app, tokens)  # around Starlette's own error handler, so that a 500 has the security headers as well


async def _describe(request: Request) -> Response:
    return Response(openapi(), media_type="application/json")
