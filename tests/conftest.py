"""For all tests: one thread for each process, and one tiny model.

The model is trained on 400 molecules of the embedded sample with a made-up assay, once in each process.
"""

from __future__ import annotations

import os

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before torch loads: pytest-xdist runs as many processes as there are cores

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3_server import S3Server, start_s3_server

from chem_vae.config import ModelConfig, TrainingConfig
from pipeline.datasets.config import IngestConfig, MeasuredProperty
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.models.trained_model import TrainedModel
from pipeline.training.config import TrainConfig
from pipeline.training.train import train
from pipeline.workspace.registry import find_data_folder


@pytest.fixture(scope="session")
def sample_smiles() -> list[str]:
    """The first 3,000 SMILES of the embedded sample."""
    with gzip.open(find_data_folder() / "moses-sample.csv.gz", "rt") as file:
        return [row["SMILES"] for _, row in zip(range(3000), csv.DictReader(file), strict=False)]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="session")
def dataset(workspace: Path, sample_smiles: list[str]) -> Dataset:
    """400 molecules; `assay` is measured for two of three, and depends on the structure."""
    source = workspace / "assay.csv"
    with source.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["SMILES", "assay", "batch"])
        for i, smiles in enumerate(sample_smiles[:2800:7]):
            writer.writerow([smiles, "" if i % 3 == 0 else smiles.count("N") + 0.1 * len(smiles), f"B{i % 5}"])
    config = IngestConfig(
        source=str(source),
        properties=(MeasuredProperty(name="assay", unit="nM"),),
        compute=("logp", "mw"),
        merges=50,
        test_fraction=0.1,
        validation_fraction=0.1,
        workers=1,
    )
    return ingest(config, workspace)


@pytest.fixture(scope="session")
def tiny_training() -> TrainConfig:
    return TrainConfig(
        model=ModelConfig(embedding_size=32, encoder_size=32, decoder_size=64, latent_size=16),
        training=TrainingConfig(epochs=15, batch_size=32, validations=2, learning_rate=5e-3),
    )


@pytest.fixture(scope="session")
def model(dataset: Dataset, workspace: Path, tiny_training: TrainConfig) -> TrainedModel:
    return train(dataset, tiny_training, workspace)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A real S3 server, started when a test first asks for it."""
    with start_s3_server() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server, with its address and its credentials in the environment."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server
