"""The walk of the tutorial, with a tiny model: nothing but clicks leads from a spreadsheet to an SD file of the shortlist."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rdkit import Chem

from tests.browser.running_app import run_app, write_spreadsheet
from tests.browser.walk import walk
from tests.browser.watched_page import WatchedPage

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "app.md"


@pytest.mark.slow
def test_from_a_spreadsheet_to_a_shortlist(open_page: Callable[..., WatchedPage], tmp_path: Path) -> None:
    taken: list[str] = []
    with run_app(tmp_path) as address:
        watched = open_page(own=(address, address.replace("http", "ws")))

        def take(name: str) -> None:
            taken.append(name)
            if name < "6":  # the page of the library is checked in test_app
                assert watched.list_faults() == [], name

        number = walk(
            watched.page, address, write_spreadsheet(tmp_path / "mine.csv", "pIC50"), tmp_path / "x.sdf", take
        )
    found = [mol for mol in Chem.SDMolSupplier(str(tmp_path / "x.sdf")) if mol is not None]
    assert len(found) == number > 3
    assert all(mol.GetProp("status") == "shortlisted" for mol in found)
    assert {"1-drop", "3-goal", "5-result", "7-sdf"} <= set(taken)


def test_the_page_shows_the_pictures_of_the_walk() -> None:
    text = PAGE.read_text(encoding="utf-8")
    pictures = sorted(PAGE.parent.glob("*.png"))
    assert len(pictures) >= 5
    for picture in pictures:
        assert f"]({picture.name})" in text
        assert picture.stat().st_size <= 150_000
