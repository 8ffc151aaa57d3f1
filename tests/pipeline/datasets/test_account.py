"""What standardization changed is kept for every accepted row, counted and told."""

from __future__ import annotations

from pathlib import Path

from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest


def test_changes_are_kept_by_row_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("smiles,x\nCCCCO,1\nCCCC(=O)[O-].[Na+],2\nCCCCC(=O)[O-],3\nCC(C)(C)[NH3+],4\n")
    dataset = ingest(IngestConfig(source=str(path), compute=("mw",), validation_fraction=0, test_fraction=0), tmp_path)
    changes = dataset.table(["row", "changes"]).set_index("row")["changes"]
    assert changes[0] == "" and changes[2] == changes[3] == "uncharged" and "uncharged" in changes[1].split("; ")
    assert dataset.changes["uncharged"] == 3 and next(iter(dataset.changes)) == "uncharged"
    assert "uncharged: 3, such as row 3: 'CCCC(=O)[O-].[Na+]' became 'CCCC(=O)O'" in dataset.summary()
