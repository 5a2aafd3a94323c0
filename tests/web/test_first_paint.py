"""What the console asks for before it shows anything: as much with 10,000 alerts as with a hundred."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser

from streams.web.files import CONSOLE
from tests.web.api import Api
from tests.web.api import api as api
from tests.web.console import looking_at, serving
from tests.web.records import alert, standing

SHOPS = 60
MOST_BYTES = 400_000
"""Of code, names of rules, and the first alerts."""

FIRST_ROWS = """window.firstRows = new Promise((done) => {
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
        await page.add_init_script(FIRST_ROWS)  # looks on from the very beginning
        await page.reload(wait_until="commit")
        found: list[Any] = await page.evaluate("firstRows")
        return found[0], dict(found[1])


def test_the_page_names_all_of_its_scripts_so_that_none_waits_for_another() -> None:
    page = (CONSOLE / "index.html").read_text()
    named = re.findall(r'<link rel="modulepreload" href="console/(.*?)">', page)
    assert sorted([*named, "main.js"]) == sorted(each.name for each in CONSOLE.glob("*.js"))


async def test_a_file_that_the_browser_has_is_not_sent_again(api: Api) -> None:
    client = api.client
    first = await client.get("/console/main.js")
    assert (first.status_code, first.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    for known in (tag, f'"other", W/{tag}'):
        again = await client.get("/console/main.js", headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await client.get("/console/main.js", headers={"if-none-match": '"other"'})).content == first.content
    assert (await client.get("/")).headers["content-type"] == "text/html; charset=utf-8"
    assert (await client.head("/console/icon.svg")).headers["content-type"].startswith("image/svg+xml")


@pytest.mark.parametrize("name", ["missing.js", "..%2Fserver.py", "%2e%2e/server.py", ""])
async def test_nothing_but_the_console_s_files_is_served(api: Api, name: str) -> None:
    assert (await api.client.get(f"/console/{name}")).status_code == 404


async def test_what_comes_before_the_first_alerts_does_not_grow_with_their_number(browser: Browser) -> None:
    few, many = await first_rows(browser, 100), await first_rows(browser, 10_000)
    for rows, came in (few, many):
        came.pop("/api/shops", None)  # is asked for once alerts are shown; the answer may come within the same frame
        asked = {path for path in came if path.startswith("/api/")}
        assert "/api/groups" in asked, "the alerts; they wait for no other answer, so any other may come after them"
        assert asked <= {"/api/about", "/api/rules", "/api/groups", "/api/dead-letters", "/api/morning"}
        assert rows == 50
        assert sum(came.values()) < MOST_BYTES
    assert many[1]["/api/groups"] < 1.1 * few[1]["/api/groups"]
