"""Acquisition functions: hope, caution, targets, expected improvement, several objectives."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from chem_vae.predictors import Prediction
from pipeline.generation.acquisition.functions import acquire, compute_best_measured, compute_utility
from pipeline.generation.config import MeasuredConfig
from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import PropertySummary, ResolvedObjective
from pipeline.objectives.resolve import resolve


def wanted(**aims: Objective) -> list[ResolvedObjective]:
    """Objectives of measured properties whose data run from 0 to 1."""
    known = [PropertySummary.from_values(n, n, "", "measured", np.linspace(0, 1, 101)) for n in aims]
    return resolve(aims, known)[0]


def test_hope_and_caution() -> None:
    aim = wanted(y=Objective(maximize=True))
    predicted = {"y": Prediction(torch.tensor([0.5, 0.45]), torch.tensor([0.01, 0.3]))}

    def first(**config: object) -> int:
        return int(acquire(aim, {}, predicted, MeasuredConfig.model_validate(config), 0.0).argmax())

    assert first(acquisition="mean") == 0 and first(kappa=1.0) == 1 and first(kappa=-1.0) == 0
    least = wanted(y=Objective(minimize=True))
    assert int(acquire(least, {}, predicted, MeasuredConfig(kappa=1.0), 0.0).argmax()) == 1


def test_a_target_is_hoped_for_from_either_side() -> None:
    aim = wanted(y=Objective(target=0.5, tolerance=0.05))
    predicted = {"y": Prediction(torch.tensor([0.3, 0.7, 0.3]), torch.tensor([0.1, 0.1, 0.01]))}
    worth = acquire(aim, {}, predicted, MeasuredConfig(kappa=2.0), 0.0)
    assert worth[0] == pytest.approx(float(worth[1]), abs=1e-4) and worth[0] > worth[2] + 0.5
    far = compute_utility(aim, {"y": torch.tensor([3.0, 2.0])})
    assert far[1] > far[0] > -10  # beyond all data there is a slope yet


def test_expected_improvement_is_the_closed_form() -> None:
    aim = wanted(y=Objective(maximize=True))
    mean, std = torch.tensor([0.5, 0.9, 0.2]), torch.tensor([0.2, 0.1, 0.05])
    best = 0.8
    standard = compute_utility(aim, {"y": torch.tensor([best])}).item()
    worth = acquire(aim, {}, {"y": Prediction(mean, std)}, MeasuredConfig(acquisition="ei"), standard)
    normal = torch.distributions.Normal(0.0, 1.0)
    t = (mean - best) / std
    closed = std * (t * normal.cdf(t) + normal.log_prob(t).exp()) / aim[0].summary.std
    torch.testing.assert_close(worth.exp()[:2], closed[:2], rtol=0.15, atol=0.01)
    assert worth.argmax() == 1 and worth[2] < worth[0] and torch.isfinite(worth).all()


def test_several_objectives_and_what_is_missing() -> None:
    aim = wanted(y=Objective(range=(0.4, 0.6)), w=Objective(range=(0.4, 0.6)))
    values = {"y": torch.tensor([0.5, 0.5, math.nan]), "w": torch.tensor([0.5, 0.9, 0.5])}
    found = compute_utility(aim, values)
    assert found[0] == 0 and found[1] < 0 and torch.isnan(found[2])
    assert compute_best_measured(aim, values) == pytest.approx(float(found[:2].mean()))
