"""The Fréchet ChemNet Distance."""

from __future__ import annotations

import builtins
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chem_vae.errors import UserError
from pipeline.benchmark import chemnet
from pipeline.benchmark.chemnet import Gaussian, compute_frechet_distance
from pipeline.benchmark.molecules import MeasuredParts, measure
from pipeline.benchmark.moses import BenchmarkSettings, run_benchmark
from pipeline.models.trained_model import TrainedModel


def test_frechet_distance_in_closed_form() -> None:
    # Diagonal covariances: the sum of (m1 - m2)² + (s1 - s2)² over the dimensions.
    a = Gaussian(np.array([0.0, 1.0]), np.diag([4.0, 9.0]), 10)
    b = Gaussian(np.array([3.0, 1.0]), np.diag([1.0, 25.0]), 10)
    assert compute_frechet_distance(a, b) == pytest.approx(9 + 1 + 4)
    assert compute_frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])  # the distance does not depend on the axes
    turned = [Gaussian(turn @ g.mean, turn @ g.covariance @ turn.T, 10) for g in (a, b)]
    assert compute_frechet_distance(*turned) == pytest.approx(14)
    singular = Gaussian(np.zeros(2), np.diag([1.0, 0.0]), 10)
    assert compute_frechet_distance(singular, Gaussian(np.zeros(2), np.eye(2), 10)) == pytest.approx(1.0)
    assert math.isnan(compute_frechet_distance(a, Gaussian(a.mean, a.covariance, 1)))


def test_frechet_distance_agrees_with_a_general_matrix_root() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2000, 30)), rng.normal(size=(2000, 30)) @ rng.normal(size=(30, 30))
    a, b = (Gaussian(v.mean(axis=0), np.cov(v.T), len(v)) for v in (x, y))
    root = linalg.sqrtm(a.covariance @ b.covariance).real
    expected = ((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance + b.covariance - 2 * root)
    assert compute_frechet_distance(a, b) == pytest.approx(expected, abs=1e-4)


def test_chemnet(sample_smiles: list[str]) -> None:
    fcd_torch = pytest.importorskip("fcd_torch")
    assert fcd_torch is not None
    some = measure(sample_smiles[:40], MeasuredParts(structure=False, properties=False)).smiles
    whole = chemnet.fit_gaussian(some)
    parted = chemnet.fit_gaussian(some, batch_size=7)
    assert np.allclose(whole.mean, parted.mean, atol=1e-6) and np.allclose(
        whole.covariance, parted.covariance, atol=1e-6
    )
    assert whole.covariance.shape == (chemnet.FEATURES, chemnet.FEATURES) and whole.n == 40
    assert compute_frechet_distance(whole, parted) == pytest.approx(0.0, abs=1e-3)
    assert chemnet.compute_fcd(some[:20], some[20:]) > 1
    assert math.isnan(chemnet.compute_fcd(some[:1], some))


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, model: TrainedModel, tmp_path: Path) -> None:
    real = builtins.__import__

    def absent(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("fcd_torch"):
            raise ImportError("No module named 'fcd_torch'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(UserError, match=r"chem-vae\[benchmark\]"):
        chemnet.find_fcd_version()
    with pytest.raises(UserError, match=r"chem-vae\[benchmark\]"):
        run_benchmark(model, BenchmarkSettings().quick(), tmp_path)
    assert not any(tmp_path.iterdir()), "it is said before anything is begun"
