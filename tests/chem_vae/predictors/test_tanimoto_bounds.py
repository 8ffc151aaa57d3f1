"""Bounds, labels with noise of their own, and classes in the Tanimoto process, on functions that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from chem_vae.predictors import Prediction
from chem_vae.predictors.labels import Labels
from chem_vae.predictors.tanimoto import tanimoto
from chem_vae.predictors.tanimoto_classes import TanimotoClassifier, calibrate_probability, fit_probability_scale
from chem_vae.predictors.tanimoto_process import TanimotoProcess

LEARNED, CHECKED, NOISE = 150, 250, 0.3


def _draw(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw molecules of a few series: features (n, F), true values and measured ones (n,)."""
    random = torch.Generator().manual_seed(seed)
    n = LEARNED + CHECKED
    series = (torch.rand(12, 128, generator=random) < 0.3)[torch.randint(12, (n,), generator=random)]
    features = (series ^ (torch.rand(n, 128, generator=random) < 0.06)).float()
    kernel = tanimoto(features, features).double() + 1e-6 * torch.eye(n, dtype=torch.float64)
    truth = 6 + torch.linalg.cholesky(kernel) @ torch.randn(n, dtype=torch.float64, generator=random)
    return features, truth, truth + NOISE * torch.randn(n, dtype=torch.float64, generator=random)


def _measure(process: TanimotoProcess, features: Tensor, truth: Tensor, y: Tensor, above: float) -> tuple[float, float]:
    """Measure the RMSE on the truth above a threshold, and how far the 80 % interval is from holding 80 %."""
    mean, std = process.predict(features)
    high = truth > above
    inside = ((mean - y).abs() <= 1.2816 * std).double().mean()
    return float((mean - truth)[high].square().mean().sqrt()), abs(float(inside) - 0.8)


def test_bounds_used_as_such_beat_leaving_them_out_and_taking_them_as_values() -> None:
    found = []
    for seed in range(3):
        features, truth, y = _draw(seed)
        learned, checked = features[:LEARNED], (features[LEARNED:], truth[LEARNED:], y[LEARNED:])
        limit = float(y[:LEARNED].quantile(0.7))
        censored = y[:LEARNED] > limit
        exact = y[:LEARNED].masked_fill(censored, torch.nan)
        lower = torch.full_like(exact, limit).masked_fill(~censored, torch.nan)
        processes = (
            TanimotoProcess(learned, Labels(exact, lower)),
            TanimotoProcess(learned[~censored], exact[~censored]),
            TanimotoProcess(learned, torch.where(censored, limit, y[:LEARNED])),
        )
        found.append([_measure(p, *checked, limit) for p in processes])
    (rmse, off), *others = np.mean(found, axis=0).tolist()
    for other_rmse, other_off in others:
        assert rmse < 0.9 * other_rmse and off < other_off
    assert off < 0.06


def test_upper_bounds_mirror_lower_ones() -> None:
    features, _, y = _draw(0)
    features, y = features[:80], y[:80]
    high = y > y.quantile(0.6)
    exact, bound = (
        y.masked_fill(high, torch.nan),
        torch.full_like(y, float(y.quantile(0.6))).masked_fill(~high, torch.nan),
    )
    mean, std = TanimotoProcess(features, Labels(exact, lower=bound)).predict(features)
    mirrored, same = TanimotoProcess(features, Labels(-exact, upper=-bound)).predict(features)
    assert torch.allclose(mean, -mirrored, atol=0.02) and torch.allclose(std, same, rtol=0.05)


def test_a_label_with_much_noise_of_its_own_counts_little() -> None:
    features, _, y = _draw(1)
    features, y = features[:80], y[:80].clone()
    y[0] += 5.0
    spread = torch.full_like(y, torch.nan)
    spread[0] = 5.0
    plain, careful = TanimotoProcess(features, y), TanimotoProcess(features, Labels(y, spread=spread))
    for process in (plain, careful):
        process.fit = plain.fit
    (trusting, _), (wary, _) = (p.predict(features[:1]) for p in (plain, careful))
    assert float(trusting) - float(wary) > 0.5


def test_processes_with_bounds_and_classes_are_read_as_they_were_written() -> None:
    features, _, y = _draw(2)
    features, y = features[:60], y[:60]
    bounds = Labels(y.masked_fill(y > 6, torch.nan), lower=torch.full_like(y, 6.0).masked_fill(y <= 6, torch.nan))
    process = TanimotoProcess(features, bounds)
    classifier = TanimotoClassifier(features, (y > 6).double(), (0.0, 1.0))
    for made in (process, classifier):
        read = type(made).from_tensors(made.tensors())
        for a, b in zip(made.predict(features), read.predict(features), strict=True):
            assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("share", [0.5, 0.15])
def test_probabilities_of_the_active_class_are_calibrated(share: float) -> None:
    features, truth, _ = _draw(3)
    latent = 3 * (truth - 6) + torch.randn(len(truth), generator=torch.Generator().manual_seed(4))
    active = latent > latent.quantile(1 - share)
    classifier = TanimotoClassifier(features[:LEARNED], active[:LEARNED].double(), (0.0, 1.0))
    p, std = classifier.predict(features[LEARNED:])
    assert ((p > 0) & (p < 1)).all() and (std < 0.5).all() and (std <= (p * (1 - p)).sqrt() + 1e-6).all()
    assert roc_auc_score(active[LEARNED:].numpy(), p.numpy()) > 0.75
    assert float(p.mean()) == pytest.approx(float(active[LEARNED:].double().mean()), abs=0.08)
    brier = float((p - active[LEARNED:].double()).square().mean())
    assert brier < 0.9 * share * (1 - share), "better than the base rate alone"
    drawn = classifier.draw(features[LEARNED : LEARNED + 5], 20, torch.Generator().manual_seed(0))
    assert drawn.shape == (20, 5) and ((drawn >= 0) & (drawn <= 1)).all()


def test_drawn_probabilities_are_calibrated_as_the_predicted_ones() -> None:
    features, _, y = _draw(3)
    classifier = TanimotoClassifier(features[:80], (y[:80] > 6).double(), (0.0, 1.0))
    for scale in (0.5, 1.5):
        classifier.scale = scale
        mean, std = classifier.predict_function(features[80:200])
        drawn = classifier.draw(features[80:200], 20_000, torch.Generator().manual_seed(0))
        assert torch.allclose(drawn.mean(dim=0), mean, atol=0.02)
        assert torch.allclose(drawn.std(dim=0), std, atol=0.02)


def test_predictions_of_other_class_labels_are_between_them() -> None:
    features, _, y = _draw(3)
    active = y[:80] > 6
    zero_one = TanimotoClassifier(features[:80], active.double(), (0.0, 1.0)).predict(features[80:100])
    signs = TanimotoClassifier(features[:80], 2 * active.double() - 1, (-1.0, 1.0)).predict(features[80:100])
    assert torch.allclose(signs.mean, 2 * zero_one.mean - 1, atol=1e-4)
    assert torch.allclose(signs.std, 2 * zero_one.std, atol=1e-4)


def test_bold_probabilities_are_scaled_down() -> None:
    random = torch.Generator().manual_seed(0)
    true = torch.special.ndtr(torch.randn(2000, generator=random))
    active = torch.rand(2000, generator=random) < true
    bold = torch.special.ndtr(2.5 * torch.special.ndtri(true))
    scale = fit_probability_scale(bold, active)
    assert scale == pytest.approx(0.4, abs=0.06)
    changed = calibrate_probability(Prediction(bold, torch.full_like(bold, 0.1)), scale)
    assert torch.allclose(changed.mean, true, atol=0.06)
    assert (changed.std <= (changed.mean * (1 - changed.mean)).sqrt() + 1e-6).all()
