"""The figures of a predictor on held-out molecules: its errors, and the coverage of its intervals."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from chem_vae.predictors import PropertyPredictor

COVERAGES = (0.5, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class PredictorFigures:
    """The accuracy and the calibration of a predictor on molecules that it has not seen."""

    method: str
    n_train: int
    n_test: int
    r2: float
    mae: float
    rmse: float
    coverage: dict[str, float]
    """By nominal coverage ("0.9"): the share of held-out values within that central interval."""
    parity: list[tuple[float, float, float]]
    """(measured, predicted, standard deviation) of up to 500 held-out molecules."""


@torch.no_grad()
def check(predictor: PropertyPredictor, z: Tensor, y: Tensor, n_train: int) -> PredictorFigures:
    """Check a predictor on held-out molecules.

    Args:
        predictor: The predictor.
        z: (n, D) latent means.
        y: (n,) measured values; rows with NaN are left out.
        n_train: The molecules that it was fitted on, for the record.

    Returns:
        The figures; NaN below two molecules.
    """
    measured = torch.isfinite(y)
    z, y = z[measured], y[measured]
    if len(y) < 2:
        nan = float("nan")
        return PredictorFigures(predictor.method, n_train, len(y), nan, nan, nan, {str(c): nan for c in COVERAGES}, [])
    mean, std = predictor.predict(z)
    return compute_figures(predictor.method, n_train, y, mean, std)


def compute_figures(method: str, n_train: int, y: Tensor, mean: Tensor, std: Tensor) -> PredictorFigures:
    """Compute the figures of predictions that were made already.

    Args:
        method: The predictor's method, for the record.
        n_train: The molecules that it was fitted on, for the record.
        y: (n,) measured values, two at least.
        mean: (n,) predicted means.
        std: (n,) predicted standard deviations.

    Returns:
        The figures; R² is NaN where the measured values are all equal.
    """
    error = y - mean
    varies = bool(y.max() > y.min())
    r2 = (
        1.0 - float(error.double().square().sum() / (y.double() - y.double().mean()).square().sum())
        if varies
        else torch.nan
    )
    normal = torch.distributions.Normal(0.0, 1.0)
    coverage = {
        str(c): float((error.abs() <= std * normal.icdf(torch.tensor(0.5 + c / 2))).float().mean()) for c in COVERAGES
    }
    rows = torch.stack([y, mean, std], dim=1)[:500].tolist()
    return PredictorFigures(
        method,
        n_train,
        len(y),
        r2,
        float(error.abs().mean()),
        float(error.square().mean().sqrt()),
        coverage,
        [(a, b, c) for a, b, c in rows],
    )
