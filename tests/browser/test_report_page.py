"""The report in a real browser: it opens from a file, loads nothing, and can be used without a mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import report
from tests.browser.watched_page import PHONE, WatchedPage
from tests.pipeline.report.samples import as_report, candidates, full_report


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(tmp_path_factory.mktemp("run"), as_report(full_report()), candidates())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_serious_fault_of_access(
    open_page: Callable[..., WatchedPage], small: Path, scheme: str
) -> None:
    watched = open_page(color_scheme=scheme)
    watched.open(small)
    assert watched.list_faults() == []


def test_the_page_is_no_wider_than_a_phone(open_page: Callable[..., WatchedPage], small: Path) -> None:
    page = open_page(viewport=PHONE).open(small)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_page_serves_without_javascript(open_page: Callable[..., WatchedPage], small: Path) -> None:
    page = open_page(java_script_enabled=False).open(small)
    assert page.locator(".gallery svg.mol").count() == len(candidates())
    assert page.locator("table.candidates").is_visible()
