"""The console on all that it is looked at with, and who may look."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from streams.kafka.embedded import EmbeddedBroker
from tests.runtime.support import LATE_MS, START_MS, event
from tests.support.npm import npm_package
from tests.web.console import live, looking, trouble
from tests.web.support import Worker, working

pytestmark = pytest.mark.slow  # each starts a worker and a browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TOKEN = "correct-horse-battery"


@pytest.fixture
async def worker(worker: Worker) -> Worker:
    await trouble(worker)
    return worker


# -- on what it is looked at ---------------------------------------------------------------------------------


async def test_it_fits_a_phone(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker, **PHONE) as page:
        await expect(page.locator("#connection")).to_have_class("live")
        for tab, shown in (("alerts", "#alert-list .group"), ("due", "#due-list .due"), ("shops", "#shop-list .shop")):
            await page.locator(f"[data-tab-of={tab}]").tap()
            await expect(page.locator(shown).first).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
        await page.locator("[data-tab-of=alerts]").tap()
        await page.locator("#alert-list .grouphead").tap()
        await page.locator("#alert-list .alert").first.tap()
        await expect(page.locator("#sheet [name=mute]")).to_be_in_viewport()
        assert await page.evaluate("document.querySelector('#sheet').scrollWidth <= innerWidth")


async def test_it_speaks_chinese_to_who_does_and_remembers_what_was_chosen(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker, locale="zh-CN") as page:
        await live(page)
        await expect(page.locator("#shops-title")).to_have_text("风险店铺")
        await expect(page.locator("#due-list .countdown").nth(1)).to_have_text("剩 1小时00分")
        await page.locator("#alert-list .alert").first.click()
        await expect(page.locator("#sheet")).to_contain_text("变更记录")
        await expect(page.locator("#sheet")).to_contain_text("优先发货")
        await page.keyboard.press("Escape")
        await page.locator("#language").click()
        await expect(page.locator("#shops-title")).to_have_text("Shops at risk")
        await page.reload()
        await expect(page.locator("#shops-title")).to_have_text("Shops at risk")
        assert await page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_is_readable_by_everyone_light_and_dark(browser: Browser, worker: Worker, scheme: str) -> None:
    axe = (npm_package("axe-core", "4.14.1") / "axe.min.js").read_text()
    async with looking(browser, worker, color_scheme=scheme, reduced_motion="reduce") as page:
        await live(page)
        await page.evaluate(axe)
        for opened in (False, True):
            if opened:
                await page.locator("#alert-list .alert").first.click()
                await expect(page.locator("#sheet .trail")).to_be_visible()
            found = (await page.evaluate("axe.run()"))["violations"]
            assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []


# -- who may look --------------------------------------------------------------------------------------------


async def test_it_asks_for_the_token_and_forgets_it_with_the_tab(
    browser: Browser, broker: EmbeddedBroker, tmp_path: Path
) -> None:
    async with working(broker.bootstrap, tmp_path, token=TOKEN) as worker:
        await trouble(worker)
        async with looking(browser, worker) as page:
            await expect(page.locator("#token-wrong")).to_be_hidden()
            await page.locator("#token-value").fill("not-the-right-token")
            await page.keyboard.press("Enter")
            await expect(page.locator("#token-value")).to_have_value("")
            await expect(page.locator("#token-wrong")).to_have_text("That token is wrong.")
            await page.locator("#token-value").fill(TOKEN)
            await page.keyboard.press("Enter")
            await live(page)
            await page.reload()
            await live(page)
            assert await page.evaluate("JSON.stringify(localStorage)") != ""
            assert TOKEN not in await page.evaluate("JSON.stringify(localStorage) + document.cookie + location")


async def test_a_broken_line_is_said_and_mended(browser: Browser, broker: EmbeddedBroker, tmp_path: Path) -> None:
    async with working(broker.bootstrap, tmp_path / "one") as first:
        await trouble(first)
        port = int(first.web.address.rstrip("/").rpartition(":")[2])
        held = await browser.new_context(locale="en-GB")
        page = await held.new_page()
        await page.goto(first.web.address)
        await live(page)
    await expect(page.locator("#connection")).to_have_class("away")
    async with working(broker.bootstrap, tmp_path / "two", port=port) as second:
        await live(page)
        await second.send(event("order.shipped", START_MS + LATE_MS, "1"))
        await second.tick(START_MS + LATE_MS + 1)
        await expect(page.locator("#alert-list .alert")).to_have_count(1)
    await held.close()
