"""A worker with the shop in trouble that tests of the console look at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, Route, expect

from tests.web.console import trouble
from tests.web.support import Worker


@pytest.fixture
async def worker(worker: Worker) -> Worker:
    await trouble(worker)
    return worker


async def orders(page: Page) -> list[str]:
    return [text.split()[1] for text in await page.locator("#alert-list .summary").all_inner_texts()]


@asynccontextmanager
async def answered_late(page: Page) -> AsyncIterator[None]:
    """Order 1 is acknowledged, and answered only afterwards, though the line has brought it long before.

    The sheet reads the alert anew once it is answered, if it is still about it."""
    now = asyncio.Event()

    async def answer(route: Route) -> None:
        given = await route.fetch()
        await now.wait()
        await route.fulfill(response=given)

    await page.route("**/acknowledge", answer)
    await page.locator("#alert-list .alert", has_text="Order 1").click()
    await page.locator("#sheet [name=acknowledge]").click()
    await expect(page.locator("#sheet .given")).to_be_visible()
    yield
    async with page.expect_response("**/api/groups?*"):  # which is asked for once the answer is there
        now.set()
