"""What the console asks for before it shows anything: as much with 10,000 alerts as with a hundred."""

from typing import Any

from playwright.async_api import Browser

from tests.web.api import Api
from tests.web.console import looking_at, serving
from tests.web.records import alert, standing

SHOPS = 60
MOST_BYTES = 400_000
"""Of code, names of rules, and the first alerts."""

FIRST_ROWS = """new Promise((done) => {
    const look = () => {
        const rows = document.querySelectorAll("#alert-list > *").length;
        if (!rows) return requestAnimationFrame(look);
        const of = ({ name, decodedBodySize }) => [new URL(name).pathname, decodedBodySize];
        done([rows, performance.getEntriesByType("resource").map(of)]);
    };
    look();
})"""
"""How many groups of alerts are shown first, and what has come by then: paths with their bytes."""


async def first_rows(browser: Browser, alerts: int) -> tuple[int, dict[str, int]]:
    api = Api()
    names = [f"shop-{n}" for n in range(SHOPS)]
    api.log.standings(*(standing(name) for name in names))
    api.log.alerts(*(alert(str(n), shop=names[n % SHOPS]) for n in range(alerts)))
    async with serving(api) as address, looking_at(browser, address) as page:
        found: list[Any] = await page.evaluate(FIRST_ROWS)
        return found[0], dict(found[1])


async def test_what_comes_before_the_first_alerts_does_not_grow_with_their_number(browser: Browser) -> None:
    few, many = await first_rows(browser, 100), await first_rows(browser, 10_000)
    for rows, came in (few, many):
        came.pop("/api/shops", None)  # is asked for once alerts are shown; the answer may come within the same frame
        asked = {path for path in came if path.startswith("/api/")}
        assert {"/api/about", "/api/rules", "/api/groups"} <= asked
        assert asked <= {"/api/about", "/api/rules", "/api/groups", "/api/dead-letters", "/api/morning"}
        assert rows == 50
        assert sum(came.values()) < MOST_BYTES
    assert many[1]["/api/groups"] < 1.1 * few[1]["/api/groups"]
