"""Datasets, models, runs, unfinished optimizations and settings that version 0.1.0 wrote still open.

`old_formats/` was written by that version from `molecules.csv` and `tiny.toml`, and is never written again.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig
from pipeline.generation.generate import generate
from pipeline.models.trained_model import load_model
from pipeline.optimization.config import OptimizeConfig
from pipeline.workflows.optimize_run import optimize_run
from pipeline.workspace.lookup import find_dataset
from pipeline.workspace.runs import Run, list_runs

OLD = Path(__file__).parent / "old_formats"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the old workspace, to be read and added to."""
    return Path(shutil.copytree(OLD / "workspace", tmp_path / "workspace"))


def test_an_old_dataset_opens(workspace: Path) -> None:
    dataset = Dataset.open(find_dataset("molecules", workspace))
    assert dataset.counts["rows"] == 301 and dataset.counts["accepted"] == 300
    assert len(dataset.table(["smiles"])) == 300 and len(dataset.tokens("train")) == dataset.counts["train"]


def test_an_old_model_encodes_predicts_and_generates(workspace: Path) -> None:
    model = load_model(workspace / "models" / "molecules-958f0e30", workspace)
    z = model.encode(["CCc1ccc(cc1)C(=O)N"])
    assert z.shape == (1, 4) and len(model.decode(z)) == 1
    assert set(model.predictors) == {"logp", "potency"} and "potency" in model.measured
    report = generate(model, config=GenerateConfig(n=3, samples=30), dataset=model.dataset(workspace))
    assert report.counts["requested"] == 30 and report.counts["novel"] >= len(report.to_frame()) > 0


def test_old_runs_open_with_their_reports_and_settings(workspace: Path) -> None:
    runs = {run.id: run for run in list_runs(workspace)}
    assert set(runs) == {"20261125-200547-tiny", "20261125-200551-search"}
    for run in runs.values():
        assert run.report["run_id"] == run.id
        assert load_config(run.folder / "config.json").name in ("tiny", "search")
        assert load_model(run.folder).conditions
    assert Run.open("latest", workspace, optimization=True).id == "20261125-200551-search"
    assert Run.open("latest", workspace, optimization=False).id == "20261125-200547-tiny"


def test_an_old_settings_file_is_understood() -> None:
    config = load_config(OLD / "tiny.toml")
    assert config.ingest.properties[0].unit == "nM" and config.train.model.latent_size == 4
    assert config.generate.objectives["potency"].minimize and config.optimize is not None


def test_an_old_unfinished_optimization_goes_on_without_paying_twice(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls that version 0.1.0 paid for are in the finished run, in their order, and only the others were asked about."""
    monkeypatch.syspath_prepend(str(OLD))
    monkeypatch.delitem(sys.modules, "old_oracle", raising=False)
    (unfinished,) = (workspace / "optimizations").iterdir()
    with (unfinished / "oracle.jsonl").open(encoding="utf-8") as file:
        paid = [json.loads(line)["smiles"] for line in file if '"order"' in line]
    assert len(paid) == 10
    config = OptimizeConfig.model_validate(
        {
            "oracle": {"function": "old_oracle:score"},
            "objectives": {"score": {"maximize": True}},
            "oracle_calls": len(paid) + 10,
        }
    )
    run = optimize_run(load_model("molecules-958f0e30", workspace), config, workspace, "cut")
    with (run.folder / "calls.csv").open(encoding="utf-8", newline="") as file:
        calls = [row["smiles"] for row in csv.DictReader(file)]
    assert calls[: len(paid)] == paid and len(calls) == len(set(calls)) == len(paid) + 10
    assert not unfinished.exists()
