"""The demo's show: embedded broker, the real worker, the feed and the view, in one process."""

import asyncio
import contextlib
import logging
import tempfile
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TextIO

import orjson
from aiokafka import AIOKafkaProducer
from rich.console import Console

from rules.calendar.instants import MIN_MS, from_rfc3339
from rules.plan.rule_book import RuleBook
from rules.reports.standing import nearest, standing
from streams.app import App, create
from streams.demo.clock import Clock
from streams.demo.generator import events
from streams.demo.pace import Pace
from streams.demo.pushed import PushedFeed
from streams.kafka.embedded import PARTITIONS, EmbeddedBroker
from streams.settings import Settings
from streams.terminal.board import Board, Due
from streams.terminal.live import LiveView, PlainView, choose_view
from streams.terminal.totals import Totals, summary
from streams.terminal.words import instant_ms
from streams.web.server import Web, listen

START_MS = from_rfc3339("2026-06-01T00:00:00Z")
"""The first of a month, since Joom's ratio is one of calendar months."""

REDRAW_S = 0.2
NEWEST_ALERTS = 500
NEAREST = 12


class Show:
    """Keeps what the board shows: the worker's partitions and the alerts it has emitted."""

    def __init__(self, app: App, book: RuleBook, speed: float, console: str) -> None:
        self.app = app
        self._titles = {clause: titles["en"] for clause, titles in book.clause_titles().items()}
        self._rules = {rule.id: rule.titles()["en"] for rule in book.rules.values()}
        self.speed = speed
        self.console = console
        self.totals = Totals()
        self._alerts: deque[dict[str, object]] = deque(maxlen=NEWEST_ALERTS)
        self._began = monotonic()
        self._at_ms = START_MS
        app.worker.on_alerts.append(self.on_alerts)

    def on_alerts(self, values: list[bytes]) -> None:
        for value in values:
            alert = orjson.loads(value)
            self._alerts.append(alert)
            self.totals.count(alert)

    def board(self) -> Board:
        engines = [partition.engine for partition in self.app.worker.partitions.values()]
        engines = [engine for engine in engines if engine.clock_ms > MIN_MS]
        standings, due = [], []
        for engine in engines:
            for shop in engine.shops.values():
                standings.append(standing(shop, engine.clock_ms) | {"open_orders": shop.open_orders()})
            for order, rule, due_ms in nearest(engine, NEAREST):
                terms = order.facts.terms
                amount, currency = (terms.amount, terms.currency) if terms else (None, None)
                shop = order.shop
                due.append(Due(shop.platform, shop.name, order.id, self._rules[rule], due_ms, amount, currency))
        self.totals.events = self.app.worker.events
        self.totals.orders = sum(len(shop.orders) for engine in engines for shop in engine.shops.values())
        # One clock for the whole board, so that its countdowns agree with it: that of the partition furthest behind.
        self._at_ms = max(self._at_ms, min((engine.clock_ms for engine in engines), default=START_MS))
        return Board(
            at_ms=self._at_ms,
            standings=standings,
            due=due,
            alerts=sorted(self._alerts, key=lambda alert: instant_ms(str(alert["time"]))),
            open_by_severity=self.totals.open_by_severity(),
            events=self.totals.events,
            events_s=self.totals.events / max(monotonic() - self._began, 0.001),
            speed=self.speed,
            console=self.console,
            titles=self._titles,
        )


async def run(
    book: RuleBook, *, speed: float, seconds: float | None, seed: int, out: TextIO, pushed: bool = False
) -> None:
    """Runs for `seconds` (until cancelled, if None), then prints a summary, also where it was cancelled.

    Where `pushed`, an emulated platform pushes what happens. Raises what ended the worker or the feed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="shipclock-demo-") as folder,
        EmbeddedBroker() as broker,
        _logs_to(Path(folder) / "demo.log"),
    ):
        settings = Settings(
            broker=f"kafka://{broker.bootstrap}", clock="event", datadir=Path(folder), partitions=PARTITIONS
        )
        app = create(settings, book, PARTITIONS)
        web = Web(app, listen(settings.web_host, settings.web_port, or_any=True), beacon=app.beacon)
        app.add_dependency(web)
        show = Show(app, book, speed, web.address)
        view = choose_view(out)
        await app.start()
        stopped: asyncio.CancelledError | None = None
        try:
            async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=20) as producer:
                print(f"console: {web.address}", file=out, flush=True)
                feed: PushedFeed | None = None
                if pushed:
                    say = partial(print, file=out, flush=True) if isinstance(view, PlainView) else _print_nothing
                    feed = PushedFeed(settings, Clock(START_MS, speed), seed, Path(folder), say)
                    feeding = asyncio.create_task(feed.run(producer, PARTITIONS))
                else:
                    pace = Pace(producer, app.names, PARTITIONS, START_MS, speed)
                    feeding = asyncio.create_task(pace.follow(events(seed, START_MS)))
                try:
                    with view:
                        await _watch(show, view, feeding, seconds)
                except asyncio.CancelledError as error:
                    stopped = error
                finally:
                    feeding.cancel()
                    await asyncio.gather(feeding, return_exceptions=True)
                    board = show.board()
        finally:
            await app.stop()
    Console(file=out).print(summary(board, show.totals))
    if feed is not None:
        print(feed.summary(), file=out)
    if stopped is not None:
        raise stopped


def _print_nothing(_: str) -> None:
    """The live view has the screen."""


async def _watch(show: Show, view: LiveView | PlainView, feeding: asyncio.Task[None], seconds: float | None) -> None:
    ends = None if seconds is None else monotonic() + seconds
    while ends is None or monotonic() < ends:
        view.update(show.board())
        if feeding.done():
            feeding.result()
        if show.app.crash_reason is not None:
            raise show.app.crash_reason
        await asyncio.sleep(REDRAW_S)
    view.update(show.board())


@contextlib.contextmanager
def _logs_to(file: Path) -> Iterator[None]:
    """The screen belongs to the view."""
    root = logging.getLogger()
    handler = logging.FileHandler(file)
    kept, root.handlers = root.handlers, [handler]
    try:
        yield
    finally:
        root.handlers = kept
        handler.close()
