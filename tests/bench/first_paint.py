"""``python -m tests.bench.first_paint``: how soon the console shows anything with 10,000 open alerts, and how smoothly
its list scrolls. The site answers from records in this process; the browser is headless Chromium, without a cache."""

import argparse
import asyncio
import statistics
from typing import Any

from tests.bench.figure import Figure, show
from tests.support.browser import chromium
from tests.web.api import Api
from tests.web.console import serving
from tests.web.records import alert, standing

SHOPS = 200
ALERTS, ROUNDS = 10_000, 5
COMMAND = "python -m tests.bench.first_paint --alerts {alerts} --rounds {rounds}"

PAINTED = """new Promise((done) => {
    const found = {};
    const look = (now) => {
        for (const [name, list] of [["alerts", "alert"], ["today", "task"], ["shops", "shop"]]) {
            if (!(name in found) && document.querySelector(`#${list}-list > *`)) found[name] = now;
        }
        if (Object.keys(found).length < 3) return requestAnimationFrame(look);
        done({ page: performance.getEntriesByName("first-contentful-paint")[0].startTime, ...found });
    };
    requestAnimationFrame(look);
})"""
"""Milliseconds since the page was asked for until each part has its first rows."""

SCROLLED = """new Promise((done) => {
    const list = document.querySelector(".panel.alerts .scroll");
    const frames = [];
    let before = performance.now();
    const step = (now) => {
        frames.push(now - before);
        before = now;
        list.scrollTop += 200;
        if (frames.length < 60) requestAnimationFrame(step);
        else done(frames.slice(1));
    };
    requestAnimationFrame(step);
})"""
"""How long each frame takes (ms) while the list is scrolled."""


def site(alerts: int) -> Api:
    api = Api()
    names = [f"shop-{n}" for n in range(SHOPS)]
    api.log.standings(*(standing(name, open_alerts=alerts // SHOPS) for name in names))
    api.log.alerts(*(alert(str(n), shop=names[n % SHOPS]) for n in range(alerts)))
    return api


async def measured(alerts: int, rounds: int) -> tuple[list[dict[str, float]], list[float]]:
    painted, frames = list[dict[str, float]](), list[float]()
    async with serving(site(alerts)) as address, chromium() as browser:
        for _ in range(rounds):
            held = await browser.new_context(viewport={"width": 1400, "height": 900})
            page: Any = await held.new_page()
            await page.goto(address, wait_until="commit")
            painted.append(await page.evaluate(PAINTED))
            frames += await page.evaluate(SCROLLED)
            await held.close()
    return painted, frames


async def figures(alerts: int = ALERTS, rounds: int = ROUNDS) -> list[Figure]:
    painted, frames = await measured(alerts, rounds)
    command = COMMAND.format(alerts=alerts, rounds=rounds)
    at = f"the console with {alerts:,} open alerts"
    found = []
    for part in ("page", "alerts", "today", "shops"):
        times = [each[part] for each in painted]
        found.append(Figure(f"{at}, {part}, median of {rounds}", statistics.median(times), "ms", command))
        found.append(Figure(f"{at}, {part}, best", min(times), "ms", command))
    found.append(Figure(f"{at}, median frame while it scrolls", statistics.median(frames), "ms", command))
    found.append(Figure(f"{at}, longest frame while it scrolls", max(frames), "ms", command))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.first_paint", description=__doc__)
    parser.add_argument("--alerts", type=int, default=ALERTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    show(asyncio.run(figures(given.alerts, given.rounds)))


if __name__ == "__main__":
    main()
