"""Files that a pattern fits are read as one: no column, name or label of a file is lost among the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem

from chem_vae.errors import ChemVAEWarning
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from tests.pipeline.datasets.reading import write

SMILES = [f"C{'C' * i}O" for i in range(30)]


def write_sdf(folder: Path, name: str, smiles: list[str], field: str) -> None:
    """Write an SDF with the number of each record in a data field."""
    blocks = (Chem.MolToMolBlock(Chem.MolFromSmiles(s)) for s in smiles)
    write(folder, name, "".join(f"{block}> <{field}>\n{i}.5\n\n$$$$\n" for i, block in enumerate(blocks)))


def ingest_all(folder: Path, pattern: str, *properties: str) -> Dataset:
    """Ingest all files of a folder that a pattern fits."""
    config = {
        "source": str(folder / pattern), "properties": properties, "compute": (), "merges": 0, "validation_fraction": 0,
        "test_fraction": 0, "workers": 1,
    }  # fmt: skip
    return ingest(IngestConfig.model_validate(config), folder)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))


def test_a_column_of_names_and_names_behind_the_smiles_stay_apart(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "smiles,name,pIC50\nCCO,x,5\n")
    write(tmp_path, "b.csv", "smiles,pIC50\nCCN ethylamine,6\n")
    dataset = ingest_all(tmp_path, "*.csv", "pIC50")
    table = dataset.table().set_index("smiles")
    assert table["pIC50"].to_dict() == {"CCO": 5, "CCN": 6}
    assert table.loc["CCO", "name"] == "x" and table.loc["CCN", "smiles name"] == "ethylamine"
    assert [note for note in dataset.notes if "behind" in note] == [
        "a name behind the SMILES in a cell is kept in the column 'smiles name'"
    ]


@pytest.mark.parametrize("ending", ["sdf", "csv"])
def test_labels_are_kept_where_a_file_spells_their_column_otherwise(tmp_path: Path, ending: str) -> None:
    for name, smiles, column in (("js_1", SMILES[:15], "pIC50"), ("js_2", SMILES[15:], "PIC50")):
        if ending == "sdf":
            write_sdf(tmp_path, f"{name}.sdf", smiles, column)
        else:
            rows = "".join(f"{s},{i}.5\n" for i, s in enumerate(smiles))
            write(tmp_path, f"{name}.csv", f"smiles,{column}\n{rows}")
    dataset = ingest_all(tmp_path, f"js_*.{ending}", "pIC50")
    assert dataset.table()["pIC50"].notna().all() and "PIC50" not in dataset.table()
    assert any("'PIC50' (15 rows) is read as another spelling of 'pIC50'" in note for note in dataset.notes)
    assert not any("has no column" in note for note in dataset.notes)
    assert not any("PIC50" in warning for warning in dataset.warnings)


@pytest.mark.parametrize("column", ["note", "pIC50"])
def test_a_file_without_a_value_is_a_warning(tmp_path: Path, column: str) -> None:
    write(tmp_path, "1.csv", "smiles,pIC50\n" + "".join(f"{s},{i}.5\n" for i, s in enumerate(SMILES[:15])))
    write(tmp_path, "2.csv", f"smiles,{column}\n" + "".join(f"{s},\n" for s in SMILES[15:]))
    write(tmp_path, "3.csv", "smiles,pIC50\n")
    with pytest.warns(ChemVAEWarning, match="no row of 2.csv has a value of 'pIC50', which other files have"):
        dataset = ingest_all(tmp_path, "*.csv", "pIC50")
    assert not any("no row of" in note for note in dataset.notes)


def test_an_sdf_without_a_value_is_a_warning(tmp_path: Path) -> None:
    write_sdf(tmp_path, "1.sdf", SMILES[:15], "pIC50")
    write_sdf(tmp_path, "2.sdf", SMILES[15:], "other")
    with pytest.warns(ChemVAEWarning, match="no row of 2.sdf has a value of 'pIC50'"):
        ingest_all(tmp_path, "*.sdf", "pIC50")
