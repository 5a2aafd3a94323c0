"""One alert in the console: its evidence and trail, and what may be done with it."""

from urllib.parse import unquote, urlencode

from playwright.async_api import Browser, Route, expect

from rules.calendar.instants import HOUR_MS
from tests.runtime.support import LATE_MS, START_MS, event, until
from tests.web.console import live, looking
from tests.web.support import Worker
from tests.web.troubled import answered_late
from tests.web.troubled import worker as worker


async def test_an_alert_shows_its_evidence_and_trail_and_its_link_opens_it_again(
    browser: Browser, worker: Worker
) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await page.locator("#alert-list .alert").first.click()
        sheet = page.locator("#sheet")
        await expect(sheet.locator(".trail li")).to_have_count(3)
        await expect(sheet.locator(".trail li").first).to_contain_text("deadline passed")
        await expect(sheet).to_contain_text("order.placed-1-1767225600000")
        await expect(sheet).to_contain_text("Warehouse ship first")
        await expect(sheet).to_contain_text("one late mark")
        link = page.url
        assert "/#/alerts/late.ship%3Ajoom%2Fs17%3A1%3A" in link, "as the sinks have it"
        await page.goto("about:blank")
        await page.goto(link)
        await expect(sheet.locator(".trail li")).to_have_count(3)


async def test_links_work_for_names_that_are_encoded_in_ids(browser: Browser, worker: Worker) -> None:
    shop, order = "a/b", "A:1 50%"
    await worker.send(event("order.placed", START_MS + LATE_MS, order, shop=shop))
    await worker.tick(START_MS + 2 * LATE_MS)
    path = "/api/alerts?" + urlencode({"shop": shop})
    (alert,) = await worker.listed(path, lambda items: any(each["order"] == order for each in items))
    assert "joom/a%2Fb:A%3A1 50%25:" in alert["data"]["alert"]
    async with looking(browser, worker) as page:
        await live(page)
        await page.locator("#alert-list .alert", has_text=order).click()
        sheet = page.locator("#sheet")
        await expect(sheet.locator(".trail li")).to_have_count(3)
        link = page.url
        assert unquote(link).endswith(f"/#/alerts/{alert['data']['alert']}")
        await page.goto("about:blank")
        await page.goto(link)
        await expect(sheet.locator(".trail li")).to_have_count(3)
        await sheet.locator("[name=acknowledge]").click()
        await expect(page.locator("#alert-list .alert", has_text=order).locator(".chip.acknowledged")).to_be_visible()


async def test_a_link_to_a_shop_shows_its_alerts(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await page.goto("about:blank")
        await page.goto(f"{worker.web.address}#/shops/joom/calm")
        await expect(page.locator("#connection")).to_have_class("live")
        await expect(page.locator("#shop-list .shop")).to_have_count(1)
        await expect(page.locator("#alert-list .alert")).to_have_count(0)


async def test_everything_can_be_done_from_the_keyboard(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        for key in ("j", "j", "j", "k", "Enter"):
            await page.keyboard.press(key)
        sheet = page.locator("#sheet")
        await expect(sheet.locator("h2")).to_contain_text("Order 1")
        await expect(sheet.locator(".trail")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(sheet).to_be_hidden()
        await page.keyboard.press("a")
        await expect(sheet.locator("[name=acknowledge]")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(sheet.locator(".given")).to_contain_text("Acknowledged by somebody")
        await page.keyboard.press("Escape")
        await expect(sheet).to_be_hidden()  # Chromium closes a dialog a moment after the key
        await page.keyboard.press("?")
        await expect(page.locator("#keys")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#keys")).to_be_hidden()
        await page.keyboard.press("/")
        await expect(page.locator("#search")).to_be_focused()


async def test_an_alert_opened_right_after_another_was_closed_is_read(browser: Browser, worker: Worker) -> None:
    """A dialog tells of its closing a moment later, when the next one may be open."""
    async with looking(browser, worker) as page:
        await live(page)
        await page.locator("#alert-list .alert", has_text="Order 1").click()
        sheet = page.locator("#sheet")
        await expect(sheet.locator(".trail")).to_be_visible()
        await page.evaluate(
            """() => {
                document.querySelector("#sheet").close();
                document.querySelector("#alert-list .alert").click();
            }"""
        )
        await expect(sheet.locator(".trail")).to_be_visible()


async def test_a_sheet_that_was_closed_before_the_answer_came_is_not_read_again(
    browser: Browser, worker: Worker
) -> None:
    asked: list[str] = []
    async with looking(browser, worker) as page:
        await live(page)
        async with answered_late(page):
            await page.keyboard.press("Escape")
            await expect(page).to_have_url(worker.web.address)
            page.on("request", lambda request: asked.append(request.url))
        assert not [each for each in asked if "/api/alerts/" in each]


async def test_an_answer_about_one_alert_leaves_what_is_typed_of_another(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        sheet = page.locator("#sheet")
        async with answered_late(page):
            await sheet.locator(".close").click()
            await page.locator("#alert-list .alert", has_text="Order 2").click()
            await sheet.locator("[name=comment]").fill("the carrier is on its way")
        await worker.tick(START_MS + LATE_MS + HOUR_MS)
        await expect(page.locator("#alert-list .summary", has_text="Order 2 is past")).to_be_visible()
        await expect(sheet.locator("[name=comment]")).to_have_value("the carrier is on its way")


async def test_a_muted_alert_goes_away_until_it_gets_worse(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await page.locator("#alert-list .alert", has_text="Order 2").click()
        sheet = page.locator("#sheet")
        await sheet.locator("[name=comment]").fill("the carrier is on its way")
        await sheet.locator("[name=by]").fill("Li")
        await sheet.locator("[name=end]").select_option("4")
        await sheet.locator("[name=mute]").click()
        await expect(sheet.locator(".given")).to_contain_text("Muted by Li · until ")
        await sheet.locator(".close").click()
        await expect(page.locator("#alert-list .alert")).to_have_count(1)
        await expect(page.locator("#muted-count")).to_have_text("1")
        await page.locator("#show-muted").check()
        await expect(page.locator("#alert-list .alert .chip.muted")).to_contain_text("the carrier is on its way")
        await page.locator("#show-muted").uncheck()
        await worker.tick(START_MS + LATE_MS + HOUR_MS)
        await expect(page.locator("#alert-list .summary").first).to_contain_text("Order 2 is past")
        await expect(page.locator("#muted-count")).to_have_text("")


async def test_a_mute_ends_after_a_day_unless_somebody_says_otherwise(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await page.locator("#alert-list .alert", has_text="Order 2").click()
        given = page.locator("#sheet .given")
        await page.locator("#sheet [name=acknowledge]").click()
        await expect(given).to_have_count(1)
        await expect(given).not_to_contain_text("until")
        await page.locator("#sheet [name=mute]").click()
        await expect(given.nth(1)).to_contain_text("until ")
        await page.locator("#sheet [name=lift-mute]").click()
        await expect(given).to_have_count(1)
        await page.locator("#sheet [name=end]").select_option("never")
        await page.locator("#sheet [name=mute]").click()
        await expect(given).to_have_count(2)
        await expect(given.nth(1)).not_to_contain_text("until")


async def test_an_acknowledgement_is_seen_by_everyone_and_can_be_lifted(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as one, looking(browser, worker) as other:
        await live(one)
        await live(other)
        await one.locator("#alert-list .alert").first.click()
        await one.locator("#sheet [name=comment]").fill("on it")
        await one.locator("#sheet [name=acknowledge]").click()
        await expect(other.locator("#alert-list .alert .chip.acknowledged")).to_contain_text("on it")
        await one.locator("#sheet [name=lift-acknowledge]").click()
        await expect(other.locator("#alert-list .alert .chip.acknowledged")).to_have_count(0)


async def test_a_line_on_which_reading_failed_is_given_back(browser: Browser, worker: Worker) -> None:
    lists = 0

    async def fail_at_first(route: Route) -> None:
        nonlocal lists
        lists += 1
        await (route.abort() if lists <= 2 else route.continue_())

    page = await browser.new_page()
    await page.route("**/api/due*", fail_at_first)
    await page.goto(worker.web.address)
    await until(lambda: lists > 2 and len(worker.web.view.feed._listeners) == 1)
    await page.close()
