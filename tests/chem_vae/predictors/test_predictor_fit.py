"""Fits of predictors on latent points: too few labels, bounds, and labels with noise of their own, on a function that is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from chem_vae.data import TokenDataset
from chem_vae.errors import DataError
from chem_vae.predictors import predictor_fit
from chem_vae.predictors.gaussian_process import GaussianProcess
from chem_vae.predictors.labels import Labels
from chem_vae.predictors.predictor_fit import fit_predictor, read_labels

NOISE = 0.2


def _draw(n: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Points (n, 3), true values and measured ones (n,)."""
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 3, generator=random)
    kernel = (-torch.cdist(z, z).square() / 5.0).exp().double() + 1e-5 * torch.eye(n, dtype=torch.float64)
    truth = 5 + (torch.linalg.cholesky(kernel) @ torch.randn(n, 1, dtype=torch.float64, generator=random))[:, 0].float()
    return z, truth, truth + NOISE * torch.randn(n, generator=random)


def _censor(y: Tensor, limit: float) -> Labels:
    above = y > limit
    return Labels(y.masked_fill(above, torch.nan), torch.full_like(y, limit).masked_fill(~above, torch.nan))


@pytest.mark.parametrize("most", [1500, 50])
def test_bounds_used_as_such_beat_leaving_them_out(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor_fit, "GP_MOST", most)  # the process, and the ensemble of many molecules
    z, truth, y = _draw(520, 0)
    limit, learned = float(y[:120].quantile(0.7)), slice(0, 120)
    labels = _censor(y[learned], limit)
    exact = labels.is_exact
    fits = (
        fit_predictor(z[learned], labels),
        fit_predictor(z[learned][exact], y[learned][exact]),
        fit_predictor(z[learned], labels.values),
    )
    above = truth[120:] > limit
    with torch.no_grad():
        errors = [f.predict(z[120:]).mean[above].sub(truth[120:][above]).square().mean().sqrt() for f in fits]
        mean, std = fits[0].predict(z[120:])
    assert errors[0] < 0.9 * errors[2] and errors[0] < (0.9 if most == 1500 else 1.0) * errors[1]
    if most == 1500:
        inside = ((mean - y[120:]).abs() <= 1.2816 * std).float().mean()
        assert float(inside) == pytest.approx(0.8, abs=0.1)


def test_a_process_with_bounds_is_read_as_it_was_written_and_has_gradients() -> None:
    z, _, y = _draw(60, 1)
    made = fit_predictor(z, _censor(y, 5.5))
    assert isinstance(made, GaussianProcess)
    read = GaussianProcess.from_tensors(made.tensors())
    points = z[:8].clone().requires_grad_(True)
    for a, b in zip(made.predict(points), read.predict(points), strict=True):
        assert torch.allclose(a, b, atol=1e-4)
    made.predict(points).mean.sum().backward()
    assert points.grad is not None and points.grad.abs().sum() > 0


def test_a_label_with_much_noise_of_its_own_counts_little() -> None:
    z, _, y = _draw(60, 2)
    spread = torch.full_like(y, torch.nan)
    y[0], spread[0] = y[0] + 5.0, 5.0
    careful = fit_predictor(z, Labels(y, spread=spread)).predict(z[:1]).mean.detach()
    assert float(y[0] - careful) > 3.0


def test_labels_are_read_from_a_dataset() -> None:
    values = np.array([[1.0], [np.nan], [np.nan]], np.float32)
    bounds = np.full((3, 1, 2), np.nan, np.float32)
    bounds[1, 0, 0] = 4.0
    spreads = np.array([[0.5], [np.nan], [np.nan]], np.float32)
    labels = read_labels(TokenDataset.from_lists([[1], [2], [3]], values, bounds, spreads), 0)
    assert labels.is_exact.tolist() == [True, False, False] and labels.is_bound.tolist() == [False, True, False]
    assert labels.values[:2].tolist() == [1.0, 4.0] and labels.spreads.tolist() == [0.5, 0.0, 0.0]
    assert read_labels(TokenDataset.from_lists([[1]], np.array([[2.0]], np.float32)), 0).is_plain


def test_too_few_labels_are_refused() -> None:
    with pytest.raises(DataError, match="too few"):
        fit_predictor(torch.zeros(30, 2), torch.tensor([1.0] * 9 + [float("nan")] * 21))
