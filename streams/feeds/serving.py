"""A process of the feeds: its work, and HTTP beside it, until a signal ends both."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
from prometheus_client import make_asgi_app
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from streams.web.auth import Guard
from streams.web.connections import Connection, limits
from streams.web.server import LEAVE_S, Server


def vitals(is_ready: Callable[[], bool], token: str | None) -> list[BaseRoute]:
    """Health, and metrics for who has the token, or for this machine where there is none."""

    async def live(_: Request) -> Response:
        return Response(status_code=200)

    async def ready(_: Request) -> Response:
        return Response(status_code=200 if is_ready() else 503)

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", Guard(make_asgi_app(), token)),
    ]


async def serve(asgi: ASGIApp, listening: socket.socket, work: Coroutine[Any, Any, None]) -> None:
    """Until SIGTERM or Ctrl-C. Raises what the work fails of."""
    server = Server(
        uvicorn.Config(
            asgi,
            http=Connection,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=LEAVE_S,
        ),
        limits(),
    )

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
