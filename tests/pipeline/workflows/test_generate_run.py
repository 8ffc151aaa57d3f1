"""The run folder of a generation holds settings, model, report, candidates and manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pipeline as mg
from pipeline.config import CampaignConfig
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.objectives.config import Objective
from pipeline.workflows.generate_run import generate_run
from pipeline.workspace.runs import Run, list_runs


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
