"""Molecules that the user gives, and messages about those that cannot be encoded."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem

import pipeline as mg
from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.chemistry.standardization.refusal import Rejection
from pipeline.explore.inputs import read_molecules, read_smiles
from pipeline.models.trained_model import TrainedModel

FERROCENE = "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1"


def test_what_cannot_be_encoded_is_named(model: TrainedModel) -> None:
    with pytest.raises(UserError, match=r"cannot encode 'C\[SiH3\]'.*"):
        mg.interpolate(model, "C[SiH3]", "CCO")
    with pytest.raises(UserError, match=r"the model has never seen \[Se\]"):
        mg.analogues(model, "C[Se]C")
    with pytest.raises(UserError, match="not a SMILES"):
        mg.traverse(model, "C1CC")
    with pytest.raises(UserError, match="steps is 1: it must be from 2 to 10,000"):
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
    with pytest.warns(ChemVAEWarning, match=r"1 row of mixed.sdf is not read as molecules \(row 2: .*R"):
        assert read_smiles([str(tmp_path / "mixed.sdf")]) == ["CCO", "CCO"]
    racemate = Chem.MolToV3KMolBlock(Chem.MolFromSmiles("C[C@H](N)O |&1:1|")) + "$$$$\n"
    (tmp_path / "racemate.sdf").write_text(racemate)
    assert read_smiles([str(tmp_path / "racemate.sdf")]) == ["CC(N)O"]
    (tmp_path / "two.csv").write_text("smiles,input\nCCO,OCC\nCCN,NCC.Cl\n")
    assert read_smiles([str(tmp_path / "two.csv")], smiles_column="input") == ["OCC", "NCC.Cl"]
    with pytest.raises(UserError, match="no molecule"):
        read_smiles([])
    with pytest.raises(UserError, match="give one file, or SMILES: .*some.csv is a file"):
        read_smiles([str(path), str(tmp_path / "two.csv")])
    assert [s.readable for s in model.spell(["", "C[Se]C", FERROCENE])] == [False, True, True]


@pytest.mark.parametrize("ending", ["csv", "sdf"])
def test_every_row_of_a_file_stays_in_its_place_with_its_reason(
    tmp_path: Path, model: TrainedModel, ending: str
) -> None:
    path = tmp_path / f"some.{ending}"
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + "$$$$\n"
    text = {
        "csv": "SMILES,name\nCCO,a\n\nCCC,c,surplus\nCCN,d\n",
        "sdf": block + block.replace(" O  ", " R# ") + "no record\n$$$$\n" + block,
    }
    path.write_text(text[ending])
    with pytest.warns(ChemVAEWarning, match=f"2 rows of some.{ending} are not read as molecules"):
        molecules = read_molecules([str(path)])
    assert [isinstance(molecule, Rejection) for molecule in molecules] == [False, True, True, False]
    for frame in (mg.reconstruct(model, molecules), mg.anomaly(model, molecules)):
        assert frame["row"].tolist() == [1, 2, 3, 4]
        assert [bool(reason) for reason in frame["reason"]] == [False, True, True, False], "each has its reason"
    own = mg.latent_map(model, smiles=molecules).frame.query("kind == 'own'")
    assert own["number"].tolist() == [1, 2, 3, 4] and own["x"].notna().tolist() == [True, False, False, True]
    left_out = mg.robustness(model, molecules, shares=[0.0]).attrs["left_out"]
    assert [number for number, *_ in left_out] == ([2, 3] if ending == "csv" else [2, 3, 4])
