"""Molecules that the user gives, and messages about those that cannot be encoded."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem

import pipeline as mg
from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.explore.inputs import read_smiles
from pipeline.models.trained_model import TrainedModel

FERROCENE = "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1"


def test_what_cannot_be_encoded_is_named(model: TrainedModel) -> None:
    with pytest.raises(UserError, match=r"cannot encode 'C\[SiH3\]'.*"):
        mg.interpolate(model, "C[SiH3]", "CCO")
    with pytest.raises(UserError, match=r"the model has never seen \[Se\]"):
        mg.analogues(model, "C[Se]C")
    with pytest.raises(UserError, match="not a SMILES"):
        mg.traverse(model, "C1CC")
    with pytest.raises(UserError, match="no path"):
        mg.interpolate(model, "CCO", "CCN", steps=1)


def test_molecules_come_from_files_or_arguments(tmp_path: Path, model: TrainedModel) -> None:
    path = tmp_path / "some.csv"
    path.write_text("name,SMILES\na,CCO\nb,CCN\n")
    assert read_smiles([str(path)]) == ["CCO", "CCN"] and read_smiles([str(path)], limit=1) == ["CCO"]
    assert read_smiles(["CCO", "C"]) == ["CCO", "C"]
    assert read_smiles(["C" * 300]) == ["C" * 300]  # longer than a file's name can be
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + "$$$$\n"
    (tmp_path / "some.sdf").write_text(block)
    assert read_smiles([str(tmp_path / "some.sdf")]) == ["CCO"]
    (tmp_path / "mixed.sdf").write_text(block + block.replace(" O  ", " R# ") + block)
    with pytest.warns(ChemVAEWarning, match=r"1 rows of mixed.sdf are not read as molecules \(row 2: .*R"):
        assert read_smiles([str(tmp_path / "mixed.sdf")]) == ["CCO", "", "CCO"]
    racemate = Chem.MolToV3KMolBlock(Chem.MolFromSmiles("C[C@H](N)O |&1:1|")) + "$$$$\n"
    (tmp_path / "racemate.sdf").write_text(racemate)
    assert read_smiles([str(tmp_path / "racemate.sdf")]) == ["CC(N)O"]
    (tmp_path / "two.csv").write_text("smiles,input\nCCO,OCC\nCCN,NCC.Cl\n")
    assert read_smiles([str(tmp_path / "two.csv")], smiles_column="input") == ["OCC", "NCC.Cl"]
    (tmp_path / "ragged.csv").write_text("name,smiles\na,CCO\nb\nc,C,x,y\n\nd,CCN\n")
    with pytest.warns(ChemVAEWarning, match=r"rows of ragged.csv are not read as molecules \(row 2: .*row 3: "):
        assert read_smiles([str(tmp_path / "ragged.csv")]) == ["CCO", "", "", "", "CCN"], "each row in its place"
    with pytest.raises(UserError, match="no molecule"):
        read_smiles([])
    assert [s.readable for s in model.spell(["", "C[Se]C", FERROCENE])] == [False, True, True]
