"""A model away from its dataset, for the tests of models and explore."""

from __future__ import annotations

import shutil

import pytest
from signing import sign_again

from chem_vae.anomaly import FILE
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.training_hashes import write_training_hashes


@pytest.fixture(scope="session")
def alone(model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """The same model away from its dataset, as one that is shipped is."""
    folder = tmp_path_factory.mktemp("shipped") / "a" / "b" / "c" / "tiny"
    shutil.copytree(model.folder, folder)
    (folder / FILE).unlink(missing_ok=True)
    sign_again(folder)
    return TrainedModel.open(folder)


@pytest.fixture(scope="session")
def hashed(model: TrainedModel, alone: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """The same model away from its dataset, with the hashes of its training molecules."""
    dataset = model.dataset()
    assert dataset is not None
    folder = tmp_path_factory.mktemp("hashed") / "a" / "b" / "c" / "tiny"
    shutil.copytree(alone.folder, folder)
    write_training_hashes(folder, dataset.table(["smiles"], split="train")["smiles"].tolist())
    sign_again(folder)
    return TrainedModel.open(folder)
