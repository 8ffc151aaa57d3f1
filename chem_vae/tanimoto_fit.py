"""The hyperparameters of a Gaussian process with the Tanimoto kernel, by marginal likelihood.

Amplitude and mean have closed forms, so that the noise is the one number to search for (Rasmussen & Williams 2006, 5.4).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_NOISES = torch.logspace(-3, 2, 61, dtype=torch.float64)
"""Noise variances to choose from, as shares of the amplitude."""
_USUAL_NOISE, _USUAL_SPREAD = 0.3, 2.0
"""Median, and deviation of the logarithm, of a weak prior on them: fifty labels alone can point to either extreme."""


class TanimotoFit(NamedTuple):
    """The hyperparameters, fitted by marginal likelihood."""

    noise: float
    """The variance of the noise, as a share of the amplitude."""
    amplitude: float
    """The variance of standardized values."""
    mean: float
    """The mean of standardized values."""


def fit_kernel(kernel: Tensor, y: Tensor) -> TanimotoFit:
    """Fit by marginal likelihood, in the kernel matrix's eigenvectors: each noise costs n, not n³."""
    values, vectors = torch.linalg.eigh(kernel)
    ones, rotated = vectors.sum(dim=0), vectors.T @ y
    weights = 1.0 / (values.clamp_min(0.0) + _NOISES[:, None])  # (noises, n)
    mean = (weights * ones * rotated).sum(dim=1) / (weights * ones.square()).sum(dim=1)
    residual = rotated - mean[:, None] * ones
    amplitude = (weights * residual.square()).mean(dim=1).clamp_min(1e-12)
    likelihood = 0.5 * (weights.log().sum(dim=1) - len(y) * amplitude.log())
    usual = -0.5 * ((_NOISES / _USUAL_NOISE).log() / _USUAL_SPREAD).square()
    best = int((likelihood + usual).argmax())
    return TanimotoFit(float(_NOISES[best]), float(amplitude[best]), float(mean[best]))
