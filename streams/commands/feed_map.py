"""`shipclock feed-map`: what was received becomes events."""

import asyncio
import logging

import click
from aiokafka.errors import KafkaError
from starlette.applications import Starlette

from streams import logs
from streams.commands.common import Failed
from streams.commands.instant import Instant
from streams.commands.receive import LOG_FORMAT, read_settings
from streams.feeds.mapper import Mapper
from streams.feeds.serving import serve, vitals
from streams.kafka import topics
from streams.kafka.topics import BadTopicsError, TopicNames
from streams.settings import describe
from streams.web.server import address_of, listen

log = logging.getLogger(__name__)


@click.command(epilog="\b\nSettings, from the environment:\n" + describe())
@click.option("--since", type=Instant(), help="Map once more what was received from this moment up to now, and end.")
def feed_map(since: int | None) -> None:
    """Map what is in the topic inbox to events, until SIGTERM; what can't be mapped goes to dead-letters.

    It may be done again: the same bodies give the same events, which count once.
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
    mapper = Mapper(settings, feeds)
    if since is not None:
        try:
            click.echo(asyncio.run(mapper.again(since, count)))
        except KafkaError as error:
            raise Failed(f"shipclock feed-map: {type(error).__name__}: {error}", 2) from None
        return
    try:
        listening = listen(settings.web_host, settings.web_port, or_any=True)
    except OSError as error:
        raise Failed(f"shipclock feed-map: {settings.web_host} can't be listened on: {error.strerror}", 2) from None
    log.info("maps what is received; metrics on %smetrics", address_of(listening))
    asyncio.run(serve(Starlette(routes=vitals(lambda: mapper.is_reading, settings.token)), listening, mapper.run()))
