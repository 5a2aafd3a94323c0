"""Trends in the console: a chart of each ratio and ledger, in words for those who can't see it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from aiokafka.errors import KafkaConnectionError
from msgspec import structs
from playwright.async_api import Browser, Page, Route, expect

from rules.messages.daily_values import AlertsOfDay, DailyValues, PointsOfDay, RatioOfDay
from tests.runtime.support import START_MS
from tests.support.npm import npm_package
from tests.web.api import Api
from tests.web.console import looking_at, serving
from tests.web.records import alert, alert_id, due, standing
from tests.web.test_console_everywhere import PHONE

TODAY = date(2026, 1, 1)
RATIO = "joom.unshipped_ratio"


def of_day(back: int, share: float | None = 0.02, points: float | None = None, **others: Any) -> DailyValues:
    day = TODAY - timedelta(days=back)
    ratio = RatioOfDay(
        value=share,
        threshold=0.05,
        numerator=round(100 * (share or 0)),
        denominator=100,
        first_day="2025-12-03",
        last_day="2026-01-01",
    )
    ledger = PointsOfDay(ledger="points", points=points or 0, limit=12.0)
    made = DailyValues(
        platform="joom",
        shop="s17",
        day=day.isoformat(),
        zone="UTC",
        at=f"{day}T23:59:59.999Z",
        ratios={RATIO: ratio},
        ledgers={} if points is None else {"lazada.points": ledger},
        open_alerts={},
        alerts=AlertsOfDay(),
        exposure=[],
        penalties=[],
    )
    return structs.replace(made, **others)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    made = Api()
    made.log.standings(standing())
    async with made.client:
        yield made


@pytest.fixture
async def address(api: Api) -> AsyncIterator[str]:
    async with serving(api) as found:
        yield found


async def open_shop(page: Page) -> Any:
    """Its trends, once it has been opened."""
    await page.locator("#shop-list .shop summary").first.click()
    return page.locator("#shop-list .trends")


async def no_fault_in(page: Page) -> None:
    """That axe, which it has loaded, finds."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = (await page.evaluate("axe.run()"))["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []


async def test_each_ratio_and_ledger_is_charted_and_told_in_words(browser: Browser, api: Api, address: str) -> None:
    api.days = [of_day(2, 0.01, 1), of_day(1, 0.03, 1), of_day(0, 0.06, 4)]
    async with looking_at(browser, address) as page:
        trends = await open_shop(page)
        charts = trends.get_by_role("img")
        await expect(charts).to_have_count(2)
        label = "Not shipped this month: 1% on 30 Dec, 6% on 1 Jan, threshold 5%"
        await expect(charts.first).to_have_attribute("aria-label", label)
        await expect(charts.last).to_have_attribute(
            "aria-label", "Penalty points: 1 point on 30 Dec, 4 points on 1 Jan, threshold 12 points"
        )
        await expect(trends.locator(".figure").first).to_have_text("6% / 5%")
        await expect(charts.first.locator(".threshold")).to_have_count(1)


async def test_a_day_that_was_missed_breaks_the_line(browser: Browser, api: Api, address: str) -> None:
    api.days = [of_day(9), of_day(8), of_day(6), of_day(5, None), of_day(4), of_day(3)]
    async with looking_at(browser, address) as page:
        trends = await open_shop(page)
        await expect(trends.locator(".chart .value")).to_have_count(3)


async def test_a_chart_can_be_focused_and_keeps_the_focus_when_the_shop_changes(
    browser: Browser, api: Api, address: str
) -> None:
    api.days = [of_day(1), of_day(0)]
    async with looking_at(browser, address) as page:
        trends = await open_shop(page)
        await expect(trends.locator(".chart")).to_have_count(1)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await expect(trends.locator(".chart")).to_be_focused()
        api.log.standings(standing(open_alerts=7))
        await expect(page.locator("#shop-list .counts")).to_have_text("7 open")
        await expect(trends.locator(".chart")).to_be_focused()


async def test_no_values_yet_nothing_counted_and_values_that_cannot_be_read_are_told_apart(
    browser: Browser, api: Api, address: str
) -> None:
    api.days = KafkaConnectionError()
    async with looking_at(browser, address) as page:
        trends = await open_shop(page)
        notice = "No trends: daily values can't be read: KafkaConnectionError"
        await expect(trends.locator(".wrong")).to_have_text(notice)
        api.days = []
        await trends.get_by_role("button", name="Try again").click()
        await expect(trends).to_contain_text("No daily values yet")
    empty = of_day(0)
    empty.ratios.clear()
    api.days = [empty]
    async with looking_at(browser, address) as page:
        await expect(await open_shop(page)).to_have_text("None of its rules counts a ratio or points.")


async def test_trends_speak_chinese(browser: Browser, api: Api, address: str) -> None:
    api.days = [of_day(1), of_day(0)]
    async with looking_at(browser, address, locale="zh-CN") as page:
        trends = await open_shop(page)
        label = "当月未发货率：12月31日 为 2%，1月1日 为 2%，阈值 5%"
        await expect(trends.get_by_role("img")).to_have_attribute("aria-label", label)


@pytest.mark.parametrize("options", [{}, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_trends_are_readable_by_everyone(
    browser: Browser, api: Api, address: str, scheme: str, options: dict[str, Any]
) -> None:
    axe = (npm_package("axe-core", "4.14.1") / "axe.min.js").read_text()
    api.days = [of_day(1, 0.02, 3), of_day(0, 0.06, 4)]
    async with looking_at(browser, address, color_scheme=scheme, reduced_motion="reduce", **options) as page:
        await page.evaluate(axe)
        await expect(page.locator("#moved-list .chart")).to_have_count(2)
        await no_fault_in(page)
        if options:
            await page.locator("[data-tab-of=shops]").tap()
        trends = await open_shop(page)
        await expect(trends.locator(".chart")).to_have_count(2)
        await no_fault_in(page)


# -- against yesterday's -------------------------------------------------------------------------------------


async def test_figures_are_compared_with_those_of_yesterday(browser: Browser, api: Api, address: str) -> None:
    usd = [[{"amount": amount, "currency": "USD"}] for amount in ("10.00", "1234.50")]
    api.days = [
        of_day(1, 0.02, exposure=usd[0], open_alerts={"critical": 2}),
        of_day(0, 0.06, exposure=usd[1], open_alerts={"critical": 3, "info": 1}),
    ]
    async with looking_at(browser, address) as page:
        values = page.locator("#yesterday-totals dd")
        await expect(values).to_have_text(["10.00 USD → 1,234.50 USDworse", "◆2 → 3 worse●0 → 1 worse"])
        moved = page.locator("#moved-list li")
        await expect(moved).to_have_count(1)
        await expect(moved.locator(".figures")).to_have_text("2% → 6% / 5%")
        await expect(moved.locator(".chip")).to_have_text("crossed its threshold")
        label = "Not shipped this month: 2% on 31 Dec, 6% on 1 Jan, threshold 5%"
        await expect(moved.get_by_role("img", name=label)).to_be_visible()
        await moved.get_by_role("link").click()
        await expect(page.locator("#only-shop")).to_have_text("joom/s17 ✕")


async def test_what_has_gone_better_is_told_from_what_has_gone_worse(browser: Browser, api: Api, address: str) -> None:
    api.log.standings(standing("other"))
    api.days = [
        *(of_day(1, 0.06, open_alerts={"critical": 3}), of_day(0, 0.04, open_alerts={"critical": 2})),
        *(of_day(1, 0.01, shop="other"), of_day(0, 0.02, shop="other")),
    ]
    async with looking_at(browser, address) as page:
        chips = page.locator("#moved-list .chip")
        await expect(chips).to_have_text(["back within its threshold", "worse"])
        await expect(page.locator("#yesterday-totals .chip")).to_have_text(["better"])
    async with looking_at(browser, address, locale="zh-CN") as page:
        await expect(page.locator("#moved-list .chip")).to_have_text(["已回到阈值内", "变差"])


async def test_the_longest_shop_name_stays_within_an_alerts_sheet(browser: Browser, api: Api, address: str) -> None:
    name = "W" * 200
    api.log.standings(standing(name))
    api.log.alerts(alert("1", shop=name, evidence={"marks": [{"order": "77"}]}))
    for options in ({}, PHONE):
        async with looking_at(browser, address, **options) as page:
            await page.goto(f"{address}#/alerts/{quote(alert_id('1', name), '')}")
            shown = page.locator("#sheet .shopname b").first
            await expect(shown).to_have_text(name)
            right = await shown.evaluate("(each) => each.getBoundingClientRect().right")
            assert right <= await page.evaluate("innerWidth")
            await expect(page.locator("#sheet a.order", has_text="77")).to_be_visible()


async def test_a_list_that_is_not_read_yet_is_not_said_to_be_empty(browser: Browser, api: Api, address: str) -> None:
    api.log.standings(standing(chase=[due("5", START_MS)], chase_total=1))
    answer = asyncio.Event()

    async def slowly(route: Route) -> None:
        await answer.wait()
        await route.continue_()

    async with looking_at(browser, address) as page:
        said = page.locator("#due-list + footer .empty")
        await expect(said).to_have_text("Nothing waits to be shipped.")
        await page.route("**/api/due*for=carrier*", slowly)
        await page.locator("[data-due-for=carrier]").click()
        await expect(said).to_have_text("Reading…")
        await expect(page.locator("#due-count")).to_have_text("–")
        await expect(page.locator("[data-due-for=carrier]")).to_have_attribute("aria-pressed", "true")
        answer.set()
        await expect(page.locator("#due-list .due")).to_have_count(1)
        await expect(page.locator("#due-count")).to_have_text("1")


async def test_figures_that_are_known_stay_when_they_cannot_be_read_again(
    browser: Browser, api: Api, address: str
) -> None:
    api.days = [of_day(1, 0.02), of_day(0, 0.06)]
    async with looking_at(browser, address, timezone_id="UTC") as page:
        moved = page.locator("#moved-list li")
        await expect(moved).to_have_count(1)
        await page.route("**/api/yesterday", lambda route: route.fulfill(status=503, json={"detail": "Kafka is away"}))
        again = """async () => {
            const { readYesterday, drawYesterday } = await import("/console/yesterday.js");
            await readYesterday();
            drawYesterday();
        }"""
        await page.evaluate(again)
        said = page.locator("#moved-list + footer")
        await expect(said).to_contain_text("it could not be compared since: Kafka is away")
        await expect(said).to_contain_text("As of ")
        await expect(moved).to_have_count(1)
        await page.unroute("**/api/yesterday")
        await page.evaluate(again)
        await expect(said).to_have_text("")


async def test_no_yesterday_yet_is_told_from_one_that_cannot_be_read(browser: Browser, api: Api, address: str) -> None:
    below = "#moved-list + footer"
    async with looking_at(browser, address) as page:
        await expect(page.locator(below)).to_have_text("No daily values of yesterday yet to compare with.")
    api.days = KafkaConnectionError()
    async with looking_at(browser, address) as page:
        notice = "No comparison with yesterday: daily values can't be read: KafkaConnectionError"
        await expect(page.locator(below)).to_have_text(notice)
    api.days = [of_day(1), of_day(0)]
    async with looking_at(browser, address, locale="zh-CN") as page:
        await expect(page.locator(below)).to_have_text("比率和扣分均无变动。")
