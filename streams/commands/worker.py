"""`shipclock worker`: the Faust worker on a real Kafka."""

import asyncio
import logging
import os
import socket
import sys
from dataclasses import replace
from typing import Any

import click
import faust
from msgspec import structs

from rules.dsl.yaml_source import BadPack
from rules.messages.text import visible
from streams import logs, pack_files
from streams.app import App, create
from streams.commands.forced_exit import ForcedExit
from streams.commands.waiting import until_kafka_answers
from streams.kafka import rights, topics
from streams.metrics.sinks import collect_sinks
from streams.runtime import allocator, garbage
from streams.runtime.datadir import make_private
from streams.runtime.kafka_watch import RetryErrors
from streams.settings import BadSettingError, Settings, describe, from_environment
from streams.sinks.notify import routes
from streams.sinks.registry import Sinks, runners_of
from streams.views.mutes import Mutes
from streams.views.zones import Zones
from streams.warehouses import EVERYTHING_IN_ONE, BadWarehousesError, load
from streams.web import tokens
from streams.web.server import Web, address_of, listen

log = logging.getLogger(__name__)

STOP_S = 9.0
"""How long stopping may take, including the last write."""

SINKS_STOP_S = 2.0
"""How much of that the sinks may take. What they don't commit is delivered again."""


@click.command(epilog="\b\nSettings, from the environment:\n" + describe())
@click.option("--skip-unreadable", is_flag=True, help="Pass over records of changelogs that can't be read back.")
def worker(skip_unreadable: bool) -> None:
    """Watch the orders on a Kafka broker and publish alerts, until SIGTERM."""
    logs.protect()
    allocator.tame()
    retry_errors = RetryErrors().take_over()
    try:
        settings = replace(from_environment(os.environ), skip_unreadable=skip_unreadable)
        book = pack_files.load(settings.packs, says_unwatched=True, with_digest=True)
        names = topics.TopicNames(settings.topic_prefix, settings.app_id)
        homes = load(settings.warehouses) if settings.warehouses else EVERYTHING_IN_ONE
        people = tokens.load(settings.token, settings.tokens)
        if settings.notify_routes is not None:
            routes.load(settings.notify_routes)  # its mistakes are said before Kafka is asked
        if warning := make_private(settings.datadir):
            click.echo(visible(warning), err=True)
        count = _prepare(settings, names)
        rights.check(settings, names)
        listening = _listen(settings)
        mutes, zones = Mutes(), Zones({pack.platform: pack.zone for pack in book.packs})
        console_url = settings.public_url or address_of(listening).rstrip("/")
        sinks = Sinks(runners_of(settings, names, book, homes, console_url, mutes, zones))
    except BadWarehousesError as error:
        click.echo(visible(str(error), keep="\n"), err=True)
        sys.exit(2)
    except (BadSettingError, BadPack, pack_files.NoSuchPack, topics.BadTopicsError, ValueError, OSError) as error:
        click.echo(visible(f"shipclock worker: {error}", keep="\n"), err=True)
        sys.exit(2)
    garbage.tame()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = create(settings, book, count, retry_errors)
    web = Web(app, listening, homes, people, beacon=app.beacon)
    mutes.follow(web.view)
    zones.follow(web.view)
    app.add_dependency(web)
    collect_sinks(lambda: {each.sink: structs.asdict(each) for each in sinks.counters})
    process = Process(app, sinks, loglevel=settings.log_level, loop=loop, redirect_stdouts=False)
    try:
        process.execute_from_commandline()
    finally:
        if app.crash_reason is not None:
            click.echo(visible(f"shipclock worker: {app.crash_reason}"), err=True)


def _prepare(settings: Settings, names: topics.TopicNames) -> int:
    """The number of partitions. A worker that has state for this Kafka waits until it answers; at a first start the
    address is more likely wrong."""
    if not (settings.datadir / names.state).exists():
        return topics.prepare(settings, names)
    return until_kafka_answers(
        lambda: topics.prepare(settings, names),
        lambda text: click.echo(visible(f"shipclock worker: {text}", keep="\n"), err=True),
    )


def _listen(settings: Settings) -> socket.socket:
    """Opens the web's socket before anything else, so that a taken port is reported at once."""
    try:
        return listen(settings.web_host, settings.web_port)
    except OSError as error:
        where = f"SHIPCLOCK_WEB_HOST={settings.web_host} SHIPCLOCK_WEB_PORT={settings.web_port}"
        raise BadSettingError(f"{where} can't be listened on: {error.strerror}") from None


class Process(faust.Worker):
    """Faust's process around the app. It ends when asked to, even if Kafka is away or the event loop is busy. The sinks
    run beside the app, in the same loop."""

    def __init__(self, app: App, sinks: Sinks, **options: Any) -> None:
        super().__init__(app, **options)
        self._sinks = sinks
        self._delivering: asyncio.Task[None] | None = None
        self._forced_exit = ForcedExit(STOP_S)

    def install_signal_handlers(self) -> None:
        super().install_signal_handlers()
        self._forced_exit.listen()

    async def on_first_start(self) -> None:
        await super().on_first_start()
        self._delivering = asyncio.create_task(self._sinks.run())

    async def stop(self) -> None:
        self._forced_exit.begin()
        if self._delivering is not None:
            self._delivering.cancel()
            await asyncio.wait({self._delivering}, timeout=SINKS_STOP_S)
        await super().stop()
