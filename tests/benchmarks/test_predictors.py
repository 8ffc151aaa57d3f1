"""The benchmark of predictors: its figures, and that each predictor is calibrated without the fold that it is checked on."""

from __future__ import annotations

import math

import pytest
import torch
from predictors import average, compare_all, measure

from chem_vae.predictors import Prediction
from pipeline.training.predictors.labelled import Labelled


def test_figures_of_a_calibrated_prediction() -> None:
    random = torch.Generator().manual_seed(0)
    y = 5.0 + 2.0 * torch.randn(20_000, generator=random)
    found = measure(y, Prediction(torch.full_like(y, 5.0), torch.full_like(y, 2.0)))
    assert found["r2"] == pytest.approx(0.0, abs=0.01) and found["rmse"] == pytest.approx(1.0, abs=0.01)
    assert found["log_likelihood"] == pytest.approx(-0.5 * math.log(2 * math.pi * math.e), abs=0.01), (
        "in unit deviations"
    )
    assert all(share == pytest.approx(float(level), abs=0.01) for level, share in found["coverage"].items())


def test_all_predictors_are_compared(sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.training.predictors.forest._TREES", 5)
    smiles = sample_smiles[:100]
    y = torch.tensor([s.count("N") + 0.1 * len(s) for s in smiles])
    found = compare_all(Labelled(smiles, y), None)
    figures = found["figures"]
    assert list(figures) == ["fingerprint", "fingerprint+descriptors", "forest", "chosen"]
    assert figures["fingerprint+descriptors"]["r2"] > figures["fingerprint"]["r2"] > 0.0
    assert len(found["chosen_by_folds"]) == 4 and found["molecules"] == 100
    mean = average({"a": found, "b": found})
    assert mean["forest"]["r2"] == pytest.approx(figures["forest"]["r2"])
