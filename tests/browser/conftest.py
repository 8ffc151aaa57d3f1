"""Chromium for the tests of pages: one browser for all of a file, a fresh and watched page for each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed: pip install 'chem-vae[dev]'")

from playwright.sync_api import Browser, sync_playwright

from tests.browser.watched_page import CHROMIUM, DESKTOP, FLAGS, WatchedPage


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium of the system, or the one that CHROMIUM names; the tests are skipped where there is none.

    It ends with the file of tests: while Playwright is there, no other event loop can run in this thread, and other tests need one.
    """
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if named is None:
        pytest.skip("no Chromium: install it (apt-get install chromium), or name it in CHROMIUM")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=named, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., WatchedPage]]:
    """Return a function that makes a watched page; keywords are those of Playwright's contexts, `own` is the page's own server.

    At the end of the test each page is checked: no error, and nothing asked for outside.
    """
    made: list[WatchedPage] = []

    def make(own: str | tuple[str, ...] = "", **options: Any) -> WatchedPage:
        context = browser.new_context(**{"viewport": DESKTOP, "accept_downloads": True, **options})
        watched = WatchedPage(context.new_page(), own)
        made.append(watched)
        return watched

    yield make
    for watched in made:
        watched.check()
        watched.page.context.close()
