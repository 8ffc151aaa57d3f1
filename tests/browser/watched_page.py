"""A page in Chromium that is watched: what it asks for, what it reports as an error, and what axe-core says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
"""The names of Debian's Chromium, and of others, that are looked for on the path."""
FLAGS = ["--no-sandbox", "--disable-background-networking"]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
_IS_STILL = """document.getAnimations().every(
    (animation) => animation.playState !== 'running' || animation.effect?.getTiming().iterations === Infinity
)"""
_INSIDE = ("file:", "data:", "blob:", "about:")


class WatchedPage:
    """A page of a browser with its errors and its requests to anything outside.

    Args:
        page: The page, before it opens anything.
        own: What addresses begin with that are not outside, as "http://localhost:8123"; a file has none.
    """

    def __init__(self, page: Page, own: str | tuple[str, ...] = "") -> None:
        self.page = page
        self.errors: list[str] = []
        self.outside: list[str] = []
        inside = (*_INSIDE, *((own,) if isinstance(own, str) else own)) if own else _INSIDE
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("request", lambda r: None if r.url.startswith(inside) else self.outside.append(r.url))
        page.on("dialog", self._refuse_dialog)

    def _refuse_dialog(self, dialog: Any) -> None:
        self.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, place: Path | str) -> Page:
        """Open a file or an address and wait until it is loaded."""
        self.page.goto(place.absolute().as_uri() if isinstance(place, Path) else place)
        return self.page

    def check(self) -> None:
        """Check that the page reported no error and asked for nothing outside."""
        assert self.errors == []
        assert self.outside == []

    def list_faults(self, context: str | None = None) -> list[str]:
        """List the serious and critical faults that axe-core finds on the page or in a part of it (a CSS selector), once colors and
        places have stopped to change."""
        self.page.wait_for_function(_IS_STILL, timeout=10_000)
        found = Axe().run(self.page, context).response["violations"]
        return [
            f"{fault['id']} ({fault['impact']}): {fault['help']}: {[(node['target'], node['html'][:160]) for node in fault['nodes'][:5]]}"
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]
