"""The console in headless Chromium, as a person uses it."""

from playwright.async_api import Browser, Route, expect

from rules.calendar.instants import HOUR_MS, rfc3339
from tests.runtime.support import LATE_MS, START_MS, event
from tests.web.console import live, looking
from tests.web.support import Worker
from tests.web.troubled import orders
from tests.web.troubled import worker as worker

NASTY = "<img src=x onerror=document.title='owned'>"


# -- what it shows -------------------------------------------------------------------------------------------


async def test_the_worst_comes_first(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        assert await orders(page) == ["1", "2"]
        assert await page.locator("#shop-list .shopname b").all_inner_texts() == ["s17", "calm"]
        await expect(page.locator("#shop-list .shop").first).to_have_class("shop warning")
        await expect(page.locator("#only-critical b")).to_have_text("1")
        await expect(page).to_have_title("(1) shipclock")
        await expect(page.locator("#due-list .due code")).to_have_text(["1", "2"])
        next_due = page.locator("#due-list .due").nth(1)
        await expect(next_due.locator(".countdown")).to_have_text("in 1 h 00 min")
        saves = {"amount": "1234.50", "currency": "USD", "points": {"A": 0.1}}
        script = "async (saves) => (await import('/console/parts.js')).saved(saves)"
        assert await page.evaluate(script, saves) == "1,234.50 USD · A 0.1 points"


async def test_rules_are_called_by_their_names_and_say_what_they_demand(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await expect(page.locator("#alert-list .grouphead .title")).to_have_text("Shipped late")
        await expect(page.locator("#due-list .rules").first).to_have_text("Shipped late")
        await page.locator("#alert-list .alert").first.click()
        sheet = page.locator("#sheet")
        await expect(sheet).to_contain_text("An order must be shipped within 72 hours.")
        await expect(sheet).to_contain_text("Source: a test (our reading)")
        await expect(sheet.get_by_role("link", name="The platform's page")).to_have_attribute(
            "href", "https://rules.example/late"
        )
        await page.keyboard.press("Escape")
        await page.locator("#language").click()
        await expect(page.locator("#alert-list .grouphead .title")).to_have_text("逾时未发货")
        await expect(page.locator("#alert-list .summary").first).to_have_text("订单 1 已超过 72 小时发货期限")


async def test_points_say_of_how_many_they_are_and_what_comes_then(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        made = """async ([name, ledger]) => {
            const { takeNames } = await import("/console/names.js");
            const tier = { name: "tier 1", at: 3, lasts_days: 28 };
            const titles = { en: "Penalty points", zh: "季度计分" };
            const rule = { rule: "shopee.points", platform: "shopee", ledger: "points", titles, tiers: [tier] };
            takeNames({ items: [rule], clauses: {}, chinese: {} });
            const { pointsText } = await import("/console/shops.js");
            return pointsText({ platform: "shopee" }, name, ledger);
        }"""
        tiered = {"points": 2, "next_tier": "tier 1", "headroom": 1}
        assert await page.evaluate(made, ["points", tiered]) == "2 of 3 points, then tier 1 for 28 days"
        frozen = {"points": 10, "next_tier": "frozen 7 days", "headroom": 2}
        assert await page.evaluate(made, ["points", frozen]) == "10 of 12 points, then frozen for 7 days"
        assert await page.evaluate(made, ["A", {"points": 0.3}]) == "A 0.3 points"


async def test_headroom_is_said_of_a_share_a_count_and_what_must_be_kept_up(browser: Browser, worker: Worker) -> None:
    """The same words as in the terminal (`tests/terminal`)."""
    share: dict[str, object] = {"value": 0.04, "threshold": 0.05, "denominator": 100}
    count: dict[str, object] = {"value": 2, "threshold": 3, "denominator": None}
    kept: dict[str, object] = {"value": 0.9, "threshold": 0.98, "denominator": 100}
    found = [
        (share | {"headroom": 1}, "1 more fit"),
        (share | {"headroom": 0}, "0 more fit"),
        (share | {"value": 0.07, "headroom": -2}, "2 too many"),
        (count | {"headroom": 1}, "1 to go"),
        (count | {"value": 3, "headroom": 0}, "at the limit"),
        (kept | {"headroom": -8}, "short by 8"),
        (kept | {"value": 1, "headroom": 2}, "2 to spare"),
        (share | {"value": None, "headroom": 0}, None),
    ]
    async with looking(browser, worker) as page:
        await live(page)
        made = "async (all) => { const { room } = await import('/console/shops.js'); return all.map(room); }"
        assert await page.evaluate(made, [metric for metric, _ in found]) == [words for _, words in found]


async def test_a_row_shows_the_figure_that_makes_its_level(browser: Browser, worker: Worker) -> None:
    near = {"value": 0.06, "numerator": 6, "denominator": 100, "threshold": 0.05, "headroom": -1, "window": None}
    calm = near | {"value": 0.0, "numerator": 0, "headroom": 5}
    marks = {"value": 0, "numerator": 0, "denominator": None, "threshold": 3, "headroom": 3, "window": None}
    sanction = {"clause": "joom-2", "name": "sales suspended", "from": "2026-01-01T00:00:00Z", "until": None}
    shop = {"platform": "joom", "at": "2026-01-02T00:00:00Z", "open_alerts": 1, "ledgers": {}, "exposure": None}
    severities = {"critical": 0, "warning": 0, "info": 0, "muted": 0}
    shops = [
        shop | {"shop": "a", "metrics": {"joom-3": near, "joom-6": calm}, "sanctions": [],
                "alerts": severities | {"critical": 1, "clauses": {"joom-3": "critical"}}},
        shop | {"shop": "b", "metrics": {"joom-6": calm}, "sanctions": [],
                "alerts": severities | {"critical": 1, "clauses": {"joom-1": "critical"}}},
        shop | {"shop": "c", "metrics": {"joom-2": marks, "joom-6": calm}, "sanctions": [sanction],
                "alerts": severities | {"critical": 1, "clauses": {"joom-2": "critical"}}},
    ]  # fmt: skip
    async with looking(browser, worker) as page:
        await live(page)
        made = """async (shops) => {
            const { showShops } = await import("/console/shops.js");
            const box = document.body.appendChild(document.createElement("div"));
            const list = box.appendChild(document.createElement("div"));
            box.appendChild(document.createElement("div"));
            showShops(list, shops, () => {});
            const text = (row, what) => row.querySelector(`summary .worst ${what}`)?.textContent ?? null;
            return [...list.querySelectorAll("details")].map((row) => [
                text(row, ".clause"), text(row, ".figure"), row.querySelector(".inside .notes").textContent,
            ]).sort();
        }"""
        rows = await page.evaluate(made, shops)
    assert [row[:2] for row in rows] == [
        ["joom-1", None],  # late orders make it
        ["joom-2", None],  # a sanction does
        ["joom-3", "6% / 5%"],
    ]
    assert rows[1][2] == "counts again once the sanction ends"


async def test_whoever_may_only_read_is_not_offered_to_act(browser: Browser, worker: Worker) -> None:
    async def as_reader(route: Route) -> None:
        given = await route.fetch()
        await route.fulfill(response=given, json=await given.json() | {"person": "Grafana", "role": "read"})

    async with looking(browser, worker) as page:
        await page.route("**/api/about", as_reader)
        await page.reload()
        await live(page)
        await page.locator("#alert-list .alert").first.click()
        await expect(page.locator("#sheet .trail")).to_be_visible()
        await expect(page.locator("#sheet form")).to_have_count(0)


async def test_an_order_past_its_deadline_stays_listed_until_it_is_shipped(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await worker.tick(START_MS + LATE_MS + 2 * HOUR_MS)
        listed = page.locator("#due-list .due")
        await expect(listed.locator(".countdown")).to_have_text(["2 h 00 min over", "1 h 00 min over"])
        await worker.send(event("order.shipped", START_MS + LATE_MS + 2 * HOUR_MS, "1"))
        await expect(listed.locator("code")).to_have_text(["2"])


async def test_the_parcels_to_chase_the_carrier_for_are_a_list_of_their_own(browser: Browser, worker: Worker) -> None:
    parcel = {
        "platform": "joom",
        "shop": "s17",
        "warehouse": "default",
        "order": "7",
        "parcel": None,
        "carrier": "SF",
        "tracking_no": "SF10001",
        "skus": [],
        "due_at": rfc3339(START_MS + LATE_MS - HOUR_MS),
        "rules": ["joom.pickup_timeout"],
        "saves": {"clauses": ["joom-4"]},
    }
    other = parcel | {"parcel": "P2", "tracking_no": "SF10002"}
    page_of_it = {"items": [parcel, other], "next": None, "total": 60}
    async with looking(browser, worker) as page:
        await page.route("**/api/due?*for=carrier*", lambda route: route.fulfill(json=page_of_it))
        await live(page)
        await page.get_by_role("button", name="Chase the carrier").click()
        listed = page.locator("#due-list .due")
        await expect(listed).to_have_count(2)
        await expect(listed.first).to_contain_text("SF10001")
        await expect(listed.first.locator(".countdown")).to_have_text("1 h 00 min over")
        await expect(page.locator("#due-count")).to_have_text("60")
        await expect(page.locator(".panel.due footer")).to_contain_text("58 more wait")
        await page.locator("#search").fill("sf10002")
        await expect(listed).to_have_count(1)
        await page.locator("#search").fill("")
        await page.get_by_role("button", name="Ship next", exact=True).first.click()
        await expect(listed.locator("code")).to_have_text(["1", "2"])


async def test_a_link_opens_the_parcels_to_chase_the_carrier_for(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await page.evaluate("location.hash = '#/due/carrier'")
        await expect(page.locator("[data-due-for=carrier]")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator(".panel.due .empty")).to_have_text("No parcel waits for its carrier's scan.")


async def test_a_shops_ratios_ledgers_and_sanctions_are_drawn_against_their_limits(
    browser: Browser, worker: Worker
) -> None:
    standing = await worker.get("/api/shops/joom/s17")
    standing["metrics"] = {
        "joom-3": {
            "value": 0.062,
            "numerator": 31,
            "denominator": 500,
            "threshold": 0.05,
            "headroom": -7,
            "window": None,
        },
        "joom-12": {
            "value": 0.02,
            "numerator": 10,
            "denominator": 500,
            "threshold": 0.03,
            "headroom": 5,
            "forecast": {"value": 0.04, "at": "2026-02-01T00:00:00Z"},
        },
    }
    standing["ledgers"] = {"A": {"points": 5.5, "since": "2026-01-01T00:00:00Z", "resets_at": "2026-04-06T00:00:00Z"}}
    standing["sanctions"] = [{"clause": "joom-2", "name": "sales suspended", "from": standing["at"], "until": None}]
    standing["exposure"] = {"amount": "310.00", "currency": "USD"}
    async with looking(browser, worker) as page:
        await live(page)
        await page.evaluate("async (standing) => (await import('/console/store.js')).takeShop(standing)", standing)
        await worker.send(event("order.placed", START_MS + LATE_MS, "9", shop="calm"))
        shop = page.locator("#shop-list .shop", has_text="s17")
        await expect(shop).to_have_class("shop critical")
        await expect(shop.locator("summary .chip.money")).to_have_text("at stake now 310.00 USD")
        await shop.locator("summary").press("Enter")
        rows = shop.locator(".inside .row")
        await expect(rows.nth(0)).to_contain_text("31 of 500 · 7 too many")
        await expect(rows.nth(1)).to_contain_text("4% on 1 Feb, 00:00 if nothing ships")
        await expect(rows.nth(1).locator(".ahead")).to_be_visible()
        await expect(rows.nth(2)).to_contain_text("5.5 points")
        await expect(rows.nth(2)).to_contain_text("resets 6 Apr 2026")
        await expect(rows.nth(3)).to_contain_text("for good")
        bar = rows.nth(0).locator(".track")
        widths = await bar.evaluate("(track) => [...track.children].map((each) => each.getBoundingClientRect())")
        fill, line = widths[-2], widths[-1]
        assert fill["right"] > line["left"], "past the threshold"


async def test_alerts_come_and_go_without_a_reload(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await worker.send(event("order.shipped", START_MS + LATE_MS, "1"))
        await worker.send(event("order.placed", START_MS + 2 * HOUR_MS, "7"))
        await worker.tick(START_MS + LATE_MS + HOUR_MS)
        await expect(page.locator("#alert-list .alert")).to_have_count(2)
        await expect(page.locator("#alert-list .summary").first).to_contain_text("Order 2 is past")
        await page.locator("#show-resolved").check()
        await expect(page.locator("#alert-list .alert.resolved")).to_contain_text("Order 1")


async def test_what_data_says_is_never_taken_for_html(browser: Browser, worker: Worker) -> None:
    await worker.send(event("order.placed", START_MS, NASTY, shop=NASTY))
    await worker.listed("/api/alerts?severity=critical", lambda items: len(items) == 2)
    async with looking(browser, worker) as page:
        await live(page)
        await expect(page.locator("#alert-list .shopname b", has_text=NASTY)).to_be_visible()
        await page.locator("#alert-list .alert", has_text=NASTY).click()
        await expect(page.locator("#sheet code", has_text=NASTY).first).to_be_visible()
        assert await page.locator("img[src=x]").count() == 0
        assert "owned" not in await page.title()


async def test_filters_and_search_narrow_the_lists(browser: Browser, worker: Worker) -> None:
    async with looking(browser, worker) as page:
        await live(page)
        await page.locator("#only-critical").click()
        await expect(page.locator("#alert-list .alert")).to_have_count(1)
        await page.locator("#only-critical").click()
        await page.locator("#search").fill("order 2")
        await expect(page.locator("#alert-list .alert")).to_have_count(1)
        await page.locator("#search").fill("joom/s17")
        await expect(page.locator("#shop-list .shop")).to_have_count(1)
        await expect(page.locator("#alert-list .alert")).to_have_count(2)
