"""The predictor of a measured property in a model's folder: its file and its applicability domain."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from chem_vae.errors import CheckpointError
from pipeline.models.measured_predictor import FILE, features, find_domain_floor, load_measured
from pipeline.models.trained_model import TrainedModel


def test_predictions_come_from_the_better_one(model: TrainedModel) -> None:
    smiles = ["CCOc1ccccc1C(N)=O", "CCN1CCNCC1"]
    found = model.predict(smiles)["assay"]
    torch.testing.assert_close(found.mean, model.measured["assay"].process.predict(features(smiles)).mean)
    none = model.measured["assay"].predict([None, smiles[0]])
    assert torch.isnan(none.mean[0]) and none.mean[1] == pytest.approx(float(found.mean[0]))


def test_the_domain(model: TrainedModel) -> None:
    predictor = model.measured["assay"]
    dataset = model.dataset()
    assert dataset is not None
    measured = dataset.table(["smiles", "assay"]).dropna()["smiles"].tolist()
    assert float(predictor.similarity(measured[:20]).min()) == 1.0
    far = predictor.similarity(["FC(F)(F)C(F)(F)C(F)(F)F", "C1CC1[Si](C)(C)C"])
    assert float(far.max()) < predictor.floor == find_domain_floor(predictor.process.features) < 0.6


def test_a_damaged_file_is_said(model: TrainedModel, tmp_path: Path) -> None:
    assert load_measured(tmp_path / FILE, {}) == {}
    (tmp_path / FILE).write_bytes((model.folder / FILE).read_bytes()[:200])
    with pytest.raises(CheckpointError, match="damaged"):
        load_measured(tmp_path / FILE, {})
