"""`python -m tests.ops.pictures.demo`: pictures of the demo's board and of its console, after a minute of it."""

import asyncio
import io
from types import TracebackType
from typing import Self

from playwright.async_api import async_playwright

from streams import pack_files
from streams.demo import show
from streams.terminal.board import Board
from tests.ops.pictures.board import board_svg
from tests.ops.support import ROOT, program
from tests.support.browser import QUIET

SPEED = 21_600.0
AFTER_S = 60.0
PICTURES = ROOT / "deploy" / "pictures"
WINDOW = {"width": 1400, "height": 860}


class Kept:
    """A view that shows nothing, and keeps the newest board."""

    board: Board

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def update(self, board: Board) -> None:
        self.board = board


async def main() -> None:
    view = Kept()
    show.choose_view = lambda out: view  # type: ignore[assignment, return-value]
    running = asyncio.create_task(show.run(pack_files.load(()), speed=SPEED, seconds=None, seed=1, out=io.StringIO()))
    await asyncio.wait([running], timeout=AFTER_S)
    (PICTURES / "demo.svg").write_text(board_svg(view.board))
    await photograph(view.board.console)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def photograph(address: str) -> None:
    """The console with the worst shop opened."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program("chromium"), args=list(QUIET))
        page = await browser.new_page(viewport=WINDOW, color_scheme="dark", locale="en-GB", timezone_id="UTC")
        await page.goto(address)
        await page.locator("#shop-list .shop").first.locator("summary").click()
        await page.locator("#alert-list .alert").first.wait_for()
        await page.locator("#due-list .due").first.wait_for()
        await page.mouse.move(0, 0)
        await page.screenshot(path=PICTURES / "console.png")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
