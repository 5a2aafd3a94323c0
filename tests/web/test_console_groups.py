"""Groups of alerts in the console: opened, acknowledged, sorted and filtered; and lists with nothing in them."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from rules.calendar.instants import DAY_MS, HOUR_MS, rfc3339
from streams.kafka.embedded import EmbeddedBroker
from tests.runtime.support import LATE_MS, START_MS, event, until
from tests.web.console import live, looking, trouble
from tests.web.support import Worker, working


@pytest.fixture
async def worker(worker: Worker) -> Worker:
    await trouble(worker)
    return worker


def group(page: Page) -> Any:
    return page.locator("#alert-list .group").first


async def test_a_group_opens_to_its_alerts_and_is_acknowledged_from_the_keyboard(
    browser: Browser, worker: Worker
) -> None:
    async with looking(browser, worker) as page:
        await expect(group(page).locator(".counts")).to_have_text("◆1▲1")
        await page.keyboard.press("j")
        await expect(group(page).locator(".grouphead")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(group(page).locator(".alert")).to_have_count(2)
        await expect(group(page).locator(".grouphead")).to_be_focused()
        await page.keyboard.press("a")
        sheet = page.locator("#sheet")
        await expect(sheet.locator("[name=acknowledge]")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(sheet).to_be_hidden()
        await expect(group(page).locator(".alert .chip.acknowledged")).to_have_count(2)
        await expect(group(page).locator(".grouphead .chip.acknowledged")).to_have_text("2 acknowledged")
        await group(page).locator("[name=say]").click()
        await sheet.locator("[name=lift-acknowledge]").click()
        await expect(group(page).locator(".chip.acknowledged")).to_have_count(0)
        await group(page).locator(".grouphead").click()
        await expect(group(page).locator(".alert")).to_have_count(0)


async def test_a_muted_group_leaves_the_list_which_says_why_it_is_empty(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await group(page).locator("[name=say]").click()
        await page.locator("#sheet [name=mute]").click()
        await expect(page.locator(".panel.alerts .empty")).to_have_text("Nothing else is open: 2 alerts are muted.")
        await expect(page.locator("#muted-count")).to_have_text("2")
        await page.locator("#show-muted").check()
        await expect(group(page).locator(".grouphead .chip.muted")).to_have_text("2 muted")


async def test_filters_and_order_stand_in_the_address_and_hold_when_it_is_opened(
    browser: Browser, worker: Worker
) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await page.locator("#only-critical").click()
        await page.locator("#sort").select_option("due")
        await page.locator("#search").fill("order 1")
        await page.locator("#platform").select_option("joom")
        await expect(page.locator("#alert-list .alert")).to_have_count(1)
        await until(lambda: "q=order+1" in page.url and "platform=joom" in page.url)
        link = page.url
        assert "#/alerts?" in link and "severity=critical" in link and "sort=due" in link
        await page.goto("about:blank")
        await page.goto(link)
        await expect(page.locator("#only-critical")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("#search")).to_have_value("order 1")
        await expect(page.locator("#sort")).to_have_value("due")
        await expect(page.locator("#alert-list .alert")).to_have_count(1)


async def test_what_is_not_found_is_said_and_search_is_cleared_by_a_button(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await page.locator("#search").fill("zzznothing")
        for panel in ("shops", "alerts", "due"):
            empty = page.locator(f".panel.{panel} .empty")
            await expect(empty).to_have_text("Nothing fits what is searched for and filtered by.")
        await page.locator(".panel.alerts .more").click()
        await expect(page.locator("#alert-list .group")).to_have_count(1)
        await expect(page.locator("#search")).to_have_value("")


async def test_a_shop_without_rules_and_a_silent_one_have_no_tick(browser: Browser, worker: Worker) -> None:
    standing = await worker.get("/api/shops/joom/calm")
    at = START_MS + LATE_MS
    found = [
        standing | {"shop": "typo", "watched": False},
        standing
        | {"shop": "gone", "at": rfc3339(at), "heard_at": rfc3339(at - 5 * DAY_MS), "silent_at": rfc3339(at - DAY_MS)},
    ]
    async with looking(browser, worker) as page:
        await live(page)
        take = "async (standings) => standings.forEach((await import('/console/store.js')).takeShop)"
        await page.evaluate(take, found)
        await worker.send(event("order.placed", at, "9", shop="calm"))
        typo, gone = (page.locator("#shop-list .shop", has_text=name) for name in ("typo", "gone"))
        await expect(typo).to_have_class("shop unwatched")
        await expect(typo.locator("summary .mark")).to_have_text("○")
        await expect(typo.locator(".chip")).to_have_text("not watched")
        await expect(gone.locator("summary .mark")).to_have_text("○")
        await expect(gone.locator(".chip")).to_contain_text("no news since 30 Dec")
        await expect(page.locator("#shop-list .shop", has_text="calm").locator("summary .mark")).to_have_text("✓")


async def test_a_kafka_that_does_not_answer_is_said_and_since_when(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        about = await worker.get("/api/about")
        away = about | {"kafka_away_since": "2026-01-04T07:08:09Z"}
        await page.route("**/api/about", lambda route: route.fulfill(json=away))
        banner = page.locator("#banner")
        await expect(banner).to_contain_text("Kafka has not answered the worker since 4 Jan 2026, 07:08:09")
        await page.unroute("**/api/about")
        await expect(banner).to_be_hidden()


async def test_nothing_yet_is_told_from_nothing_wrong(browser: Browser, broker: EmbeddedBroker, tmp_path: Path) -> None:
    async with working(broker.bootstrap, tmp_path / "empty") as worker, looking(browser, worker) as page:
        for panel in ("shops", "alerts", "due"):
            empty = page.locator(f".panel.{panel} .empty").first
            await expect(empty).to_contain_text("No event has come yet")
        await worker.send(event("order.placed", START_MS, "3", shop="calm"))
        await worker.send(event("order.shipped", START_MS + HOUR_MS, "3", shop="calm"))
        await worker.tick(START_MS + 2 * HOUR_MS)
        await expect(page.locator(".panel.alerts .empty")).to_contain_text("Nothing is open")
        await expect(page.locator(".panel.due .empty")).to_contain_text("Nothing waits to be shipped.")
