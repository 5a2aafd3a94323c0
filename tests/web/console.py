"""What the console's tests share: a browser, a worker in trouble, and somebody who looks at its console."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, expect

from rules.calendar.instants import HOUR_MS
from streams.web.connections import limits
from streams.web.server import Server, address_of, listen
from tests.runtime.support import LATE_MS, LONG_S, START_MS, event
from tests.web.api import Api
from tests.web.support import Worker

expect.set_options(timeout=LONG_S * 1000)


async def trouble(worker: Worker) -> None:
    """Order 1 of joom/s17 is late, order 2 will be within the hour, and joom/calm has nothing to fear."""
    await worker.send(
        event("order.placed", START_MS, "1"),
        event("order.placed", START_MS + HOUR_MS, "2"),
        event("order.placed", START_MS, "3", shop="calm"),
        event("order.shipped", START_MS + HOUR_MS, "3", shop="calm"),
    )
    await worker.tick(START_MS + LATE_MS)
    await worker.listed("/api/alerts?state=open", lambda items: len(items) == 2)
    await worker.listed("/api/shops", lambda items: [each["open_alerts"] for each in items] == [0, 2])


@asynccontextmanager
async def serving(api: Api, port: int = 0) -> AsyncIterator[str]:
    """The address at which a site over records is served."""
    listening = listen("127.0.0.1", port)
    server = Server(api.asgi, limits())
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield address_of(listening)
    finally:
        api.log.view.feed.close()
        server.should_exit = True
        await running


def looking(browser: Browser, worker: Worker, **context: Any) -> AbstractAsyncContextManager[Page]:
    """A worker's console."""
    return looking_at(browser, worker.web.address, **context)


@asynccontextmanager
async def looking_at(browser: Browser, address: str, **context: Any) -> AsyncIterator[Page]:
    """The console once it is live. Nothing may fail in it but what says so with 401 or 503, and it may ask nobody but
    its worker."""
    wrong: list[str] = []
    options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "timezone_id": "UTC"} | context
    held = await browser.new_context(**options)
    held.set_default_timeout(LONG_S * 1000)
    page = await held.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda message: wrong.append(f"{message.text} {message.location}") if message.type == "error" else None,
    )
    page.on("request", lambda asked: None if asked.url.startswith(address) else wrong.append(asked.url))
    await page.goto(address)
    try:
        yield page
        unexpected = [each for each in wrong if "401" not in each and "503" not in each]
        assert not unexpected, unexpected
    finally:
        await held.close()


async def live(page: Page) -> None:
    """Once it is live, with all groups of alerts open."""
    await expect(page.locator("#connection")).to_have_class("live")
    await expect(page.locator("#alert-list > *").first).to_be_visible()
    await page.evaluate(
        """() => document.querySelectorAll(".grouphead[aria-expanded=false]").forEach((each) => each.click())"""
    )
    await expect(page.locator("#alert-list .alert").first).to_be_visible()
