"""Conditional generation in the MOSES benchmark."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from chem_vae.errors import UserError
from pipeline.benchmark import targets
from pipeline.models.trained_model import TrainedModel


def test_compare() -> None:
    asked = np.array([[0.5, 2.0, 1.0, 300.0], [0.7, 3.0, 2.0, 320.0], [0.9, 4.0, 3.0, 340.0]])
    found = targets.compare_with_targets(asked, asked + np.array([0.1, 0.0, -0.5, 10.0]))
    assert found["properties"]["qed"]["mae"] == pytest.approx(0.1)
    assert found["properties"]["logp"]["mae_normalized"] == pytest.approx(0.5 / 10.9473)
    assert found["mean_pearson_r"] == pytest.approx(1.0) and found["of"] == 3
    assert found["mean_mae_normalized"] == pytest.approx((0.1 / 0.7572 + 0 + 0.5 / 10.9473 + 10 / 99.982) / 4, rel=1e-6)
    failed = asked + np.array([0.1, 0.0, -0.5, 10.0])
    failed[0, 0] = math.nan
    assert targets.compare_with_targets(asked, failed)["of"] == 2
    assert math.isnan(targets.compare_with_targets(asked[:0], asked[:0])["mean_mae_normalized"])


def test_protocol_b_and_unknown_targets(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "RANGES", {"logp": (-5.0, 5.0), "mw": (100.0, 400.0)})
    population = np.full((30, 5), np.nan)
    population[:, 0], population[:, 3] = np.linspace(0, 4, 30), np.linspace(200, 350, 30)
    found = targets.run_protocol_b(model.checkpoint, population, 12, targets.Sampling(temperature=0.5), workers=1)
    assert set(found["properties"]) == {"logp", "mw"} and found["valid"]["of"] == 12
    assert found["of"] == found["valid"]["count"] > 0
    again = targets.run_protocol_b(model.checkpoint, population, 12, targets.Sampling(temperature=0.5), workers=1)
    assert json.dumps(found) == json.dumps(again), "a seed repeats it"
    with pytest.raises(UserError, match="not conditioned on qed"):
        targets.draw(model.checkpoint, 2, targets.Sampling(), targets=np.ones((2, 1)), names=["qed"])
