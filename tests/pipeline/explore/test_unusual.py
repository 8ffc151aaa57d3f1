"""What is unusual in molecules, as a notebook asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rdkit import Chem

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.chemistry.molecule import Molecule
from pipeline.explore.unusual import find_file, find_unusual


def test_one_molecule_gives_names_and_atoms() -> None:
    assert mg.unusual("CC(=O)Nc1ccc(O)cc1") == {}
    assert mg.unusual("c1ccccc1CCOOCC") == {"peroxide": (8, 9)}  # numbered as given, not as in the canonical SMILES
    assert mg.unusual("c1ccccc1CCOOCC.Cl") == {"peroxide": (2, 3)}  # CCOOCCc1ccccc1, without the salt
    assert mg.unusual("c1ccccc1CCOOCC", allow=["PEROXIDE"]) == mg.unusual("c1ccccc1CCOOCC", like=["COOCC1CC1"]) == {}
    with pytest.raises(UserError, match="'C1CC' cannot be read"):
        mg.unusual("C1CC")
    with pytest.raises(UserError, match="unknown unusual structure"):
        mg.unusual("CC", allow=["peroxides of lead"])


def test_several_molecules_give_a_table_with_every_row() -> None:
    table = mg.unusual(["CCOOCCc1ccccc1", "C1CC", "CCOC(=O)c1ccccc1"])
    assert list(table.columns) == ["row", "smiles", "unusual", "atoms", "input", "reason"]
    assert table["unusual"].tolist() == ["peroxide", "", ""] and table["atoms"].tolist() == ["2 3", "", ""]
    assert table["smiles"].tolist()[1] == "" and table["reason"].tolist()[1] and not table["reason"].tolist()[2]
    assert mg.unusual([]).empty


def test_a_missing_cell_has_its_own_row() -> None:
    given: list[Any] = ["CCOOCC", None, float("nan"), Chem.MolFromSmiles("CC"), Molecule("CCO")]
    table = mg.unusual(given)
    assert table["unusual"].tolist() == ["peroxide", "", "", "", ""] and table["row"].tolist() == [1, 2, 3, 4, 5]
    assert table["reason"].tolist()[1:3] == ["no SMILES: the cell is empty"] * 2
    assert "Chem.MolToSmiles" in table["reason"][3] and not table["reason"][4] and table["smiles"][4] == "CCO"


def test_one_name_and_one_example_are_no_letters() -> None:
    odd = "c1ccccc1CCOOCC"
    assert mg.unusual(odd, allow="peroxide") == mg.unusual(odd, like="COOCC1CC1") == {}
    assert mg.unusual(odd, like=pd.DataFrame({"smiles": ["COOCC1CC1"]})) == {}
    with pytest.raises(UserError, match="allow takes one text or a list"):
        mg.unusual(odd, allow={"peroxide": 1})


def test_one_file_or_molecules(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("SMILES\nCCOOCC\n")
    assert find_file([str(path)]) == path and find_file(["no.sdf"]) == Path("no.sdf")
    assert find_file(["CCO", "CCN"]) is None and find_file([]) is None
    for given in (
        [str(path), str(path)],
        ["CCO", str(path)],
        ["CCO", "no.smi.gz"],
        ["a.gz", "b.parquet"],
        ["C", "a.txt"],
    ):
        with pytest.raises(UserError, match="give one file, or SMILES: .* is a file, and 1 more stand beside it"):
            list(find_unusual(given))
