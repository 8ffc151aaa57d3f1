"""The hyperparameters of a Gaussian process with the Tanimoto kernel, by marginal likelihood.

Amplitude and mean have closed forms, so that the noise is the one number to search for (Rasmussen & Williams 2006, 5.4). Where the
kernel also has descriptors, their weight and their length scale are searched for with it, by the gradient.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_NOISES = torch.logspace(-3, 2, 61, dtype=torch.float64)
"""Noise variances to choose from, as shares of the amplitude."""
_USUAL_NOISE, _USUAL_SPREAD = 0.3, 2.0
"""Median, and deviation of the logarithm, of a weak prior on them: fifty labels alone can point to either extreme."""
_USUAL_LENGTH, _LENGTH_SPREAD = 4.0, 0.5
"""Median, and deviation of the logarithm, of the prior of the length scale, in deviations of the descriptors: molecules drawn by
chance are 3.5 of them apart."""
_USUAL_LOGIT, _LOGIT_SPREAD = 1.5, 1.5
"""Mean and deviation of the prior of the logit of the substructures' weight: without evidence descriptors have less than a fifth, so
that few labels are predicted no worse for them."""
MOST_MIXED = 300
"""Molecules that the weight and the length scale are searched on at most: more hardly move them, and the cost grows with the cube."""


class TanimotoFit(NamedTuple):
    """The hyperparameters, fitted by marginal likelihood."""

    noise: float
    """The variance of the noise, as a share of the amplitude."""
    amplitude: float
    """The variance of standardized values."""
    mean: float
    """The mean of standardized values."""
    weight: float = 1.0
    """The share of substructures in the kernel; descriptors have the rest."""
    length: float = 1.0
    """The length scale of the descriptors, in their standard deviations."""


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


def search_mixture(similarity: Tensor, distance: Tensor, y: Tensor) -> tuple[float, float]:
    """Search for the weight of substructures and the length scale of descriptors by marginal likelihood.

    One length scale serves all descriptors: with one for each, the labels of a few hundred molecules are fitted too closely.

    Args:
        similarity: (n, n) Tanimoto similarities.
        distance: (n, n) squared distances of the standardized descriptors, infinite where they are missing.
        y: (n,) standardized values.

    Returns:
        The weight, and the length scale in standard deviations of the descriptors.
    """
    from scipy.optimize import minimize  # heavy

    if len(y) > MOST_MIXED:
        some = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))[:MOST_MIXED]
        similarity, distance, y = similarity[some][:, some], distance[some][:, some], y[some]
    distance = distance.clamp_max(1e12)
    center = np.array([_USUAL_LOGIT, math.log(_USUAL_LENGTH), math.log(_USUAL_NOISE)])
    spread = np.array([_LOGIT_SPREAD, _LENGTH_SPREAD, _USUAL_SPREAD])
    diagonal = torch.eye(len(y), dtype=torch.float64)

    def cost(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight, length, noise = _read(x)
        near = (-0.5 * distance / length**2).exp()
        root, failed = torch.linalg.cholesky_ex(weight * similarity + (1.0 - weight) * near + noise * diagonal)
        if failed:
            return 1e10, np.zeros(3)
        inverse = torch.cholesky_inverse(root)
        of_ones = inverse.sum(dim=1)
        residual = y - (of_ones @ y) / of_ones.sum()
        solved = inverse @ residual
        amplitude = ((residual @ solved) / len(y)).clamp_min(1e-12)
        likelihood = -root.diagonal().log().sum() - 0.5 * len(y) * amplitude.log()
        slope = 0.5 * (torch.outer(solved, solved) / amplitude - inverse)  # by the entries of the kernel matrix
        slopes = [
            weight * (1.0 - weight) * float((slope * (similarity - near)).sum()),
            (1.0 - weight) * float((slope * near * distance).sum()) / length**2,
            noise * float(slope.diagonal().sum()),
        ]
        off = (x - center) / spread
        return -float(likelihood) + 0.5 * float(off @ off), off / spread - np.array(slopes)

    limits = [(-7.0, 7.0), (-1.5, 4.0), (math.log(1e-3), math.log(1e2))]
    found = minimize(cost, center, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 40, "ftol": 1e-5})
    weight, length, _ = _read(found.x)
    return weight, length


def _read(x: NDArray[np.float64]) -> tuple[float, float, float]:
    """Read the weight, the length scale and the noise from what is searched for."""
    logit, length, noise = x.tolist()
    return 1.0 / (1.0 + math.exp(-logit)), math.exp(length), math.exp(noise)
