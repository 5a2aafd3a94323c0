"""The console's first screen: what to do first, what costs most, and what has changed since yesterday."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from rules.calendar.instants import HOUR_MS
from streams.kafka.embedded import EmbeddedBroker
from tests.runtime.support import LATE_MS, START_MS, event
from tests.support.npm import npm_package
from tests.web.console import looking, trouble
from tests.web.support import Worker, working
from tests.web.test_console_everywhere import PHONE

LONG = "<img src=x onerror=alert(1)>" + "x" * 100
"""As long as a name may be."""


@pytest.fixture
async def worker(worker: Worker) -> Worker:
    await trouble(worker)
    return worker


def task(page: Page) -> Any:
    return page.locator("#task-list li").first


async def test_it_says_what_to_do_what_costs_and_what_has_changed(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await expect(task(page).locator(".asked")).to_contain_text("Warehouse ship first")
        await expect(task(page).locator(".about")).to_contain_text("s17")
        await expect(page.locator("#cost-list li")).to_have_count(1)
        await expect(page.locator("#cost-list .counts")).to_have_text("◆1▲1")
        await expect(page.locator("#change-total")).to_have_text("2 opened")
        await expect(page.locator("#change-list .figures")).to_have_text("2 opened")


async def test_a_thing_to_do_leads_to_its_shops_list_and_back(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await expect(task(page).locator(".about")).to_contain_text("2 orders wait")
        await task(page).locator("a").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".picks tbody tr")).to_have_count(2)
        await expect(page.locator(".picks .only-shop")).to_have_text("joom/s17 ✕")
        await page.locator(".picks .only-shop").click()
        await expect(page.locator(".picks .only-shop")).to_have_count(0)
        assert page.url.endswith("#/picks")


async def test_what_has_changed_leads_to_the_group(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await page.locator("#change-list a").first.click()
        await expect(page.locator("#only-shop")).to_be_visible()
        await expect(page.locator("#alert-list .group")).to_have_count(1)
        await expect(page.locator("#search")).to_have_value("late.ship")


async def test_it_follows_what_changes(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await expect(page.locator("#task-list li")).to_have_count(1)
        at = START_MS + LATE_MS + 1
        await worker.send(event("order.shipped", at, "1"), event("order.shipped", at, "2"))
        await worker.tick(at)
        await expect(page.locator("#task-list li")).to_have_count(0)
        empty = page.locator("#task-list + footer .empty")
        await expect(empty).to_have_text("Nothing to do: no shop that is watched is in trouble.")
        await expect(page.locator("#change-total")).to_have_text("1 opened · 2 resolved")


async def test_nothing_yet_is_told_from_nothing_wrong(browser: Browser, broker: EmbeddedBroker, tmp_path: Path) -> None:
    async with working(broker.bootstrap, tmp_path / "empty") as worker, looking(browser, worker) as page:
        for name in ("task", "cost", "change"):
            empty = page.locator(f"#{name}-list + footer .empty")
            await expect(empty).to_contain_text("No event has come yet")


async def test_markup_and_long_names_are_shown_as_they_are(browser: Browser, worker: Worker) -> None:
    await worker.send(event("order.placed", START_MS, LONG, shop=LONG, id="long"))
    await worker.tick(START_MS + LATE_MS + HOUR_MS)
    await worker.listed("/api/alerts?state=open", lambda items: any(each["shop"] == LONG for each in items))
    for options in ({}, PHONE):
        async with looking(browser, worker, **options) as page:
            await expect(page.locator("#task-list", has_text=LONG).first).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            wider = (
                "[...document.querySelectorAll('.today .scroll')].some((each) => each.scrollWidth > each.clientWidth)"
            )
            assert not await page.evaluate(wider)


async def test_a_shop_stands_as_badly_on_every_list(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        shop = page.locator("#shop-list .shop", has_text="s17")
        await expect(shop).to_have_class("shop warning")
        await expect(page.locator("#cost-list li")).to_have_class("cost warning")


async def test_on_a_phone_it_is_the_first_tab(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker, **PHONE) as page:
        await expect(task(page)).to_be_in_viewport()
        await expect(page.locator("[data-tab-of=today]")).to_have_attribute("aria-current", "true")
        await expect(page.locator("#shop-list")).to_be_hidden()


async def test_it_speaks_chinese(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker, locale="zh-CN") as page:
        await expect(page.locator("#tasks-title")).to_have_text("首要事项")
        await expect(task(page).locator(".asked")).to_contain_text("仓库 优先发货")
        await expect(page.locator("#change-total")).to_have_text("新增 2 条")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [{}, PHONE], ids=["wide", "phone"])
async def test_it_is_readable_by_everyone(
    browser: Browser, worker: Worker, scheme: str, options: dict[str, Any]
) -> None:
    axe = (npm_package("axe-core", "4.14.1") / "axe.min.js").read_text()
    async with looking(browser, worker, color_scheme=scheme, reduced_motion="reduce", **options) as page:
        await expect(task(page)).to_be_visible()
        await page.evaluate(axe)
        found = (await page.evaluate("axe.run()"))["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []
