"""A shipped model is small, has its licence, and keeps no molecule but those that may be passed on."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import ship_model
from ship_model import ship

from chem_vae.predictors import PropertyPredictor
from chem_vae.predictors.mlp_ensemble import MLPEnsemble
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import read_kept_selfies
from pipeline.training.config import TrainConfig
from pipeline.training.train import train
from pipeline.workspace.storage.integrity import check_contents


@pytest.fixture(scope="module")
def mixed(sample_smiles: list[str], tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """A model of 120 molecules of two sources, of which only `free` may be passed on."""
    workspace = tmp_path_factory.mktemp("mixed")
    with (workspace / "mixed.csv").open("w", newline="") as file:
        rows = [(s, "free" if i % 3 else "closed") for i, s in enumerate(sample_smiles[:120])]
        csv.writer(file).writerows([("smiles", "source"), *rows])
    config = IngestConfig(source=str(workspace / "mixed.csv"), compute=("logp",), merges=20, workers=1)
    small = {"embedding_size": 16, "encoder_size": 16, "decoder_size": 24, "latent_size": 8}
    quick = {"epochs": 1, "batch_size": 32, "validations": 1}
    return train(ingest(config, workspace), TrainConfig.model_validate({"model": small, "training": quick}), workspace)


def test_only_molecules_that_may_be_passed_on_are_kept(
    mixed: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="predictors of logp hold latent points"):
        ship(mixed.folder, tmp_path / "druglike", None, ("source", "free"))  # few molecules: a Gaussian process
    monkeypatch.setattr(ship_model, "MLPEnsemble", PropertyPredictor)
    figures = {"benchmark": "druglike", "rows": {"likelihood": {"figures": {"all": {"nats": 30.0, "of": 9}}}}}
    size = ship(mixed.folder, tmp_path / "druglike", figures, ("source", "free"))
    assert size < 2**20
    made = TrainedModel.open(tmp_path / "druglike")
    check_contents(made.folder, made.manifest)
    dataset = mixed.dataset()
    assert dataset is not None
    table = dataset.table(["smiles", "selfies", "source"], split="train")
    free, closed = (table[table["source"] == source] for source in ("free", "closed"))
    assert len(free) > 60 and len(closed) > 30
    kept = set((made.folder / "kept.smi").read_text().split())
    assert kept == set(free["smiles"]) and not kept & set(closed["smiles"])
    assert set(read_kept_selfies(made)) == set(free["selfies"])
    ours, theirs = mixed.encode(free["smiles"].tolist()), made.latent["mu"].float()
    assert len(theirs) == len(free) and float((ours[:, None] - theirs).norm(dim=2).min(dim=0).values.max()) < 1e-2
    assert len(made.latent["values"]) == len(free) and made.typical_distance > 0
    assert "licence: CC BY-SA 3.0" in made.summary() and "150 to 650 g/mol" in made.summary()
    assert "benchmark: -log p(x) of 9 held-out molecules: 30.0 nats" in made.summary()
    assert made.key != mixed.key
    with pytest.raises(SystemExit, match="no training molecule has source 'elsewhere'"):
        ship(mixed.folder, tmp_path / "druglike", None, ("source", "elsewhere"))
    assert TrainedModel.open(tmp_path / "druglike").key == made.key  # refused before anything was removed


def test_what_is_kept_stays_where_nothing_is_said(mixed: TrainedModel, tmp_path: Path) -> None:
    ship(mixed.folder, tmp_path / "moses", None)
    made = TrainedModel.open(tmp_path / "moses")
    assert (made.folder / "kept.smi").read_text() == (mixed.folder / "kept.smi").read_text()
    assert not any(isinstance(p, MLPEnsemble) for p in made.predictors.values())
