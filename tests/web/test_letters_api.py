"""Dead letters over HTTP and in the console."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from playwright.async_api import Browser, expect

from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import BadTopicsError
from streams.resending.letters import Letter, Place
from streams.web import letters_api
from tests.support.kafka import produce
from tests.web.api import Api
from tests.web.console import live, looking, trouble
from tests.web.support import working


@pytest.fixture
def api() -> Api:
    return Api()


def letter(number: int, **message: str) -> Letter:
    return Letter(Place(2, number), 1_767_225_600_000, b"joom/s17", None, [], message)


async def test_dead_letters_are_shown_with_where_they_came_from_and_why(api: Api) -> None:
    headers = {"topic": "orders", "partition": "2", "offset": "7", "reason": "JSON is malformed"}
    api.letters = [letter(n, **headers, kept="true") for n in range(150)]
    answer = await api.get("/api/dead-letters")
    assert (len(answer["items"]), answer["next"], answer["total"]) == (100, None, 150)
    assert answer["items"][0] == {
        "place": "2-0",
        "at": "2026-01-01T00:00:00Z",
        "origin": "orders-2-7",
        "key": "joom/s17",
        "reason": "JSON is malformed",
        "kept": True,
    }


async def test_however_many_ask_for_dead_letters_they_are_read_once(api: Api) -> None:
    await asyncio.gather(*(api.get("/api/dead-letters") for _ in range(5)))
    assert api.letters_read == 1


async def test_letters_that_cannot_be_read_are_asked_for_once_however_many_ask(api: Api) -> None:
    api.letters = BadTopicsError("no Kafka broker answers")
    asked = [api.problem("/api/dead-letters") for _ in range(5)]
    assert await asyncio.gather(*asked) == [(503, "no Kafka broker answers")] * 5
    assert api.letters_read == 1


async def test_reading_that_never_ends_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters_api, "READ_S", 0.01)
    api.letters = asyncio.Event()
    assert await api.problem("/api/dead-letters") == (503, "dead-letters can't be read: TimeoutError")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TopicAuthorizationFailedError(), "this user lacks READ on dead-letters; see deploy/docs/kafka-acls.md"),
        (BadTopicsError("no Kafka broker answers"), "no Kafka broker answers"),
        (KafkaConnectionError(), "dead-letters can't be read: KafkaConnectionError"),
    ],
)
async def test_dead_letters_that_cannot_be_read_are_told_so(api: Api, error: Exception, message: str) -> None:
    api.letters = error
    assert await api.problem("/api/dead-letters") == (503, message)


@pytest.mark.slow
async def test_the_console_says_how_many_could_not_be_read_and_shows_why(
    browser: Browser, broker: EmbeddedBroker, tmp_path: Path
) -> None:
    async with working(broker.bootstrap, tmp_path) as worker:
        await trouble(worker)
        async with looking(browser, worker) as page:
            await live(page)
            await expect(page.locator("#letters")).to_be_hidden()
        await produce(broker.bootstrap, [("orders", b"joom/s17", b"<b>no event</b>")])
        await worker.listed("/api/dead-letters")
        async with looking(browser, worker) as page:
            await page.locator("#letters").click()
            await expect(page.locator("#letter-list li")).to_contain_text("JSON is malformed")
            await expect(page.locator("#letter-list li")).to_contain_text("joom/s17")
            await page.keyboard.press("Escape")
            await expect(page.locator("#letter-list")).to_be_hidden()
