"""``python -m tests.bench.first_paint``: how soon the console shows anything with 10,000 open alerts, and how smoothly
its list scrolls. The site answers from records in this process; the browser is headless Chromium, without a cache."""

import argparse
import asyncio
import statistics
from typing import Any

from tests.support.browser import chromium
from tests.web.api import Api
from tests.web.console import serving
from tests.web.records import alert, standing

SHOPS = 200

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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.first_paint")
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    painted, frames = asyncio.run(measured(options.alerts, options.rounds))
    for part in ("page", "alerts", "today", "shops"):
        times = [each[part] for each in painted]
        print(f"{part:8} median {statistics.median(times):6,.0f} ms   best {min(times):6,.0f} ms")
    print(f"scrolling: median frame {statistics.median(frames):.1f} ms, longest {max(frames):.1f} ms")


if __name__ == "__main__":
    main()
