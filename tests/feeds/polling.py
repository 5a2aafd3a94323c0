"""Polls of an emulated platform, by a clock that only waiting moves, into a list of events."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaConnectionError

from streams.feeds import apps
from streams.feeds.apps import FeedSettings
from streams.feeds.mapper import Written
from streams.feeds.polling.client import Time
from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.poller import ShopPoll
from streams.feeds.polling.polls import polls_of, session
from streams.topics import TopicNames
from tests.feeds.emulated.platform import Clock


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


def settings(folder: Path, text: str, **secrets: str) -> FeedSettings:
    """Those of a file; `secrets` are files beside it."""
    for name, secret in secrets.items():
        (folder / name).write_text(secret)
    file = folder / "feeds.yaml"
    file.write_text(text)
    return apps.load(file, {})


@asynccontextmanager
async def polled(
    feeds: FeedSettings, folder: Path, clock: Clock, written: Notebook
) -> AsyncIterator[dict[str, ShopPoll]]:
    """The polls by their name at the source, of the last shop; as a process that has just started."""
    ledger = Ledger(folder / "polls.sqlite")
    try:
        async with session() as http:
            time = Time(clock.now_ms, clock.pause)
            polls = polls_of(feeds, http, ledger, written, TopicNames("", "shipclock"), time)
            yield {each.name.rpartition("/")[2]: each for each in polls}
    finally:
        ledger.close()
