"""What a run folder says of the data that the run used."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest
from pipeline.workflows.records.run_folder import RunWriter, describe_sources


def test_the_words_of_classes_are_kept(tmp_path: Path, sample_smiles: list[str]) -> None:
    path = tmp_path / "assay.csv"
    rows = [f"{s},{('active', 'inactive')[i % 2]},{i}" for i, s in enumerate(sample_smiles[:20])]
    path.write_text("\n".join(["smiles,result,pIC50", *rows]))
    config = {"source": str(path), "properties": ["result", "pIC50"], "compute": ["mw"], "merges": 0, "workers": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = ingest(IngestConfig.model_validate(config), tmp_path)
    model: Any = SimpleNamespace(key="k", folder=tmp_path, card={})
    assert describe_sources(model, dataset)["dataset"]["classes"] == {"result": ["active", "inactive"]}


def test_only_what_a_run_made_itself_counts_to_its_time() -> None:
    def made(created: str, seconds: float) -> Any:
        manifest = {"seconds": seconds, "source": {}}
        described = {
            "name": "d",
            "counts": {},
            "changes": {},
            "labels": {},
            "properties": [],
            "warnings": [],
            "notes": [],
        }
        return SimpleNamespace(
            key="k",
            folder=Path("m-1"),
            card={},
            created=datetime.fromisoformat(created),
            reused=False,
            manifest=manifest,
            **described,
        )

    model, dataset = made("2026-11-28T09:00:00+00:00", 4_700.0), made("2026-11-28T12:00:07+00:00", 7.5)
    run: Any = SimpleNamespace(folder=Path("r"))
    begun = datetime(2026, 11, 28, 12, 0, 7, 900_000, UTC)
    own = {"generate": 5.0}
    assert RunWriter(run, "n", model, dataset, 0.0, begun=begun).list_seconds(**own) == {"ingest": 7.5, **own}
    assert RunWriter(run, "n", model, dataset, 0.0).list_seconds(**own) == own, "a run that began with a model"
    told = describe_sources(model, dataset, begun)
    assert (told["model"]["reused"], told["dataset"]["reused"]) == (True, False)
    assert describe_sources(model, dataset)["model"]["reused"] is None
    dataset.reused = True  # in the same second
    assert describe_sources(model, dataset, begun)["dataset"]["reused"] is True
