"""The report in a real browser: it opens from a file, loads nothing, and can be used without a mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import ViewportSize

from pipeline import report
from pipeline.report.html.comparison_page import render_comparison
from tests.browser.watched_page import DESKTOP, PHONE, WatchedPage
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


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_a_definition_opens_beside_its_mark_within_the_page(
    open_page: Callable[..., WatchedPage], small: Path, size: ViewportSize
) -> None:
    page = open_page(viewport=size).open(small)
    marks = page.locator("details.define")
    for at in (0, marks.count() - 1):
        marks.nth(at).locator("summary").click()
        page.wait_for_timeout(100)
        box, mark = marks.nth(at).locator(".defined").bounding_box(), marks.nth(at).bounding_box()
        assert box is not None and mark is not None
        assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
        assert box["y"] >= 0 and box["y"] + box["height"] <= size["height"]
        assert min(abs(box["y"] - mark["y"]), abs(box["y"] + box["height"] - mark["y"])) < 40
        assert page.locator("details.define[open]").count() == 1  # the one before has closed
    page.keyboard.press("Escape")
    assert page.locator("details.define[open]").count() == 0


def test_the_page_serves_without_javascript(open_page: Callable[..., WatchedPage], small: Path) -> None:
    page = open_page(java_script_enabled=False).open(small)
    assert page.locator(".gallery svg.mol").count() == len(candidates())
    assert page.locator("table.candidates").is_visible()


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of an optimization with a Pareto front, of a run without candidates, and of a comparison."""
    folder = tmp_path_factory.mktemp("others")
    content = full_report()
    content["request"]["objectives"].append({"property": "sa", "label": "SA", "aim": "low"})
    searched = {"data": [[0, 0], [1, 1]], "calls": [[0, 0, 1], [1, 0, 2]], "path": [[0, 0, 1, 0.5], [1, 0, 2, 1.0]]}
    points = [[float(x), 10.0 - x] for x in range(10)]
    front = {
        "objectives": [{"property": "logp", "label": "logP"}, {"property": "sa", "label": "SA"}],
        "points": points, "front": points[:2], "size": 2, "of": 10,
    }  # fmt: skip
    lineage = [
        {"smiles": "CC", "score": 0.1, "call": 1},
        {"smiles": "CCO", "score": 0.2, "call": 2, "origin": "mutated"},
    ]
    content["optimization"] = {"map": searched, "front": front, "calls": 10, "ended": "done", "lineages": [lineage]}
    compared = {
        "runs": ["20260101-000000-first", "20260102-000000-second", "20260103-000000-third"],
        "settings": {"generate.objectives.logp.target": [2.5, 3.0, None]}, "figures": {"candidates": [10, 20, 30]},
        "shared": [[10, 1, 0], [1, 20, 2], [0, 2, 30]], "new": [10, 19, 28], "drift": {},
    }  # fmt: skip
    (folder / "compared.html").write_text(render_comparison(compared, ""), encoding="utf-8")
    return {
        "optimization": report.write(folder / "search", as_report(content), candidates()),
        "none": report.write(folder / "none", as_report(full_report()), candidates(0)),
        "comparison": folder / "compared.html",
    }


@pytest.mark.parametrize("name", ["optimization", "none", "comparison"])
def test_other_pages_have_no_serious_fault_either(
    open_page: Callable[..., WatchedPage], others: dict[str, Path], name: str
) -> None:
    for scheme in ("light", "dark"):
        watched = open_page(color_scheme=scheme)
        watched.open(others[name])
        assert watched.list_faults() == []
    page = open_page(viewport=PHONE).open(others[name])
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
