"""Predictors: calibrated, saved without pickle, differentiable."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from chem_vae.checkpoint import ConditionScale
from chem_vae.predictors import gaussian_process
from chem_vae.predictors.labels import Labels
from chem_vae.predictors.predictor_figures import check, compute_figures
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


@pytest.mark.parametrize("n", [100, 2000])
@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_the_unit_of_the_values_changes_nothing(n: int, unit: float, tmp_path: Path) -> None:
    """Values in mol/L are a billionth of those in nM, and their variances far smaller."""
    z, y = made(n)
    z_test, y_test = made(200, seed=2)
    usual, other = fit_predictor(z, y), fit_predictor(z, y * unit)
    save_predictors({"Kd": other}, tmp_path / "p.safetensors")
    read = StoredPredictors(tmp_path / "p.safetensors")["Kd"]
    for predictor in (other, read):
        for found, expected in zip(predictor.predict(z_test), usual.predict(z_test), strict=True):
            assert torch.allclose(found / unit, expected, atol=0.02)
    usual_figures, figures = check(usual, z_test, y_test, n), check(other, z_test, y_test * unit, n)
    assert figures.r2 == pytest.approx(usual_figures.r2, abs=0.01)


def test_a_file_without_a_unit_is_read_as_it_was_written(tmp_path: Path) -> None:
    predictor = fit_predictor(*made(100))
    process = gaussian_process.GaussianProcess(predictor.z, 100 * predictor.y, unit=1.0)  # type: ignore[attr-defined]
    old = {name: tensor for name, tensor in process.tensors().items() if name != "unit"}
    read = gaussian_process.GaussianProcess.from_tensors(old)
    z = made(20, seed=2)[0]
    assert torch.allclose(read.predict(z).mean, process.predict(z).mean, rtol=1e-4)


def test_noise_is_no_good_prediction_in_a_small_unit_and_equal_values_have_no_r2() -> None:
    y, mean, std = 1e-8 * torch.rand(50), torch.full((50,), 5e-9), torch.full((50,), 3e-9)
    assert compute_figures("none", 50, y, mean, std).r2 < 0.2
    assert math.isnan(compute_figures("none", 50, torch.full((5,), 0.1), torch.full((5,), 0.2), torch.ones(5)).r2)


def test_labels_are_scaled_by_exact_values_or_by_the_bounds() -> None:
    few = Labels(torch.tensor([5.0, torch.nan, torch.nan]), torch.tensor([torch.nan, 1.0, 9.0]))
    assert few.choose_scale() == (5.0, 4.0)
    assert Labels(torch.full((20,), 3.0)).choose_scale() == (3.0, 1.0)
    many = Labels(torch.cat([torch.arange(10.0), torch.tensor([torch.nan])]), torch.cat([torch.full((10,), torch.nan), torch.tensor([99.0])]))  # fmt: skip
    assert many.choose_scale()[0] == 4.5
    equal = Labels(torch.cat([torch.full((12,), 5.0), torch.full((12,), torch.nan)]), torch.cat([torch.full((12,), torch.nan), torch.arange(12.0)]))  # fmt: skip
    assert equal.choose_scale()[1] > 1.0


def test_a_condition_is_scaled_in_any_unit() -> None:
    values = np.array([3.0, 12.0, 23.0, np.nan])
    assert ConditionScale.fit("Kd", "M", 1e-9 * values).std == pytest.approx(
        1e-9 * ConditionScale.fit("Kd", "nM", values).std
    )
    assert ConditionScale.fit("charge", "", np.full(9, 0.1, np.float32)).std == 1.0
