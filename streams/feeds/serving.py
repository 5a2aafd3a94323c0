"""Runs a process of the feeds: its work, and an HTTP server beside it, until a signal ends both."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from prometheus_client import make_asgi_app
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from streams.web.auth import Guard
from streams.web.connections import Limits, limits
from streams.web.server import Server
from streams.web.tokens import load

MOST_PUSHING = 2_048
"""Connections of senders. One that waits for Kafka holds its own, so these are the pushes under way."""


def limits_of_senders() -> Limits:
    """Limits for an HTTP server that senders call. All of them may come from one address, that of a TLS proxy."""
    total = limits(MOST_PUSHING).total
    return Limits(total, total, 0)


def vitals(is_ready: Callable[[], bool], token: str | None) -> list[BaseRoute]:
    """Health for everyone, and metrics for callers with the token, or callers on this machine if no token is set."""

    async def live(_: Request) -> Response:
        return Response(status_code=200)

    async def ready(_: Request) -> Response:
        return Response(status_code=200 if is_ready() else 503)

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", Guard(make_asgi_app(), load(token, None))),
    ]


async def serve(
    asgi: ASGIApp, listening: socket.socket, work: Coroutine[Any, Any, None], bounds: Limits | None = None
) -> None:
    """Runs until SIGTERM or Ctrl-C. Raises what made the work fail."""
    server = Server(asgi, limits() if bounds is None else bounds)

    def leave() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, leave)
    working = asyncio.create_task(work)
    working.add_done_callback(lambda _: leave())
    await server.serve(sockets=[listening])
    working.cancel()
    await asyncio.wait({working})
    if not working.cancelled():
        working.result()
