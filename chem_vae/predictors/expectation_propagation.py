"""Expectation propagation for a Gaussian process whose labels are values, bounds or classes.

A bound says on which side of it a measurement lies: its likelihood is a normal distribution function (the Tobit model). A class is a
bound at zero on a latent measurement with noise of variance 1 (probit). Minka 2001; Rasmussen & Williams 2006, 3.6, in parallel
form. Each label ends as a Gaussian one of its own value and variance, so that predictions are those of ordinary regression.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SWEEPS = 40
_DAMPING = 0.9
_LEAST_PRECISION = 1e-9
_USUAL_NOISE, _USUAL_SPREAD = 0.3, 2.0
"""Median, and deviation of the logarithm, of a weak prior on the noise as a share; the same deviation on the variance, around 1."""
_LOG_2PI = math.log(2.0 * math.pi)


class Targets(NamedTuple):
    """The values or bounds of the n measurements, in any unit."""

    y: Tensor
    """(n,) exact values, NaN for bounds."""
    lower: Tensor
    """(n,) lower bounds, -inf where there is none."""
    upper: Tensor
    """(n,) upper bounds, inf where there is none."""
    noise: Tensor
    """(n,) variances of the measurements."""


class Sites(NamedTuple):
    """Labels as Gaussian ones, and the evidence for the process."""

    precision: Tensor
    """(n,) 1 over the variance."""
    shift: Tensor
    """(n,) precision times value."""
    mean: float
    """The mean of the process."""
    log_evidence: float

    @property
    def value(self) -> Tensor:
        """The values (n,)."""
        return self.shift / self.precision


def find_sites(
    kernel: Tensor, targets: Targets, mean_variance: float = 100.0, start: Sites | None = None, close: float = 1e-4
) -> Sites:
    """Find the Gaussian labels, and the mean of the process by generalized least squares.

    Args:
        kernel: (n, n) the covariance of the process.
        targets: The n labels.
        mean_variance: The variance of the mean's prior around 0.
        start: Sites of a similar process, to begin with.
        close: The relative change at which the sites count as found.

    Returns:
        The sites; with exact values alone, the evidence is the marginal likelihood.
    """
    exact = torch.isfinite(targets.y)
    bound = (~exact).nonzero()[:, 0]
    precision = torch.where(exact, 1.0 / targets.noise, torch.full_like(targets.noise, _LEAST_PRECISION))
    shift = torch.where(exact, targets.y.nan_to_num() * precision, torch.zeros_like(precision))
    mean = 0.0
    if start is not None:
        precision[bound], shift[bound], mean = start.precision[bound], start.shift[bound], start.mean
    elif len(bound):
        guess = _guess(targets)[bound]
        precision[bound] = 0.5 / (targets.noise[bound] + kernel.diagonal()[bound])
        shift[bound] = precision[bound] * guess
    for _ in range(SWEEPS if len(bound) else 1):
        posterior = _Posterior(kernel, precision, shift, mean_variance)
        mean = posterior.mean
        variance, centered = posterior.marginals(bound)
        cavity = 1.0 / variance - precision[bound]
        towards = centered / variance - (shift[bound] - precision[bound] * mean)
        cavity = cavity.clamp_min(_LEAST_PRECISION)
        noise, ends = targets.noise[bound], (targets.lower[bound] - mean, targets.upper[bound] - mean)
        log_z, new_mean, new_variance = match_moments(towards / cavity, 1.0 / cavity, noise, *ends)
        new_precision = (1.0 / new_variance - cavity).clamp_min(_LEAST_PRECISION)
        new_shift = new_mean / new_variance - towards + new_precision * mean
        change = (new_precision - precision[bound]).abs() / (1.0 + new_precision)
        moved = (new_shift - shift[bound]).abs() / (1.0 + new_shift.abs())
        if not len(bound) or float(torch.maximum(change, moved).max()) < close:
            break
        precision[bound] += _DAMPING * (new_precision - precision[bound])
        shift[bound] += _DAMPING * (new_shift - shift[bound])
    of_sites = log_z + _normalizer(towards, cavity) - _normalizer(centered / variance, 1.0 / variance)
    y, s = (targets.y - mean)[exact], targets.noise[exact]
    of_values = -0.5 * (y.square() / s + s.log() + _LOG_2PI).sum()
    evidence = float(of_values + of_sites.sum() + posterior.log_evidence) - 0.5 * mean**2 / mean_variance
    return Sites(precision, shift, mean, evidence)


def match_moments(
    mean: Tensor, variance: Tensor, noise: Tensor, lower: Tensor, upper: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the moments of a Gaussian (n,) times the probability that a noisy measurement of it lies between two bounds.

    Returns:
        The logarithm of the integral, the mean and the variance, each (n,).
    """
    width = (variance + noise).sqrt()
    a, b = (lower - mean) / width, (upper - mean) / width
    flipped = a + b > 0  # the tail on the right has the same moments as that on the left, and its logarithm is exact
    a, b = torch.where(flipped, -b, a), torch.where(flipped, -a, b)
    high, low = torch.special.log_ndtr(b), torch.special.log_ndtr(a)
    log_z = high + torch.log1p(-(low - high).exp().clamp_max(1.0 - 1e-12))
    at_a, at_b = (torch.where(torch.isinf(x), 0.0, (-0.5 * (x.square() + _LOG_2PI) - log_z).exp()) for x in (a, b))
    first = at_a - at_b
    second = (
        torch.where(torch.isinf(b), 0.0, b * at_b).nan_to_num()
        - torch.where(torch.isinf(a), 0.0, a * at_a).nan_to_num()
    )
    new_mean = mean + torch.where(flipped, -first, first) * variance / width
    shrunk = 1.0 - variance / width.square() * (first.square() + second)
    return log_z, new_mean, variance * shrunk.clamp(1e-9, 1.0)


def search_scales(
    kernel: Tensor, make_targets: Callable[[float], Targets], start: tuple[float, float], mean_variance: float = 100.0
) -> tuple[float, float, Sites]:
    """Search for the variance of a process and that of the noise, by the evidence.

    Args:
        kernel: (n, n) the covariance of the process with variance 1.
        make_targets: Makes the n labels, standardized, from the variance of the noise.
        start: The variance, and the noise as a share of it, to begin with.
        mean_variance: The variance of the mean's prior around 0.

    Returns:
        The variance, the noise as a share of it, and the sites.
    """
    from scipy.optimize import minimize  # heavy

    last: list[Sites | None] = [None]

    def read(x: NDArray[np.float64]) -> tuple[float, float]:
        amplitude, ratio = np.exp(np.clip(x, -7.0, 7.0)).tolist()
        return amplitude, ratio

    def cost(x: NDArray[np.float64]) -> float:
        amplitude, ratio = read(x)
        sites = last[0] = find_sites(amplitude * kernel, make_targets(amplitude * ratio), mean_variance, last[0], 0.02)
        usual = (math.log(ratio / _USUAL_NOISE) / _USUAL_SPREAD) ** 2 + (math.log(amplitude) / _USUAL_SPREAD) ** 2
        return -sites.log_evidence + 0.5 * usual

    asked = {"maxfev": 30, "xatol": 0.1, "fatol": 0.1}
    amplitude, ratio = read(minimize(cost, np.log(start), method="Nelder-Mead", options=asked).x)
    return amplitude, ratio, find_sites(amplitude * kernel, make_targets(amplitude * ratio), mean_variance, last[0])


class _Posterior:
    """The process given Gaussian labels (Rasmussen & Williams 2006, 3.68)."""

    def __init__(self, kernel: Tensor, precision: Tensor, shift: Tensor, mean_variance: float) -> None:
        self.kernel, root = kernel, precision.sqrt()
        inner = torch.eye(len(kernel), dtype=kernel.dtype) + root[:, None] * kernel * root
        self.factor, self.root = torch.linalg.cholesky(inner), root
        ones, values = (self._solve(x[:, None])[:, 0] for x in (root, shift / root))
        self.mean = float((ones @ values) / (ones.square().sum() + 1.0 / mean_variance))
        self.shift = shift - precision * self.mean
        self.solved = self._solve((root * (kernel @ self.shift))[:, None])[:, 0]
        quadratic = self.shift @ (kernel @ self.shift) - self.solved.square().sum()
        self.log_evidence = 0.5 * quadratic - self.factor.diagonal().log().sum()

    def _solve(self, right: Tensor) -> Tensor:
        return torch.linalg.solve_triangular(self.factor, right, upper=False)

    def marginals(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the variance and the mean, less the mean of the process, at some rows."""
        across = self._solve(self.root[:, None] * self.kernel[:, rows])
        variance = self.kernel.diagonal()[rows] - across.square().sum(dim=0)
        mean = self.kernel[rows] @ self.shift - across.T @ self.solved
        return variance.clamp_min(1e-12), mean


def _normalizer(shift: Tensor, precision: Tensor) -> Tensor:
    return 0.5 * (shift.square() / precision - precision.log())


def _guess(targets: Targets) -> Tensor:
    """Guess measurements at their bounds."""
    lower, upper = targets.lower, targets.upper
    return torch.where(torch.isinf(lower), upper, torch.where(torch.isinf(upper), lower, 0.5 * (lower + upper)))
