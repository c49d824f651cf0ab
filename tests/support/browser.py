"""Headless Chromium, for tests of the pages that the report is made of."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: Debian's chromium")

PATIENCE = 120_000
"""Milliseconds that an action may take on a busy machine."""

WIDE, NARROW = 1280, 390
"""Widths of a screen and of a phone, in pixels."""


@contextlib.contextmanager
def opened(path: Path, width: int = WIDE, dark: bool = False, javascript: bool = True) -> Iterator[Page]:
    """The page as a browser without network shows it.

    On leaving, fails if the page has logged an error or has asked for anything beyond itself.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
            offline=True,
        )
        page.set_default_timeout(PATIENCE)
        found: list[str] = []
        page.on("pageerror", lambda error: found.append(f"error: {error}"))
        page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: found.append(request.url) if _leaves(request.url) else None)
        page.goto(path.resolve().as_uri())
        yield page
        browser.close()
    assert not found


def _leaves(address: str) -> bool:
    return not address.startswith(("file:", "data:", "blob:", "about:"))


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
