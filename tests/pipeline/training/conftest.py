"""A small dataset of another kind, a fine-tuned model and a shipped one, for the tests of training."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.models.trained_model import TrainedModel
from pipeline.training.config import TrainConfig
from pipeline.training.train import train
from pipeline.workspace import lookup

HEADS = ["C", "CC", "CCC", "FC", "OCC", "NCC", "ClCC", "C#CC", "COCC", "CC(C)"]


CORES = ["c1ccc([Se]C)cc1", "c1ccc(B(O)O)cc1", "c1cc([Se]C)ccc1", "c1ccc(OB(O)O)cc1", "C1CCC([Se]C)CC1"]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, workspace: Path) -> Dataset:
    """50 molecules of a kind that the base has never seen, with symbols and a measured property that it does not know."""
    source = tmp_path_factory.mktemp("small") / "boron.csv"
    with source.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["SMILES", "potency"])
        for i, head in enumerate(HEADS):
            for k, core in enumerate(CORES):
                writer.writerow([head + core, "" if (i + k) % 4 == 0 else 5 + 0.1 * i + 0.3 * k])
    return ingest(_ingested(str(source)), workspace)


def _ingested(source: str, **more: object) -> IngestConfig:
    settings = {"properties": ["potency"], "compute": ["logp"], "merges": 5, "workers": 1}
    fractions = {"validation_fraction": 0.15, "test_fraction": 0.15}
    return IngestConfig.model_validate({"source": source, **settings, **fractions, **more})


def _short(start: str | Path, **more: object) -> TrainConfig:
    quick = {"epochs": 6, "validations": 2, "batch_size": 16}
    return TrainConfig.model_validate({"start": str(start), "training": quick, **more})


@pytest.fixture(scope="session")
def fine_tuned(small: Dataset, model: TrainedModel, workspace: Path) -> TrainedModel:
    return train(small, _short(model.folder), workspace)


@pytest.fixture
def shipped(model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that came with the tiny model, as `tiny`."""
    folder = tmp_path / "installed" / "models" / "tiny"
    shutil.copytree(model.folder, folder)
    monkeypatch.setattr(lookup, "find_data_folder", lambda: tmp_path / "installed")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a base draws apart for each test: some replace its decoder."""
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
