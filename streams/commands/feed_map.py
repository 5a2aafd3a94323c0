"""`shipclock feed-map`: what was received becomes events."""

import asyncio
import logging
import socket

import click
from aiokafka.errors import KafkaError
from starlette.applications import Starlette

from streams import logs
from streams.commands.common import Failed
from streams.commands.feed_mapper import Kept, mapper_of, open_kept
from streams.commands.instant import Instant
from streams.commands.receive import LOG_FORMAT, read_settings
from streams.feeds.apps import FeedSettings
from streams.feeds.mapper import Counts
from streams.feeds.serving import serve, vitals
from streams.kafka import topics
from streams.kafka.topics import BadTopicsError, TopicNames
from streams.settings import Settings, describe
from streams.web.server import address_of, listen

log = logging.getLogger(__name__)


@click.command(epilog="\b\nSettings, from the environment:\n" + describe())
@click.option("--since", type=Instant(), help="Map once more what was received from this moment up to now, and end.")
def feed_map(since: int | None) -> None:
    """Map what is in the topic inbox to events, until SIGTERM; what can't be mapped goes to dead-letters.

    It may be done again: the same bodies give the same events, which count once. Of shops that `shipclock poll` reads,
    orders are asked for where a push tells little of them, with the tokens in SHIPCLOCK_DATADIR/polls.sqlite.
    """
    logs.protect()
    settings, feeds = read_settings("feed-map")
    logging.basicConfig(level=settings.log_level.upper(), format=LOG_FORMAT)
    names = TopicNames(settings.topic_prefix, settings.app_id)
    try:
        topics.require(settings, (*names.inputs, names.dead_letters, names.feed_health))
        count = topics.prepare_inbox(settings, names)
    except BadTopicsError as error:
        raise Failed(f"shipclock feed-map: {error}", 2) from None
    kept = open_kept(settings, feeds)
    try:
        if since is not None:
            click.echo(asyncio.run(_again(settings, feeds, kept, since, count)))
            return
        listening = listen(settings.web_host, settings.web_port, or_any=True)
        log.info("maps what is received; metrics on %smetrics", address_of(listening))
        asyncio.run(_on(settings, feeds, kept, listening))
    except KafkaError as error:
        raise Failed(f"shipclock feed-map: {type(error).__name__}: {error}", 2) from None
    except OSError as error:
        raise Failed(f"shipclock feed-map: {settings.web_host} can't be listened on: {error.strerror}", 2) from None
    finally:
        kept.close()


async def _again(settings: Settings, feeds: FeedSettings, kept: Kept, since_ms: int, count: int) -> Counts:
    async with mapper_of(settings, feeds, kept) as mapper:
        return await mapper.again(since_ms, count)


async def _on(settings: Settings, feeds: FeedSettings, kept: Kept, listening: socket.socket) -> None:
    async with mapper_of(settings, feeds, kept) as mapper:
        site = Starlette(routes=vitals(lambda: mapper.is_reading, settings.token))
        await serve(site, listening, mapper.run())
