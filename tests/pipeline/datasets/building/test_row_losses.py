"""A systematic loss of rows is a warning with the reason and the option that helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chem_vae.errors import ChemVAEWarning
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest

GOOD = ["CCCCO", "CCCCN", "CCCCCO", "CCCCCN", "CCCCCCO", "CCCCCCN"]
SALTS = ["CCCCC(=O)O.Cl", "CCCC(=O)O.Cl", "CCCCN.Cl"]


def make(tmp_path: Path, smiles: list[str], **standardize: Any) -> Dataset:
    path = tmp_path / "a.csv"
    path.write_text("smiles\n" + "".join(f"{s}\n" for s in smiles))
    settings = {"source": str(path), "compute": ["mw"], "standardize": standardize, "test_fraction": 0}
    return ingest(IngestConfig.model_validate(settings), tmp_path)


def test_one_reason_for_most_rows(tmp_path: Path) -> None:
    with pytest.warns(ChemVAEWarning, match="more than half"):
        dataset = make(tmp_path, [*GOOD, *("C" * n + "CO" for n in range(10, 20))], max_heavy_atoms=9)
    (text,) = dataset.warnings
    assert "10 of 16, 10 of them for one reason: 12 heavy atoms" in text and "max_heavy_atoms" in text


def test_all_rows_of_one_kind(tmp_path: Path) -> None:
    with pytest.warns(ChemVAEWarning, match="several parts"):
        dataset = make(tmp_path, GOOD + SALTS, largest_fragment=False)
    (text,) = dataset.warnings
    assert (
        text.startswith("all 3 rows with several parts (salts, mixtures) were rejected") and "largest_fragment" in text
    )


def test_no_false_alarm(tmp_path: Path) -> None:
    assert make(tmp_path, [*GOOD, *SALTS, "not one", "", "C1CC"]).warnings == []


def test_many_reasons_are_listed_by_stage(tmp_path: Path) -> None:
    with pytest.warns(ChemVAEWarning, match="more than half"):
        dataset = make(tmp_path, [*GOOD[:3], "C" * 40, "C" * 41, "C1CC", "*CC", "[Na+].[Cl-]"], max_heavy_atoms=9)
    assert any("5 of 8 (" in text for text in dataset.warnings), dataset.warnings
