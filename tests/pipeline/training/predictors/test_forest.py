"""The random forest beside the predictors of measured properties."""

from __future__ import annotations

import pytest
import torch

from chem_vae.predictors.labels import Labels
from pipeline.training.predictors.forest import Forest


def _draw(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    inputs = torch.cat(
        [(torch.rand(n, 30, generator=random) < 0.3).float(), torch.randn(n, 2, generator=random)], dim=1
    )
    return inputs, inputs[:, 0] + 2.0 * inputs[:, 30]


def test_it_learns_from_exact_values_alone() -> None:
    inputs, y = _draw(200)
    bounds = Labels(y.masked_fill(y > 2.0, torch.nan), lower=torch.full_like(y, 2.0).masked_fill(y <= 2.0, torch.nan))
    mean, std = Forest(inputs, bounds).predict(inputs)
    assert mean.isfinite().all() and (std > 0).all() and float(mean.max()) <= 2.0, "it does not go beyond its labels"
    error = (Forest(inputs[:150], y[:150]).predict(inputs[150:]).mean - y[150:]).square().mean().sqrt()
    assert float(error) < 0.5 * float(y.std())


def test_missing_descriptors_and_equal_molecules_do_no_harm() -> None:
    inputs, y = _draw(40)
    inputs[3, 30] = torch.nan
    assert Forest(inputs, y).predict(inputs).mean.isfinite().all()
    assert Forest(torch.ones(12, 5), torch.arange(12.0)).predict(torch.ones(2, 5)).mean.isfinite().all()


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_probabilities_of_classes(only: float) -> None:
    inputs, y = _draw(200)
    active = (y > 0).float()
    p, _ = Forest(inputs[:150], active[:150], classes=True).predict(inputs[150:])
    assert ((p >= 0) & (p <= 1)).all() and float(((p > 0.5) == (y[150:] > 0)).double().mean()) > 0.8
    alone = Forest(inputs[:20], torch.full((20,), only), classes=True).predict(inputs)
    assert (alone.mean == only).all(), "of one class alone it knows no other"
