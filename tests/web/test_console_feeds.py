"""What the console shows of shops' feeds."""

from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from rules.calendar.instants import HOUR_MS, rfc3339
from streams.clock import wall_ms
from streams.views.feed_health import FeedHealth, encode
from tests.support.kafka import produce
from tests.web.console import live, looking, trouble
from tests.web.support import Worker
from tests.web.test_console_everywhere import PHONE


def health(shop: str, by: Any, heard_h: float | None, late_h: float, silent_h: float) -> FeedHealth:
    """Of joom; hours ago, or ahead where they are below 0."""
    heard_at, late_at, silent_at = (
        None if hours is None else rfc3339(wall_ms() - round(hours * HOUR_MS)) for hours in (heard_h, late_h, silent_h)
    )
    assert late_at is not None and silent_at is not None
    return FeedHealth(
        platform="joom",
        shop=shop,
        source="joom",
        app="main",
        by=by,
        heard_at=heard_at,
        late_at=late_at,
        silent_at=silent_at,
    )


HEALTHY = health("calm", "poll", 0.1, -1, -2)
SILENT = health("calm", "poll", 9, 6, 3)


@pytest.fixture
async def worker(worker: Worker) -> Worker:
    await trouble(worker)
    return worker


async def write_health(worker: Worker, *feeds: FeedHealth) -> None:
    await produce(worker.bootstrap, [(worker.app.names.feed_health, each.key(), encode(each)) for each in feeds])


def calm(page: Page) -> Locator:
    return page.locator("#shop-list .shop", has_text="calm")


async def test_a_silent_shop_loses_its_tick_at_once_and_a_healthy_one_has_it_back(
    browser: Browser, worker: Worker
) -> None:
    await write_health(worker, HEALTHY)
    async with looking(browser, worker) as page:
        await live(page)
        await expect(calm(page).locator("summary .mark")).to_have_text("✓")
        await expect(calm(page).locator(".chips .chip")).to_have_count(0)
        await write_health(worker, SILENT)
        await expect(calm(page)).to_have_class("shop warning")
        await expect(calm(page).locator("summary .mark")).to_have_text("▲")
        await expect(calm(page).locator(".chip")).to_contain_text("feed silent since")
        await write_health(worker, HEALTHY, health("calm", "push", 9, 6, 3))
        await expect(calm(page)).to_have_class("shop info")
        await expect(calm(page).locator(".chip")).to_contain_text("feed late since")
        await calm(page).locator("summary").press("Enter")
        rows = calm(page).locator(".row.feed")
        await expect(rows.nth(0)).to_contain_text("joom, polled (main)")
        await expect(rows.nth(0)).to_contain_text("✓ healthy")
        await expect(rows.nth(0)).to_contain_text("last read")
        await expect(rows.nth(1)).to_contain_text("▲ silent")


async def test_time_alone_makes_a_feed_late_and_silent(browser: Browser, worker: Worker) -> None:
    await write_health(worker, HEALTHY)
    await worker.listed("/api/shops", lambda items: items[0]["feed"])
    async with looking(browser, worker) as page:
        await live(page)
        state = """async (now) => {
            const store = await import('/console/store.js');
            const shop = store.shops.get("joom/calm");
            return [store.feedOf(shop, now).state, store.feedOf(shop, now).since !== null];
        }"""
        now_ms = wall_ms()
        found = [await page.evaluate(state, now_ms + hours * HOUR_MS) for hours in (0, 1.5, 3)]
        assert found == [["healthy", False], ["late", True], ["silent", True]]


async def test_it_says_so_in_chinese_and_on_a_phone(browser: Browser, worker: Worker) -> None:
    await write_health(worker, SILENT)
    async with looking(browser, worker, locale="zh-CN", **PHONE) as page:
        await page.locator("[data-tab-of=shops]").tap()
        await expect(calm(page).locator(".chip")).to_contain_text("数据中断")
        await calm(page).locator("summary").tap()
        await expect(calm(page).locator(".row.feed")).to_contain_text("joom 轮询（main）")
        await expect(calm(page).locator(".row.feed")).to_contain_text("最近读取")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_shop_that_was_never_heard_of_is_shown_as_silent(browser: Browser, worker: Worker) -> None:
    await write_health(worker, health("ghost", "poll", None, 6, 3))
    async with looking(browser, worker) as page:
        await live(page)
        ghost = page.locator("#shop-list .shop", has_text="ghost")
        await expect(ghost).to_have_class("shop warning")
        await expect(ghost.locator(".chip")).to_have_text("Feed silent")
        await ghost.locator("summary").press("Enter")
        await expect(ghost.locator(".row.feed")).to_contain_text("never heard of")
        await expect(page.locator("#clock")).to_contain_text("4 Jan 2026")


async def test_a_shop_with_a_healthy_feed_and_no_order_so_far_has_no_tick(browser: Browser, worker: Worker) -> None:
    await write_health(worker, health("new", "poll", 0.1, -1, -2))
    async with looking(browser, worker) as page:
        await live(page)
        new = page.locator("#shop-list .shop", has_text="new")
        await expect(new).to_have_class("shop silent")
        await expect(new.locator("summary .mark")).to_have_text("○")
        await expect(new.locator(".chip")).to_have_text("no order yet")
