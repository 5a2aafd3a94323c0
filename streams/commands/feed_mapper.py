"""The mapper as commands run it, with what it shares with `shipclock poll`."""

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from streams.clock import wall_ms
from streams.commands.common import Failed
from streams.feeds.apps import FeedSettings
from streams.feeds.mapper import Mapper
from streams.feeds.polling.client import Time
from streams.feeds.polling.enricher import enriching
from streams.feeds.polling.ledger import LEDGER, Ledger
from streams.feeds.polling.number_book import NumberBook, registers
from streams.feeds.polling.parcels import PARCELS, Parcels
from streams.settings import Settings

log = logging.getLogger(__name__)


class Kept(NamedTuple):
    """What is shared with `shipclock poll`: its tokens, and the tracking numbers that it is to register."""

    ledger: Ledger | None
    parcels: Parcels | None

    def close(self) -> None:
        for each in self:
            if each is not None:
                each.close()


def open_kept(settings: Settings, feeds: FeedSettings) -> Kept:
    """Nothing where nothing is polled or registered. Raises Failed where numbers could not be kept."""
    ledger = parcels = None
    if any(app.polling is not None for app in feeds.apps.values()):
        try:
            ledger = Ledger(settings.datadir / LEDGER)
        except (OSError, sqlite3.Error) as error:
            log.warning("pushes count as they are: %s can't be used: %s", settings.datadir / LEDGER, error)
    if registers(feeds):
        try:
            parcels = Parcels(settings.datadir / PARCELS)
        except (OSError, sqlite3.Error) as error:
            raise Failed(f"{settings.datadir / PARCELS} can't be used: {error}", 2) from None
    return Kept(ledger, parcels)


@asynccontextmanager
async def mapper_of(settings: Settings, feeds: FeedSettings, kept: Kept) -> AsyncIterator[Mapper]:
    """A mapper that completes thin pushes and takes down tracking numbers, as far as the settings ask for it."""
    book = None if kept.parcels is None else NumberBook(feeds, kept.parcels, Time(wall_ms))
    async with enriching(kept.ledger) as enricher:
        yield Mapper(settings, feeds, enricher, book)
