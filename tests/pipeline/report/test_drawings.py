"""Drawings of molecules: compact SVG that the page's style sheet colors, and grids as picture files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chem_vae.errors import UserError
from pipeline.report import drawings
from tests.pipeline.report.samples import SMILES, Reader


@pytest.mark.parametrize("smiles", [*SMILES, "C", "[Na+]", "C" * 60, "C*", "c1ccc2[nH]ccc2c1Br"])
def test_a_drawing_is_compact_and_without_styles(smiles: str) -> None:
    svg = drawings.draw_molecule(smiles)
    assert svg is not None and Reader(svg).open == []
    assert "style" not in svg and "#" not in svg and len(svg) < 6000
    assert re.search(r'd="M', svg)


def test_elements_carry_their_color_class() -> None:
    assert 'class="g O"' in str(drawings.draw_molecule("CCO")) and 'class="g N"' in str(drawings.draw_molecule("CCN"))
    assert drawings.draw_molecule("CCC") is not None and " N" not in str(drawings.draw_molecule("CCC"))


@pytest.mark.parametrize("smiles", [None, "", "C(", "c1ccc1C1"])
def test_no_molecule_is_no_drawing(smiles: str | None) -> None:
    assert drawings.draw_molecule(smiles) is None


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_a_grid_is_a_picture_with_captions(tmp_path: Path, ending: str) -> None:
    path = drawings.draw_grid(["CCO", None, "C("], ["ethanol", "", "none"], tmp_path / f"grid{ending}", columns=2)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG" if ending == ".png" else b"<?xml") and len(data) > 500
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_grid_of_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.png or \.svg"):
        drawings.draw_grid(["CCO"], [""], tmp_path / "grid.pdf")
