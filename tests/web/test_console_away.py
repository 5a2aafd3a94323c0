"""The console while its worker is away: it says since when it shows the past, and goes on once there is one again."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.web.api import Api
from tests.web.console import serving
from tests.web.records import alert, standing

SINCE = re.compile(r"^No answer from the worker since \d+ \w+ \d{4}, \d\d:\d\d:\d\d; what you see is of then\.$")


def site(*orders: str) -> Api:
    api = Api()
    api.log.standings(standing(open_alerts=len(orders)))
    api.log.alerts(*(alert(order) for order in orders))
    return api


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """Of which the browser may say that nobody answers."""
    held = await browser.new_context(locale="en-GB", timezone_id="UTC")
    yield await held.new_page()
    await held.close()


async def test_a_banner_says_since_when_nobody_answers_until_somebody_does(page: Page) -> None:
    async with serving(site("1")) as address:
        await page.goto(address)
        await expect(page.locator("#alert-list .alert")).to_have_count(1)
        await expect(page.locator("#banner")).to_be_hidden()
    await expect(page.locator("#banner")).to_have_text(SINCE)
    await expect(page.locator("#connection")).to_have_class("away")
    await expect(page.locator("#clock")).to_contain_text("1 Jan 2026")  # the events' time, by which all is counted down
    await expect(page.locator("#alert-list .alert")).to_have_count(1)
    assert await page.locator("#banner").get_attribute("role") == "alert"
    async with serving(site("1", "2"), int(address.rstrip("/").rpartition(":")[2])):
        await expect(page.locator("#banner")).to_be_hidden()
        await expect(page.locator("#alert-count")).to_have_text("2")


async def test_its_clock_stands_still_meanwhile(page: Page) -> None:
    clock = page.locator("#clock")
    about = {"version": "0", "clock": "wall", "at": None, "kafka_away_since": None, "person": None, "role": "act"}
    await page.route("**/api/about", lambda route: route.fulfill(json=about))
    async with serving(site("1")) as address:
        await page.goto(address)
        await expect(page.locator("#alert-list .alert")).to_have_count(1)
        await expect(clock).not_to_have_text(await clock.inner_text())
    await expect(page.locator("#banner")).to_be_visible()
    shown = await clock.inner_text()
    ticks = "new Promise((done) => setTimeout(() => done(document.querySelector('#clock').textContent), 2100))"
    assert await page.evaluate(ticks) == shown


async def test_a_worker_that_keeps_the_line_open_and_says_nothing_is_away(page: Page) -> None:
    await page.clock.install()
    async with serving(site("1")) as address:
        await page.goto(address)
        await expect(page.locator("#alert-list .alert")).to_have_count(1)
        await page.clock.pause_at(await page.evaluate("Date.now()") + 60_000)  # a sign of life comes every 15 s
        await expect(page.locator("#banner")).to_have_text(SINCE)


async def test_the_banner_speaks_chinese(browser: Browser) -> None:
    held = await browser.new_context(locale="zh-CN", timezone_id="UTC")
    page = await held.new_page()
    async with serving(site("1")) as address:
        await page.goto(address)
        await expect(page.locator("#alert-list .alert")).to_have_count(1)
    await expect(page.locator("#banner")).to_contain_text("工作进程无响应，所示为当时的数据")
    await held.close()
