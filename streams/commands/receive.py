"""`shipclock receive`: takes the pushes of platforms and carriers."""

import asyncio
import logging
import os
import socket

import click

from rules.dsl.yaml_source import BadPack
from rules.messages.text import visible
from streams import logs
from streams.commands.common import Failed
from streams.commands.feed_mapper import mapper_of, open_kept
from streams.feeds import apps
from streams.feeds.apps import FeedSettings
from streams.feeds.inbox import Inbox
from streams.feeds.library import NoSuchSource
from streams.feeds.receiver import site
from streams.feeds.serving import limits_of_senders, serve
from streams.settings import BadSettingError, Settings, describe, from_environment
from streams.web.server import address_of, listen

log = logging.getLogger(__name__)

LOG_FORMAT = "[%(asctime)s] [%(levelname)s] %(message)s"


@click.command(epilog="\b\nSettings, from the environment:\n" + describe())
@click.option("--map", "also_maps", is_flag=True, help="Map what is received as well, as shipclock feed-map does.")
def receive(also_maps: bool) -> None:
    """Take the pushes of the apps named in SHIPCLOCK_FEEDS at /feeds/SOURCE/APP and store them in the topic inbox,
    until SIGTERM."""
    logs.protect()
    settings, feeds = read_settings("receive")
    logging.basicConfig(level=settings.log_level.upper(), format=LOG_FORMAT)
    listening = _listen(feeds)
    inbox = Inbox(settings)
    log.info("pushes are taken on %sfeeds/SOURCE/APP", address_of(listening))
    work = _stored_and_mapped(settings, feeds, inbox) if also_maps else inbox.run()
    asyncio.run(serve(site(feeds, inbox, settings.token), listening, work, limits_of_senders()))


async def _stored_and_mapped(settings: Settings, feeds: FeedSettings, inbox: Inbox) -> None:
    """Until cancelled. Raises Failed."""
    kept = open_kept(settings, feeds)
    try:
        async with mapper_of(settings, feeds, kept) as mapper, asyncio.TaskGroup() as group:
            group.create_task(inbox.run())
            group.create_task(mapper.run())
    finally:
        kept.close()


def read_settings(command: str) -> tuple[Settings, FeedSettings]:
    """The environment's, and those of the file it names. Raises Failed."""
    try:
        settings = from_environment(os.environ)
        if settings.feeds is None:
            raise BadSettingError("SHIPCLOCK_FEEDS is not set; it names the file of the apps (deploy/docs/feeds.md)")
        return settings, apps.load(settings.feeds, os.environ)
    except (BadSettingError, NoSuchSource, BadPack) as error:
        raise Failed(visible(f"shipclock {command}: {error}", keep="\n"), 2) from None


def _listen(feeds: FeedSettings) -> socket.socket:
    try:
        return listen(feeds.listen.host, feeds.listen.port)
    except OSError as error:
        where = f"{feeds.listen.host}:{feeds.listen.port}"
        raise Failed(f"shipclock receive: {where} can't be listened on: {error.strerror}", 2) from None
