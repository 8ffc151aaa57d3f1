"""MoleculeTable: a DataFrame that draws itself, is counted and saved."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.output.molecule_table import (
    MoleculeTable,
    list_values,
    make_captions,
    make_table_card,
    name_value,
)
from pipeline.workspace.presentation.notebook_card import MOST_BYTES, MOST_LINES

SMILES = ["CCO", "c1ccccc1CC(=O)N[C@@H](C)C(=O)O", "not one", None]


@pytest.fixture
def table() -> MoleculeTable:
    return MoleculeTable(
        {
            "rank": [1, 2, 3, 4],
            "smiles": SMILES,
            "logp_computed": [1.2345, 2.0, np.nan, 4.0],
            "assay_predicted": [8.0, 7.0, 6.0, np.nan],
            "assay_predicted_std": [0.5, 0.25, 0.1, np.nan],
            "reason": ["", "", "cannot be read", "empty"],
        }
    )


def test_a_selection_stays_a_table_that_draws(table: MoleculeTable) -> None:
    chosen = table[table["logp_computed"] > 1].sort_values("logp_computed")
    assert isinstance(chosen, MoleculeTable) and isinstance(chosen, pd.DataFrame) and len(chosen) == 3
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', table._repr_html_())
    assert len(pictures) == 2  # what is no molecule is not drawn
    assert all(base64.b64decode(p).startswith(b"<svg xmlns=") for p in pictures)


def test_captions_say_what_is_predicted_and_leave_out_what_is_missing(table: MoleculeTable) -> None:
    assert make_captions(table, (), "; ") == [
        "1; logp 1.23; assay 8 ± 0.500 predicted",
        "2; logp 2; assay 7 ± 0.250 predicted",
        "3; assay 6 ± 0.100 predicted",
        "4; logp 4",
    ]


def test_text_in_a_cell_is_never_markup() -> None:
    bad = '"><img src=x onerror=alert(1)>'
    page = MoleculeTable({"smiles": ["CCO"], "reason": [bad], bad: [1.0]})._repr_html_()
    assert "<img src=x" not in page and "&lt;img src=x" in page


def test_a_large_table_is_described_in_little(table: MoleculeTable) -> None:
    long = "C(C(C(c1ccccc1)c1ccccc1)c1ccccc1)" * 8
    many = MoleculeTable(
        {"smiles": [f"{long}{'C' * i}" for i in range(500)], **{f"p{i}_computed": 1.0 for i in range(50)}}
    )
    assert len(many._repr_html_().encode()) < MOST_BYTES + 10_000
    assert make_table_card(many).to_text().count("\n") < MOST_LINES
    assert "[500 rows" in repr(many)  # the text is that of pandas


def test_save_grid_and_scatter(table: MoleculeTable, tmp_path: Path) -> None:
    for name in ("a.csv", "a.sdf", "a.smi", "a.png", "a.svg"):
        assert table.save(tmp_path / name).stat().st_size
    assert [m.GetProp("_Name") for m in Chem.SDMolSupplier(str(table.to_sdf(tmp_path / "b.sdf")))] == ["b-001", "b-002"]
    assert table.grid(2)._repr_svg_().count("<text") == 2 and table.grid(captions=list("abcd"))
    with pytest.raises(UserError, match="there are 1 captions for 4 molecules"):
        table.grid(captions="abcd")
    assert table.grid(1).save(tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in table.scatter("logp", "assay")._repr_svg_()
    with pytest.raises(UserError, match="give one for each"):
        table.grid(captions=["one"])
    with pytest.raises(UserError, match=r"must end in \.sdf"):
        table.to_sdf(tmp_path / "b.csv")
    with pytest.raises(UserError, match="no column 'logq'|unknown column 'logq'|logq"):
        table.scatter("logq")


def test_a_table_without_molecules_is_shown_by_pandas() -> None:
    plain = MoleculeTable({"a": [1, 2]})
    assert "<img" not in plain._repr_html_() and "<table" in plain._repr_html_()
    with pytest.raises(UserError, match="nothing to draw"):
        plain.grid()


def test_values_of_the_nearest_measured_molecule_are_none_of_its_own(table: MoleculeTable) -> None:
    assert list_values(table.assign(nearest_measured_dock_predicted=-7.5)) == ["logp_computed", "assay_predicted"]
    assert name_value("nearest_measured_dock_predicted") == "nearest measured dock predicted"
