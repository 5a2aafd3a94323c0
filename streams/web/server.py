"""The web server: uvicorn on the worker's event loop, started and stopped with it."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

import uvicorn
from mode import Service
from prometheus_client import REGISTRY
from starlette.types import ASGIApp

from streams.app import App
from streams.clock import wall_ms
from streams.metrics.feeds import FeedStates
from streams.questions.service import QuestionService
from streams.resending.letters import newest_letters
from streams.views.daily_values import days_of_all, days_of_shop
from streams.views.day_to_day import good_ratios
from streams.views.point_caps import caps_of
from streams.views.reader import Reader
from streams.views.view import View
from streams.views.writer import Writer
from streams.warehouses import EVERYTHING_IN_ONE, Warehouses
from streams.web.ack_api import AckApi
from streams.web.asgi import site
from streams.web.connections import Acceptor, Connection, Limits, limits
from streams.web.due_api import DueApi
from streams.web.group_api import GroupApi
from streams.web.health import HealthApi
from streams.web.letters_api import LettersApi
from streams.web.morning_api import MorningApi
from streams.web.order_api import OrderApi
from streams.web.query_api import QueryApi
from streams.web.rules_api import RulesApi
from streams.web.schemas import Health
from streams.web.sse import Events
from streams.web.tokens import NO_TOKENS, Tokens
from streams.web.trends_api import TrendsApi
from streams.web.whole_lists import WholeLists
from streams.web.yesterday_api import YesterdayApi

log = logging.getLogger(__name__)

LEAVE_S = 3
"""How long answers under way may take when the worker stops."""


def listen(host: str, port: int, *, or_any: bool = False) -> socket.socket:
    """A listening socket; with `or_any`, on any free port if that one is taken. Raises OSError."""
    ((family, _, _, _, address), *_) = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    try:
        return socket.create_server(address[:2], family=family)
    except OSError:
        if not or_any:
            raise
        return socket.create_server((address[0], 0), family=family)


def address_of(listening: socket.socket) -> str:
    """The URL of a listening socket; with this machine's name if it listens on all addresses."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class Server(uvicorn.Server):
    """uvicorn's server without signal handlers; an `Acceptor` accepts its connections."""

    def __init__(self, asgi: ASGIApp, bounds: Limits) -> None:
        config = uvicorn.Config(
            asgi,
            http=Connection,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=LEAVE_S,
        )
        super().__init__(config)
        self._limits = bounds

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the acceptors in place of uvicorn's own servers."""
        await self.lifespan.startup()
        make = partial(Connection, config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        acceptors = [Acceptor(each, make, self._limits) for each in sockets or []]
        for each in acceptors:
            each.start()
        self.servers = acceptors  # type: ignore[assignment]
        self.started = True


class Web(Service):
    """The HTTP server, and the views it answers from."""

    def __init__(
        self,
        app: App,
        listening: socket.socket,
        warehouses: Warehouses = EVERYTHING_IN_ONE,
        tokens: Tokens = NO_TOKENS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._app, self._listening = app, listening
        self._served = asyncio.Event()
        self.view = View(app.names, app.partition_count, caps=caps_of(app.worker.book))
        self._feed_states = FeedStates(self.view.feed_states)
        self.reader = Reader(app.settings, self.view, lambda: app.worker.busy, beacon=self.beacon)
        self._writer = Writer(app.settings, app.names, self.reader, beacon=self.beacon)
        self._questions = QuestionService(app.settings, app.names, app.worker, self.reader, beacon=self.beacon)
        bounds = limits()
        always = [
            HealthApi(self._health),
            RulesApi(app.worker.book),
            LettersApi(partial(newest_letters, app.settings, app.names.dead_letters)),
        ]
        once_ready = [
            Events(self.view, bounds.listeners),
            AckApi(self.view, self._writer),
            GroupApi(self.view, self._writer),
            # After those of acks and groups: its path of an alert would match theirs, too.
            QueryApi(self.view, app.settings.clock, self._away_since_ms),
            DueApi(self.view, WholeLists(self._questions, app.partition_count), warehouses),
            MorningApi(self.view, app.settings.clock),
            OrderApi(self.view, self._questions, warehouses),
            TrendsApi(self.view, partial(days_of_shop, app.settings, app.names.daily_values, app.partition_count)),
            YesterdayApi(
                self.view,
                partial(days_of_all, app.settings, app.names.daily_values, app.partition_count),
                good_ratios(app.worker.book),
            ),
        ]
        asgi = site(always, once_ready, is_ready=lambda: self.reader.caught_up, tokens=tokens)
        self._server = Server(asgi, bounds)

    @property
    def address(self) -> str:
        """The console's URL."""
        return address_of(self._listening)

    def on_init_dependencies(self) -> list[Any]:
        return [self.reader, self._writer, self._questions]

    async def on_start(self) -> None:
        REGISTRY.register(self._feed_states)
        log.info("console and API on %s", self.address)

    @Service.task
    async def _serve(self) -> None:
        try:
            await self._server.serve(sockets=[self._listening])
        finally:
            self._served.set()

    async def on_stop(self) -> None:
        REGISTRY.unregister(self._feed_states)
        self.view.feed.close()
        self._server.should_exit = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S + 1):
                await self._served.wait()

    def _away_since_ms(self) -> int | None:
        kafka = self._app.worker.kafka
        return wall_ms() - round(kafka.silent_s * 1000) if kafka.is_away else None

    def _health(self) -> Health:
        worker = self._app.worker
        problems = [worker.kafka.problem, worker.wall_clock.problem, self._app.snapshot_faults.problem]
        return Health(
            worker=bool(self._app.tables.actives_ready),
            views=self.reader.caught_up,
            kafka=not worker.kafka.is_away,
            problems=[each for each in problems if each is not None],
        )
