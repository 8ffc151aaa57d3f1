"""The run folder of a generation holds settings, model, report, candidates and manifest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import pipeline as mg
from pipeline.config import CampaignConfig
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.objectives.config import Objective
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.repeat import repeat
from pipeline.workspace.runs import OVERALL, Run, list_runs, read_settings, select_overall


def test_a_run_folder_holds_it_all_with_strict_json(model: TrainedModel, dataset: Dataset, workspace: Path) -> None:
    config = GenerateConfig(
        n=5,
        samples=80,
        strategy="conditional",
        objectives={"logp": Objective(target=2.0), "assay": Objective(maximize=True)},
    )
    run = generate_run(model, dataset, config, workspace, "my run")
    names = {p.name for p in run.folder.iterdir()}
    assert {
        "config.json",
        "model",
        "report.html",
        "report.json",
        "candidates.csv",
        "candidates.sdf",
        "manifest.json",
    } <= names

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is not JSON")

    report = json.loads((run.folder / "report.json").read_text(), parse_constant=refuse)
    again = CampaignConfig.model_validate({**json.loads((run.folder / "config.json").read_text()), "name": "again"})
    assert again.generate == config
    assert again.train.training.epochs == 15
    stages = {s["stage"]: s for s in report["funnel"]}
    assert stages["valid"]["of"] == stages["decoded"]["count"]
    assert stages["novel"]["of"] == stages["unique"]["count"]
    assert {a["property"]: a["basis"] for a in report["achieved"]} == {"logp": "computed", "assay": "predicted"}
    assert len(report["latent_map"]["data"]) == len(report["latent_map"]["values"])
    manifest = run.manifest
    assert manifest["model"]["key"] == model.key
    assert manifest["dataset"]["key"] == dataset.key
    assert "rdkit" in manifest["versions"]
    assert set(manifest["files"]) >= {"report.html", "model/model.safetensors"}
    assert Run.open(run.id, workspace).folder == run.folder
    assert Run.open("my-run", workspace).id == run.id
    assert list_runs(workspace)[0].id == run.id
    copied = load_model(run.folder)
    assert copied.key == model.key
    weights = run.folder / "model" / "model.safetensors"
    assert weights.samefile(model.folder / "model.safetensors")  # the run takes no second copy of the model
    same = [mg.generate(m, target={"logp": 2.0}, n=4, samples=40).molecules["smiles"].tolist() for m in (model, copied)]
    assert same[0] == same[1]


def test_the_places_that_a_run_keeps_are_absolute(
    model: TrainedModel, dataset: Dataset, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(dataset.manifest["options"]["source"], "assay.csv")
    config = GenerateConfig(n=2, samples=40)
    run = generate_run(model, dataset, config, workspace, "placed", source="assay.csv", library="lib.sqlite")
    kept = read_settings(run.folder)
    assert kept["library"] == str(tmp_path / "lib.sqlite") and kept["ingest"]["source"] == str(tmp_path / "assay.csv")
    assert kept["ingest"] == {**dataset.manifest["options"], "source": str(tmp_path / "assay.csv")}


def test_what_holds_for_a_whole_run_is_kept(
    model: TrainedModel, dataset: Dataset, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next round is published, too, and has the same limit; a repetition of the run is not told to."""
    monkeypatch.chdir(tmp_path)
    config = CampaignConfig(publish="pub", fail_under=2, dask="tcp://me:secret@host:8786")
    made = GenerateConfig(n=2, samples=40)
    run = generate_run(model, dataset, made, workspace, "whole", overall=config.list_overall())
    kept = select_overall(read_settings(run.folder))
    assert kept == {"publish": str(tmp_path / "pub"), "fail_under": 2, "dask": "tcp://***@host:8786"}
    again = repeat(run, workspace)
    assert again.same and select_overall(read_settings(again.run.folder)) == {}
    tables = {"name", "ingest", "train", "generate", "optimize", "screen"}
    assert set(CampaignConfig.model_fields) == {*tables, *OVERALL}
