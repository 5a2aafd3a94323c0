"""`python -m tests.ops.pictures.demo`: pictures of the demo's board and of its console, after a minute of it."""

import asyncio
import io
import re
from time import monotonic
from types import TracebackType
from typing import Self

import httpx
from playwright.async_api import async_playwright

from streams import pack_files
from streams.demo import pace, show
from streams.terminal.board import Board
from tests.ops.pictures.board import board_svg
from tests.ops.support import ROOT, program
from tests.support.browser import QUIET

SPEED = 21_600.0
AFTER_S = 45.0
PICTURES = ROOT / "deploy" / "pictures"
WINDOW = {"width": 1400, "height": 900}
PHONE = {"width": 390, "height": 844}
TALL = {"width": 1400, "height": 1900}
WAIT_MS = 240_000
SETTLE_S = 3.0
"""How long the console may take to draw what the last standings say."""

SAME_S = 8.0
"""Standings that stayed the same for so long, and the lists in them, are of when the time stopped."""


class Kept:
    """A view that shows nothing, and keeps the newest board."""

    board: Board

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def update(self, board: Board) -> None:
        self.board = board


def stop_the_time_after(seconds: float) -> None:
    """The demo's time stands still from then on, so that its pages can be looked at however slow the machine is."""
    end_s = monotonic() + seconds
    pace.monotonic = lambda: min(monotonic(), end_s)  # type: ignore[assignment]


async def standings_settled(address: str) -> None:
    """Once the standings of all shops have caught up with the time that stands still."""
    async with httpx.AsyncClient(base_url=address, timeout=WAIT_MS / 1000) as client, asyncio.timeout(WAIT_MS / 1000):
        before = None
        while (now := (await client.get("/api/shops?limit=500")).content) != before:
            before = now
            await asyncio.sleep(SAME_S)


async def main() -> None:
    view = Kept()
    stop_the_time_after(AFTER_S)
    show.choose_view = lambda out: view  # type: ignore[assignment, return-value]
    running = asyncio.create_task(show.run(pack_files.load(()), speed=SPEED, seconds=None, seed=1, out=io.StringIO()))
    await asyncio.wait([running], timeout=AFTER_S)
    (PICTURES / "demo.svg").write_text(board_svg(view.board))
    await standings_settled(view.board.console)
    await photograph(view.board.console)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def photograph(address: str) -> None:
    """The console with the worst shop and a group of alerts opened, its Today panel and a shop's trends, and its alerts
    on a phone."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program("chromium"), args=list(QUIET))
        page = await browser.new_page(viewport=WINDOW, color_scheme="dark", locale="en-GB", timezone_id="UTC")
        page.set_default_timeout(WAIT_MS)
        await page.goto(address)
        await page.locator("#shop-list .shop").first.locator("summary").click()
        await page.locator("#alert-list .grouphead").first.click()
        await page.locator("#alert-list .group .alert").first.wait_for()
        await page.locator("#moved-list .chart").first.wait_for()
        await asyncio.sleep(SETTLE_S)
        await page.mouse.move(0, 0)
        await page.screenshot(path=PICTURES / "console.png")
        tall = await browser.new_page(viewport=TALL, color_scheme="light", locale="en-GB", timezone_id="UTC")
        tall.set_default_timeout(WAIT_MS)
        await tall.goto(address)
        await tall.locator("#moved-list .chart").first.wait_for()
        shop = tall.locator("#shop-list .shop.critical").first
        await shop.locator("summary").click()
        await shop.locator(".trends .chart").first.wait_for()
        await asyncio.sleep(SETTLE_S)
        await tall.mouse.move(0, 0)
        await tall.locator(".panel.today").screenshot(path=PICTURES / "today.png")
        await shop.screenshot(path=PICTURES / "trends.png")
        phone = await browser.new_page(viewport=PHONE, is_mobile=True, locale="en-GB", timezone_id="UTC")
        phone.set_default_timeout(WAIT_MS)
        await phone.goto(address)
        await phone.locator("[data-tab-of=alerts]").click()
        await phone.locator("#alert-list .group").first.wait_for()
        await phone.locator("#only-critical", has_text=re.compile(r"\d")).wait_for()
        await phone.screenshot(path=PICTURES / "console-phone.png")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
