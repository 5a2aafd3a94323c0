"""One order's page, the search by a number, and the pick list, as a person uses them in headless Chromium."""

import csv
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page, expect

from rules.calendar.instants import HOUR_MS
from streams.importing.cells import unwrapped
from tests.runtime.support import LATE_MS, START_MS, event
from tests.support.npm import npm_package
from tests.web.console import live, looking, trouble
from tests.web.support import Worker

pytestmark = pytest.mark.slow  # each starts a worker and a browser

NASTY = "<img src=x onerror=document.title='owned'>"
LONG = f"{NASTY}{'9' * (128 - len(NASTY))}"
ITEMS = [{"sku": "MUG", "qty": 2}, {"sku": "=1+1", "qty": 1.5}, {"sku": "＝1+1", "qty": 1}]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def placed(order: str, hours: int, **data: object) -> bytes:
    return event("order.placed", START_MS + hours * HOUR_MS, order, id=f"p-{hours}", data=data)


@pytest.fixture
async def worker(worker: Worker) -> Worker:
    """Beside orders 1 (late) and 2 there are some with items, one of them with a name to fear."""
    await trouble(worker)
    await worker.send(
        placed("A-10", 2, items=ITEMS, logistics="own"),
        placed(LONG, 30, items=[{"sku": NASTY, "qty": 3}]),
        event("order.shipped", START_MS + HOUR_MS, "7", data={"tracking_no": "SF 10", "carrier": "SF"}),
    )
    await worker.listed("/api/due", lambda items: len(items) == 4)
    return worker


async def go(page: Page, address: str) -> None:
    await page.evaluate("address => (location.hash = address)", address)


def address_of(order: str) -> str:
    return f"#/orders/joom/s17/{quote(order, safe='')}"


# -- one order ------------------------------------------------------------------------------------------------


async def test_a_row_opens_its_order_which_says_what_is_wrong_and_links_to_its_alert(
    browser: Browser, worker: Worker
) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await page.locator("#due-list a", has_text="1").first.click()
        order = page.locator(".order-page")
        await expect(order.locator("h2")).to_contain_text("1")
        await expect(order.locator(".verdict")).to_contain_text("Overdue")
        await expect(order.locator("section", has_text="Deadlines").locator(".chip").first).to_have_text("overdue")
        await order.locator("li a").first.click()
        await expect(page.locator("#sheet .trail")).to_be_visible()
        await page.locator("#sheet a.order").first.click()
        await expect(order).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(order).to_be_hidden()


async def test_an_alert_of_an_order_leads_to_it_by_its_link_and_by_a_key(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        order, row = page.locator(".order-page"), page.locator("#alert-list .alert", has_text="Order 1").first
        await row.focus()
        await page.keyboard.press("o")
        await expect(order.locator("h2")).to_contain_text("1")
        await page.keyboard.press("Escape")
        await expect(order).to_be_hidden()
        await page.get_by_role("link", name="Order 1", exact=True).click()
        await expect(order.locator("h2")).to_contain_text("1")


async def test_an_order_in_no_trouble_says_why(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await go(page, "#/orders/joom/calm/3")
        await expect(page.locator(".order-page .verdict")).to_contain_text("In no trouble")
        await expect(page.locator(".order-page")).to_contain_text("It has no alert.")


async def test_an_order_changes_while_it_is_looked_at(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await go(page, address_of("A-10"))
        order = page.locator(".order-page")
        await expect(order.locator("[name=packed]")).to_be_visible()
        await worker.send(event("order.shipped", START_MS + LATE_MS, "A-10"))
        await expect(order.locator(".line .chip").first).to_have_text("shipped")
        await expect(order.locator("[name=packed]")).to_have_count(0)


@pytest.mark.parametrize("order", ["A-10", LONG])
async def test_names_are_text_and_numbers_are_never_cut(browser: Browser, worker: Worker, order: str) -> None:
    async with looking(browser, worker, **PHONE) as page:
        await expect(page.locator("#connection")).to_have_class("live")
        for address in (address_of(order), "#/picks"):
            await go(page, address)
            number = page.locator("dialog[open] code", has_text=order).first
            await expect(number).to_be_visible()
            assert await number.evaluate("each => each.scrollWidth <= each.clientWidth || !each.clientWidth")
            assert await page.evaluate("document.querySelector('dialog[open]').scrollWidth <= innerWidth"), address
        assert "owned" not in await page.title()


# -- the search -------------------------------------------------------------------------------------------------


async def test_the_search_box_finds_orders_that_no_list_shows(browser: Browser, worker: Worker) -> None:
    await worker.send(event("order.shipped", START_MS, "7", shop="calm", data={"tracking_no": "SF 10"}))
    await worker.listed("/api/orders?number=SF%2010", lambda items: len(items) == 2)
    async with looking(browser, worker) as page:
        await live(page)
        await page.keyboard.press("/")
        await page.keyboard.type("sf 10")
        found = page.locator("#found")
        await expect(found).to_contain_text("Look for an order or parcel with this number")
        await page.keyboard.press("Enter")
        await expect(found.locator("a.order")).to_have_text(["7", "7"])
        await expect(found.locator("li").first).to_contain_text("by its parcel")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(page.locator(".order-page h2")).to_contain_text("7")
        await expect(page.locator(".order-page .toshop")).to_contain_text("s17")
        await expect(found).to_be_hidden()


async def test_enter_opens_the_one_order_or_says_that_there_is_none(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await page.locator("#search").fill("nobody's")
        await page.locator("#search").press("Enter")
        await expect(page.locator("#found")).to_contain_text("No order or parcel has the number nobody's.")
        await page.locator("#search").fill("a-10")
        await page.locator("#search").press("Enter")
        await expect(page.locator(".order-page h2")).to_contain_text("A-10")


async def test_a_search_that_was_not_ended_does_not_say_that_there_is_none(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        found = {"items": [], "next": None, "complete": False}
        await page.route("**/api/orders?number=*", lambda route: route.fulfill(json=found))
        await page.locator("#search").fill("nobody's")
        await page.locator("#search").press("Enter")
        await expect(page.locator("#found")).to_have_text("Not all orders were looked through; there may be more.")


# -- the pick list ------------------------------------------------------------------------------------------------


async def test_orders_are_ticked_off_by_keyboard_and_stay_so_for_all(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page, looking(browser, worker) as other:
        await live(page)
        await page.keyboard.press("p")
        rows = page.locator(".picks tbody tr")
        await expect(rows).to_have_count(4)
        await page.locator(".picks .by input").fill("Li")
        await rows.nth(0).locator("input").focus()
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await page.keyboard.press("Space")
        await expect(rows.nth(2)).to_contain_text("packed by Li")
        await expect(rows.nth(2).locator("input")).to_be_focused()
        await live(other)
        await expect(other.locator("#due-list .due").nth(2)).to_contain_text("Packed")
        await go(other, "#/picks?packed=hide")
        await expect(other.locator(".picks tbody tr")).to_have_count(3)
        await rows.nth(2).locator("input").uncheck()
        await expect(other.locator(".picks tbody tr")).to_have_count(4)


async def test_it_is_filtered_and_the_address_keeps_by_what(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await page.locator(".picks-link").click()
        rows = page.locator(".picks tbody tr")
        await page.locator(".picks [name=carrier]").select_option("own logistics")
        await expect(rows.locator("a.order")).to_have_text(["A-10"])
        assert "carrier=own" in await page.evaluate("location.hash")
        await page.locator(".picks [name=carrier]").select_option("")
        await page.locator(".picks [name=due]").select_option("in4h")
        await expect(rows).to_have_count(3)
        await go(page, "#/picks?warehouse=nowhere")
        await expect(page.locator(".picks .empty")).to_have_text("Nothing fits these filters.")
        await page.keyboard.press("Escape")
        await expect(page.locator(".picks")).to_be_hidden()


async def test_a_row_opens_its_order_and_closing_that_leads_back(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await go(page, "#/picks?due=in4h")
        await page.locator(".picks a.order", has_text="A-10").click()
        await expect(page.locator(".order-page h2")).to_contain_text("A-10")
        await page.locator(".order-page .close").click()
        await expect(page.locator(".picks tbody tr")).to_have_count(3)


async def test_a_list_that_cannot_be_read_anew_says_so_and_of_when_it_is(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await go(page, "#/picks")
        await expect(page.locator(".picks tbody tr")).to_have_count(4)
        as_of = await page.locator(".picks .as-of").text_content()
        await page.route("**/api/due?*", lambda route: route.fulfill(body="no JSON"))
        await worker.tick(START_MS + LATE_MS + HOUR_MS)
        await expect(page.locator(".picks header .wrong")).to_contain_text("That did not work")
        await page.locator(".picks [name=due]").select_option("tomorrow")
        assert await page.locator(".picks .as-of").text_content() == as_of
        await expect(page.locator(".picks tbody tr").first).to_be_visible()
        await page.unroute("**/api/due?*")
        await expect(page.locator(".picks header .wrong")).to_have_text("")


async def test_a_list_that_is_not_whole_says_which_shop_lacks_how_much(browser: Browser, worker: Worker) -> None:
    await worker.send(*(placed(f"B-{n}", 10, items=ITEMS) for n in range(60)))
    async with looking(browser, worker) as page:
        await live(page)
        await go(page, "#/picks")
        await expect(page.locator(".picks tbody tr")).to_have_count(64)
        await expect(page.locator(".picks header .short")).to_be_hidden()
        short = {"platform": "joom", "shop": "s17", "shown": 50, "total": 64}
        cut = {"items": (await worker.items("/api/due"))[:50], "next": None, "total": 64, "short": [short]}
        await page.route("**/api/due?*", lambda route: route.fulfill(json=cut))
        notice = "This list is not whole: of joom/s17 only the first 50 of 64"
        await expect(page.locator(".picks header .short")).to_have_text(notice)
        async with page.expect_download() as waiting:
            await page.locator(".picks button", has_text="CSV").click()
        assert (await waiting.value).suggested_filename == "Pick list (not whole).csv"
        await page.emulate_media(media="print")
        await expect(page.locator(".picks header .short")).to_be_visible()


async def test_its_countdowns_go_by_the_standing_and_stay_there_while_the_clock_runs(
    browser: Browser, worker: Worker
) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await go(page, "#/picks")
        left = page.locator(".picks tbody .countdown")
        await expect(left.nth(1)).to_have_text("in 1 h 00 min")
        await worker.tick(START_MS + LATE_MS + 2 * HOUR_MS)
        await expect(left.nth(1)).to_have_text("1 h 00 min over")
        await page.evaluate(  # as if a year went by in a second
            """async () => {
                const { clock } = await import("/console/store.js");
                clock.now = () => Date.now();
                (await import("/console/parts.js")).tick();
            }"""
        )
        await expect(left.nth(1)).to_have_text("1 h 00 min over")


async def test_it_goes_elsewhere_as_csv_and_no_cell_becomes_a_formula(
    browser: Browser, worker: Worker, tmp_path: Path
) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await go(page, "#/picks?carrier=own logistics")
        async with page.expect_download() as waiting:
            await page.locator(".picks button", has_text="CSV").click()
        file = tmp_path / "picks.csv"
        await (await waiting.value).save_as(file)
    head, *lines = file.read_text(encoding="utf-8-sig").splitlines()
    assert head.startswith("platform,shop,order,parcel,warehouse,due_at,sku,qty")
    assert lines == [
        "joom,s17,A-10,,default,2026-01-04T02:00:00Z,'=1+1,1.5,own,,,",
        "joom,s17,A-10,,default,2026-01-04T02:00:00Z,MUG,2,own,,,",
        "joom,s17,A-10,,default,2026-01-04T02:00:00Z,'＝1+1,1,own,,,",
    ]


async def test_a_spreadsheet_keeps_names_of_digits_and_import_reads_them_as_they_were(
    browser: Browser, worker: Worker
) -> None:
    names = ["6921317644556115123", "0042", "1-2", "12E5", "A-10", "1=2", "＝1"]
    made = """async (names) => {
        const { Name, csv, tabbed } = await import("/console/csv.js");
        const rows = names.map((name) => [new Name(name), 0.5, null]);
        return [csv(rows), tabbed(rows)];
    }"""
    async with looking(browser, worker) as page:
        text, pasted = await page.evaluate(made, names)
    rows = list(csv.reader(text.removeprefix("\ufeff").splitlines()))
    assert [row[1:] for row in rows] == [["0.5", ""]] * len(names)
    cells = [row[0] for row in rows]
    assert cells[:4] == ['="6921317644556115123"', '="0042"', '="1-2"', '="12E5"']
    assert [unwrapped(cell) for cell in cells[:-1]] == names[:-1]
    assert [line.split("\t")[0] for line in pasted.splitlines()] == cells


async def test_only_the_list_is_printed_with_boxes_to_tick(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await go(page, "#/picks")
        await expect(page.locator(".picks tbody tr")).to_have_count(4)
        await page.emulate_media(media="print")
        await expect(page.locator("main")).to_be_hidden()
        await expect(page.locator(".picks .buttons")).to_be_hidden()
        await expect(page.locator(".picks .box").first).to_be_visible()


# -- for everyone -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_pages_are_readable_by_everyone_light_and_dark(browser: Browser, worker: Worker, scheme: str) -> None:
    axe = (npm_package("axe-core", "4.14.1") / "axe.min.js").read_text()
    async with looking(browser, worker, color_scheme=scheme, reduced_motion="reduce") as page:
        await live(page)
        await page.evaluate(axe)
        await page.locator("#search").fill("a-10")
        await worker.client.post("/api/packed/joom/s17/A-10", json={"by": "Li"})
        for address in ("", address_of("1"), "#/orders/joom/calm/3", "#/picks", "#/picks?for=carrier"):
            await go(page, address)
            if address:
                await expect(page.locator("dialog[open] code, dialog[open] .empty").first).to_be_visible()
            found = (await page.evaluate("axe.run()"))["violations"]
            assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == [], address


async def test_the_pages_speak_chinese(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker, locale="zh-CN") as page:
        await live(page)
        await go(page, address_of("1"))
        await expect(page.locator(".order-page .verdict")).to_contain_text("已超时")
        await go(page, "#/picks")
        await expect(page.locator(".picks h2")).to_contain_text("拣货单")
