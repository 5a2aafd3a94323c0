"""`shipclock poll`: reads the order and health APIs of platforms."""

import asyncio
import logging
import sqlite3

import click
from aiokafka.errors import KafkaError
from starlette.applications import Starlette

from streams import logs
from streams.commands.common import Failed
from streams.commands.instant import Instant
from streams.commands.receive import LOG_FORMAT, read_settings
from streams.feeds.polling.ledger import LEDGER, InUse, Ledger
from streams.feeds.polling.number_book import registers
from streams.feeds.polling.parcels import PARCELS, Parcels
from streams.feeds.polling.polls import Polls
from streams.feeds.serving import serve, vitals
from streams.kafka import topics
from streams.kafka.topics import BadTopicsError, TopicNames
from streams.settings import describe
from streams.web.server import address_of, listen

log = logging.getLogger(__name__)


@click.command(epilog="\b\nSettings, from the environment:\n" + describe())
@click.option("--since", type=Instant(), help="Read once more what changed from this moment on, then go on as usual.")
def poll(since: int | None) -> None:
    """Read what the shops named in SHIPCLOCK_FEEDS have at their platforms, again and again, until SIGTERM.

    What was read up to when, and the shops' tokens, are kept in SHIPCLOCK_DATADIR/polls.sqlite; one process at a time
    polls with it.
    """
    logs.protect()
    settings, feeds = read_settings("poll")
    logging.basicConfig(level=settings.log_level.upper(), format=LOG_FORMAT)
    shops = sum(len(app.polling.shops) for app in feeds.apps.values() if app.polling is not None)
    if not shops and not registers(feeds):
        raise Failed(f"shipclock poll: {settings.feeds} names no shop to be polled", 2)
    file = settings.datadir / LEDGER
    try:
        parcels = Parcels(settings.datadir / PARCELS) if registers(feeds) else None
        ledger = Ledger(file)
        ledger.lock()
        if since is not None:
            ledger.move_back(since)
    except InUse:
        raise Failed(f"shipclock poll: another one polls with {file}", 2) from None
    except (OSError, sqlite3.Error) as error:
        raise Failed(f"shipclock poll: {file} can't be used: {error}", 2) from None
    try:
        topics.prepare(settings, TopicNames(settings.topic_prefix, settings.app_id))
        listening = listen(settings.web_host, settings.web_port, or_any=True)
    except BadTopicsError as error:
        raise Failed(f"shipclock poll: {error}", 2) from None
    except OSError as error:
        raise Failed(f"shipclock poll: {settings.web_host} can't be listened on: {error.strerror}", 2) from None
    polls = Polls(settings, feeds, ledger, parcels)
    log.info("polls %d shops; metrics on %smetrics", shops, address_of(listening))
    try:
        asyncio.run(serve(Starlette(routes=vitals(lambda: polls.is_running, settings.token)), listening, polls.run()))
    except KafkaError as error:
        raise Failed(f"shipclock poll: {type(error).__name__}: {error}", 2) from None
    finally:
        ledger.close()
        if parcels is not None:
            parcels.close()
