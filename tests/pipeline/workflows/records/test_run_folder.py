"""What a run folder says of the data that the run used."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest
from pipeline.workflows.records.run_folder import describe_sources


def test_the_words_of_classes_are_kept(tmp_path: Path, sample_smiles: list[str]) -> None:
    path = tmp_path / "assay.csv"
    rows = [f"{s},{('active', 'inactive')[i % 2]},{i}" for i, s in enumerate(sample_smiles[:20])]
    path.write_text("\n".join(["smiles,result,pIC50", *rows]))
    config = {"source": str(path), "properties": ["result", "pIC50"], "compute": ["mw"], "merges": 0, "workers": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = ingest(IngestConfig.model_validate(config), tmp_path)
    model: Any = SimpleNamespace(key="k", folder=tmp_path, reused=False, card={})
    assert describe_sources(model, dataset)["dataset"]["classes"] == {"result": ["active", "inactive"]}
