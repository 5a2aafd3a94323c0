"""Polls of an emulated platform, by a clock that only waiting moves, into a list of events."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaConnectionError

from streams.feeds import apps
from streams.feeds.apps import FeedSettings
from streams.feeds.polling.client import Time
from streams.feeds.polling.clients import Clients, session
from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.poller import ShopPoll
from streams.feeds.polling.polls import polls_of
from streams.feeds.written import Written
from streams.kafka.topics import TopicNames
from tests.feeds.emulated.platform import Clock, Platform


class Notebook(list[Written]):
    """What was written; while `is_away` nothing is taken."""

    is_away = False

    async def write(self, records: Iterable[Written]) -> None:
        if self.is_away:
            raise KafkaConnectionError
        self += records

    def events(self, topic: str = "") -> list[dict[str, Any]]:
        return [json.loads(each.value or b"") for each in self if each.topic != "dead-letters" and topic in each.topic]

    def ids(self) -> list[str]:
        return [event["id"] for event in self.events()]

    def reasons(self) -> list[str]:
        return [dict(each.headers)["reason"].decode() for each in self if each.topic == "dead-letters"]


def settings(folder: Path, platform: Platform, **app: Any) -> FeedSettings:
    """Those of one shop at an emulated platform. `app` is what else its app has."""
    return apps.load(write_settings(folder, platform, **app), {})


def write_settings(
    folder: Path, platform: Platform, push: bool = False, more: dict[str, str] | None = None, **app: Any
) -> Path:
    """The same as a file, with all secrets in files of their own; `more` are credentials that pushes need."""
    of_app, of_shop = (_in_files(folder, each) for each in platform.credentials())
    poll = {"host": platform.host, "shops": {platform.shop: {"credentials": of_shop}}}
    written = {"push": push, "credentials": of_app | (more or {}), "poll": poll, **app}
    file = folder / "feeds.yaml"
    file.write_text(json.dumps({"listen": {"port": 0}, "apps": {platform.source: {"main": written}}}))
    return file


def _in_files(folder: Path, credentials: dict[str, str]) -> dict[str, Any]:
    for name, secret in credentials.items():
        (folder / name).write_text(secret)
    return {name: {"file": name} for name in credentials}


@asynccontextmanager
async def polled(
    feeds: FeedSettings, folder: Path, clock: Clock, written: Notebook
) -> AsyncIterator[dict[str, ShopPoll]]:
    """The polls by their name at the source, of the last shop; as a process that has just started."""
    ledger = Ledger(folder / "polls.sqlite")
    try:
        async with session() as http:
            time = Time(clock.now_ms, clock.pause)
            clients = Clients(http, ledger, time)
            polls = polls_of(feeds, clients, ledger, written, TopicNames("", "shipclock"), time)
            yield {each.name.rpartition("/")[2]: each for each in polls}
    finally:
        ledger.close()
