"""Headless Chromium, Debian's or whichever is at hand, driven by Playwright."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
"""As root it runs without its sandbox, and it calls nobody by itself."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Without a browser the test skips, or fails where TEST_REQUIRE=1."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        why = f"none of {', '.join(NAMES)} is installed"
        if os.environ.get("TEST_REQUIRE") == "1":
            pytest.fail(why)
        pytest.skip(why)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=list(QUIET))
        try:
            yield browser
        finally:
            await browser.close()
