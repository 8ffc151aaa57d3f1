"""Training to a model folder: whole, reused, and set aside where it is damaged."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from chem_vae.config import TrainingConfig
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.training.config import TrainConfig
from pipeline.training.train import train
from pipeline.workspace.lookup import list_workspace_models


def test_a_model_folder_is_whole_and_reused(
    model: TrainedModel, dataset: Dataset, workspace: Path, tiny_training: TrainConfig
) -> None:
    names = {p.name for p in model.folder.iterdir()}
    assert {"model.safetensors", "model.json", "predictors.safetensors", "latent.safetensors", "metrics.csv"} <= names
    assert "resume.safetensors" not in names
    assert not any(p.suffix in (".pkl", ".pt", ".ckpt") for p in model.folder.rglob("*"))
    again = train(dataset, tiny_training, workspace)
    assert again.reused
    assert again.folder == model.folder
    assert any("few for a model" in w for w in model.card["warnings"])
    assert model.card["training_molecules"] == dataset.counts["train"]
    assert {p.name: p.kind for p in model.properties} == {"assay": "measured", "logp": "computed", "mw": "computed"}


def test_predictors_are_fitted_for_every_property_and_checked(model: TrainedModel) -> None:
    figures = {p["property"]: p for p in model.card["predictors"]}
    assert set(figures) == {"assay", "logp", "mw"}
    assert figures["assay"]["n_train"] < figures["logp"]["n_train"]  # a third of the labels is missing
    assert all(math.isfinite(f["r2"]) and f["n_test"] >= 20 for f in figures.values())
    assert set(figures["mw"]["coverage"]) == {"0.5", "0.8", "0.9", "0.95"}


def test_a_model_folder_that_cannot_be_opened_is_set_aside_not_deleted(
    dataset: Dataset, tmp_path: Path, tiny_training: TrainConfig
) -> None:
    (tmp_path / "datasets").symlink_to(dataset.folder.parent)
    training = TrainConfig(model=tiny_training.model, training=TrainingConfig(max_steps=2, validations=1))
    made = train(dataset, training, tmp_path)
    (made.folder / "latent.safetensors").unlink()
    (made.folder / "notes.txt").write_text("mine")
    with pytest.warns(UserWarning, match=r"latent.safetensors is missing.* kept as .*\.damaged-"):
        again = train(dataset, training, tmp_path)
    assert again.folder == made.folder and not again.reused
    aside = next((tmp_path / "models").glob("*.damaged-*"))
    assert (aside / "notes.txt").read_text() == "mine"
    assert list_workspace_models(tmp_path) == [made.folder]
