"""`shipclock worker`: the Faust worker on a real Kafka."""

import asyncio
import gc
import logging
import os
import sys
import threading

import click
import faust

from rules.book import RuleBook
from rules.yaml_source import BadPack
from streams import packs, topics
from streams.app import create
from streams.settings import BadSettingError, Settings, describe, from_environment

log = logging.getLogger(__name__)

STOP_S = 15.0
"""How long it may take to stop, the last write with it."""


@click.command(epilog="\b\nSettings, from the environment:\n" + describe())
def worker() -> None:
    """Watch the orders on a Kafka broker and publish alerts, until SIGTERM."""
    try:
        settings = from_environment(os.environ)
        book = packs.load(settings.packs)
        names = topics.TopicNames(settings.topic_prefix, settings.app_id)
        count = topics.prepare(settings, names)
        settings.datadir.mkdir(parents=True, exist_ok=True)
    except (BadSettingError, BadPack, packs.NoSuchPack, topics.BadTopicsError, ValueError, OSError) as error:
        click.echo(f"shipclock worker: {error}", err=True)
        sys.exit(2)
    run(settings, book, count)


def run(settings: Settings, book: RuleBook, partition_count: int) -> None:
    """Runs until a signal or a failure; exits non-zero on a failure."""
    tame_garbage_collection()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = create(settings, book, partition_count)
    Process(app, loglevel=settings.log_level, loop=loop, redirect_stdouts=False).execute_from_commandline()


class Process(faust.Worker):
    """Faust's process around the app, that ends when it is told to even if Kafka has gone away."""

    async def stop(self) -> None:
        last_call = threading.Timer(STOP_S, _leave)
        last_call.daemon = True
        last_call.start()
        await super().stop()


def _leave() -> None:
    # Faust and aiokafka wait for a broker for minutes; what counts was written, or is read again, before this.
    log.error("Kafka doesn't answer: the worker ends without taking leave")
    os._exit(1)


def tame_garbage_collection() -> None:
    """Orders live for weeks and form no cycles: looking through all of them again and again finds nothing."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
