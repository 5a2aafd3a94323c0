"""The report's page in a browser: readable by everyone, on a phone and in the dark, whatever the names."""

from typing import Any

import pytest

from streams.reporting.page import html
from streams.reporting.words import Language, Words
from tests.reporting.test_written import NAMES, TITLES, W02, shop
from tests.support.browser import chromium
from tests.support.npm import npm_package

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [{}, PHONE], ids=["wide", "phone"])
async def test_the_page_has_no_fault_that_axe_finds(options: dict[str, Any], scheme: Any, language: Language) -> None:
    axe = (npm_package("axe-core", "4.14.1") / "axe.min.js").read_text()
    page_of_week = html(W02, [shop(), *(shop(name) for name in NAMES)], Words(language, TITLES))
    async with chromium() as browser:
        held = await browser.new_context(color_scheme=scheme, **options)
        page = await held.new_page()
        await page.set_content(page_of_week)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.evaluate(axe)
        found = (await page.evaluate("axe.run()"))["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []
