"""Drawings of molecules: compact SVG that the page's style sheet colors, and grids as picture files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chem_vae.errors import UserError
from pipeline.chemistry.output import drawings
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


def test_a_disk_stands_behind_each_marked_atom() -> None:
    plain, marked = drawings.draw_molecule("CCOOCC"), str(drawings.draw_molecule("CCOOCC", marked=[2, 3, 99]))
    disks = re.findall(r'<circle class="u" cx="([\d.]+)" cy="([\d.]+)" r="8"/>', marked)
    assert len(disks) == 2 and "circle" not in str(plain), "there is no atom 99"
    assert marked.index("<circle") < marked.index("<path"), "behind the bonds"
    oxygens = re.findall(r'class="g O" d="([^"]*)"', marked)[0]
    letters = re.findall(r"M([\d.]+) ([\d.]+)", oxygens)
    assert len(letters) >= 2
    for x, y in letters:
        assert min(abs(float(x) - float(a)) + abs(float(y) - float(b)) for a, b in disks) < 8
    left, top, width, height = map(float, re.findall(r'viewBox="([^"]*)"', marked)[0].split())
    assert all(left <= float(x) - 8 and float(x) + 8 <= left + width for x, _ in disks)
    assert all(top <= float(y) - 8 and float(y) + 8 <= top + height for _, y in disks)


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


def test_a_molecule_that_is_too_large_is_not_drawn() -> None:
    told = drawings.draw_molecule("C" * 401)
    assert told is not None and "401 atoms: too large to draw" in told and "<path" not in told
    assert "<path" in (drawings.draw_molecule("C" * 200) or "")
