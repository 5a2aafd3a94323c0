"""The site over views made by hand, and a client that asks it without a socket."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import date
from typing import Any, cast

import httpx
import pytest
from msgspec import Raw

from rules.messages.daily_values import DailyValues
from streams.questions.messages import Answer, Question, WholeList, WhoseNumber
from streams.questions.service import QuestionService
from streams.resending.letters import Letter, Newest
from streams.views.acks import Ack, Kind, ack_key, encode
from streams.views.alerts import Held
from streams.views.point_caps import caps_of
from streams.views.shops import ShopKey
from streams.views.view import View
from streams.views.writer import Writer
from streams.warehouses import Entry, Warehouses
from streams.web.ack_api import AckApi
from streams.web.asgi import site
from streams.web.due_api import DueApi
from streams.web.group_api import GroupApi
from streams.web.health import HealthApi
from streams.web.letters_api import LettersApi
from streams.web.morning_api import MorningApi
from streams.web.order_api import OrderApi
from streams.web.query_api import QueryApi
from streams.web.rules_api import RulesApi
from streams.web.schemas import Health
from streams.web.sse import Events
from streams.web.tokens import NO_TOKENS, Tokens
from streams.web.trends_api import TrendsApi
from streams.web.whole_lists import WholeLists
from streams.web.yesterday_api import YesterdayApi
from tests.rules.history import every_pack
from tests.runtime.support import PARTITIONS, START_MS
from tests.web.records import NAMES, Log

WAREHOUSES = Warehouses((Entry("berlin", sku_prefix="DE-"), Entry("north", shop="s17")))


class Pen:
    """Writes acks and mutes straight into the log."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def write_all(self, kind: Kind, acks: Iterable[tuple[Held, Ack | None]]) -> None:
        for held, ack in acks:
            self._log.ack(ack_key(kind, held.id), None if ack is None else encode(ack))


class Others:
    """The question service of workers that know no order, but the whole lists they are given; None doesn't answer."""

    def __init__(self) -> None:
        self.lists: dict[tuple[str, str, bool], bytes | None] = {}
        self.asked: list[Question] = []
        self.slow: asyncio.Event | None = None

    async def ask(self, platform: str, shop: str, question: Question) -> Answer:
        self.asked.append(question)
        if not isinstance(question, WholeList):
            return Answer(404, problem="no such order is known")
        if self.slow is not None:
            await self.slow.wait()
        body = self.lists.get((platform, shop, question.for_carrier))
        return Answer(503) if body is None else Answer(200, Raw(body))

    async def ask_all(self, question: WhoseNumber) -> list[Answer]:
        return [Answer(200, Raw(b'{"found":[],"complete":true}'))]


class Api:
    """The site over a log of records, and a client that asks it without a socket."""

    def __init__(self, tokens: Tokens = NO_TOKENS) -> None:
        self.log = Log(View(NAMES, PARTITIONS, lambda: START_MS, caps_of(every_pack())))
        self.health = Health(worker=True, views=True)
        self.away_since_ms: int | None = None
        self.letters: list[Letter] | Exception | asyncio.Event = []
        self.letters_read = 0
        self.days: list[DailyValues] | Exception = []
        self.days_read: list[tuple[ShopKey, date]] = []
        self.others = Others()
        self.all_days_read = 0
        view, pen = self.log.view, cast(Writer, Pen(self.log))
        always = [HealthApi(lambda: self.health), RulesApi(every_pack()), LettersApi(self.read_letters)]
        once_ready = [
            Events(view, most=2),
            AckApi(view, pen),
            GroupApi(view, pen),
            QueryApi(view, "event", lambda: self.away_since_ms),
            DueApi(view, WholeLists(self.others, PARTITIONS), WAREHOUSES),
            MorningApi(view, "event"),
            OrderApi(view, cast(QuestionService, self.others), WAREHOUSES),
            TrendsApi(view, self.read_days),
            YesterdayApi(view, self.read_all_days, {"joom.kept"}),
        ]
        self.asgi = site(always, once_ready, is_ready=lambda: self.health.views, tokens=tokens)
        transport = httpx.ASGITransport(app=self.asgi, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://localhost")

    async def read_letters(self, most: int) -> Newest:
        self.letters_read += 1
        if isinstance(self.letters, Exception):
            raise self.letters
        if isinstance(self.letters, asyncio.Event):
            await self.letters.wait()
            return Newest([], 0)
        return Newest(self.letters[:most], len(self.letters))

    async def read_days(self, shop: ShopKey, since: date) -> AsyncIterator[DailyValues]:
        self.days_read.append((shop, since))
        if isinstance(self.days, Exception):
            raise self.days
        for each in self.days:
            if (each.platform, each.shop) == shop and each.day >= since.isoformat():
                yield each

    async def read_all_days(self, since: date) -> AsyncIterator[DailyValues]:
        self.all_days_read += 1
        if isinstance(self.days, Exception):
            raise self.days
        for each in self.days:
            if each.day >= since.isoformat():
                yield each

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def problem(self, path: str, method: str = "GET", **others: Any) -> tuple[int, str]:
        answer = await self.client.request(method, path, **others)
        assert answer.headers["content-type"] == "application/problem+json"
        reply = answer.json()
        assert reply["status"] == answer.status_code
        return answer.status_code, reply["detail"]

    async def pages(self, path: str) -> list[list[Any]]:
        """All of a list, page by page."""
        found, following = [], path
        while following:
            page = await self.get(following)
            found.append(page["items"])
            following = page["next"]
        return found


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    made = Api()
    async with made.client:
        yield made
