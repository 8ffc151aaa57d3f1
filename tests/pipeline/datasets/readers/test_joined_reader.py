"""Files that a pattern fits are read as one: no column, name or label of a file is lost among the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from tests.pipeline.datasets.reading import write


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
