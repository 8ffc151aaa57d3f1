"""Predictors: calibrated, saved without pickle, differentiable."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from chem_vae.predictors import gaussian_process
from chem_vae.predictors.predictor_figures import check
from chem_vae.predictors.predictor_files import StoredPredictors, save_predictors
from chem_vae.predictors.predictor_fit import fit_predictor


def made(n: int, noise: float = 0.3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """y = 3 sin(z0) + z1 + noise, in 8 dimensions of which two matter."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 8, generator=generator)
    return z, 3 * z[:, 0].sin() + z[:, 1] + noise * torch.randn(n, generator=generator)


@pytest.mark.parametrize(("n", "method"), [(200, "Gaussian process"), (3000, "MLP ensemble")])
def test_fit_check_save_load(n: int, method: str, tmp_path: Path) -> None:
    z, y = made(n)
    y[::7] = torch.nan  # unmeasured molecules are left out
    predictor = fit_predictor(z, y)
    predictor.calibrate(*made(300, seed=1))
    z_test, y_test = made(1000, seed=2)
    figures = check(predictor, z_test, y_test, n)
    assert figures.method == method
    assert figures.r2 > 0.85
    assert figures.mae < 0.6
    for nominal, observed in figures.coverage.items():
        assert abs(float(nominal) - observed) < 0.12, figures.coverage
    save_predictors({"pIC50": predictor}, tmp_path / "p.safetensors")
    loaded = StoredPredictors(tmp_path / "p.safetensors")["pIC50"]
    for a, b in zip(predictor.predict(z_test[:50]), loaded.predict(z_test[:50]), strict=True):
        assert torch.allclose(a, b, atol=1e-3)


@pytest.mark.parametrize("n", [100, 2000])
def test_predictions_have_gradients(n: int) -> None:
    predictor = fit_predictor(*made(n))
    z = torch.zeros(3, 8, requires_grad=True)
    predictor.predict(z).mean.sum().backward()
    assert z.grad is not None
    assert (z.grad[:, 0] > 0.5).all()  # the slope of 3 sin(z0) at 0 is 3


def test_uncertainty_grows_away_from_the_data() -> None:
    predictor = fit_predictor(*made(150))
    near, far = predictor.predict(torch.zeros(1, 8)).std, predictor.predict(torch.full((1, 8), 6.0)).std
    assert far > 1.5 * near


def test_hyperparameters_are_found_from_some_of_many_molecules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    z, y = made(400, noise=0.0)
    z_test, y_test = made(500, noise=0.0, seed=2)
    whole = fit_predictor(z, y, noisy=False)
    monkeypatch.setattr(gaussian_process, "FIT_ON_WITHOUT_NOISE", 120)
    some, alone = fit_predictor(z, y, noisy=False), fit_predictor(z[:120], y[:120], noisy=False)
    r2 = {name: check(p, z_test, y_test, 400).r2 for name, p in {"whole": whole, "some": some, "alone": alone}.items()}
    assert r2["some"] > 0.98 and r2["some"] > r2["whole"] - 0.01 and 1 - r2["some"] < 0.7 * (1 - r2["alone"]), r2
    save_predictors({"logp": some}, tmp_path / "p.safetensors")
    loaded = StoredPredictors(tmp_path / "p.safetensors")["logp"]
    assert torch.allclose(loaded.predict(z_test[:50]).mean, some.predict(z_test[:50]).mean, atol=1e-3)
