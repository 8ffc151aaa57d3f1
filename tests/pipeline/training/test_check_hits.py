"""What a batch would have promised of held-out molecules, and what it kept."""

from __future__ import annotations

import numpy as np
import torch

from chem_vae.predictors import Prediction
from chem_vae.predictors.labels import Labels
from pipeline.training.predictors.compare_predictors import check_hits


def test_a_promise_is_kept_by_predictions_that_know_their_errors() -> None:
    random = np.random.default_rng(0)
    mean = torch.tensor(random.normal(6.0, 1.0, 4000))
    labels = Labels.of(mean + torch.tensor(random.normal(0.0, 0.6, 4000)))
    kept = check_hits(labels, Prediction(mean, torch.full((4000,), 0.6, dtype=torch.float64)))
    assert kept is not None and set(kept) == {"high", "low"}
    for end in kept.values():
        assert end["chosen"] == 400 and abs(end["expected"] - end["found"]) < 40
    assert kept["high"]["threshold"] > 7.0 and kept["low"]["threshold"] < 5.0
    bold = check_hits(labels, Prediction(2.0 * mean - 6.0, torch.full((4000,), 0.1, dtype=torch.float64)))
    assert bold is not None and bold["high"]["expected"] > 1.3 * bold["high"]["found"]  # and it is found out


def test_too_few_molecules_and_bounds_promise_nothing() -> None:
    y = torch.linspace(0, 1, 29)
    assert check_hits(Labels.of(y), Prediction(y, torch.ones(29))) is None
    values = torch.linspace(0, 1, 40)
    unknown = torch.where(torch.arange(40) < 30, values, torch.nan)
    bounds = Labels(
        unknown, torch.full((40,), -torch.inf), torch.where(torch.arange(40) < 30, torch.inf, values), torch.zeros(40)
    )
    found = check_hits(bounds, Prediction(values, torch.ones(40)))
    assert found is not None and found["high"]["chosen"] == 10 and found["high"]["threshold"] <= float(values[29])
