"""A Gaussian process over substructures, with the Tanimoto kernel and a constant mean.

Ralaivola et al. 2005, doi:10.1016/j.neunet.2005.07.009. Amplitude and mean have closed forms, so that the noise is the one
number to search for (Rasmussen & Williams 2006, 5.4). Above MOST_EXACT molecules so many of them stand for all
(deterministic training conditional; Quiñonero-Candela & Rasmussen 2005, JMLR 6:1939).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from chem_vae.errors import DataError
from chem_vae.predictors import PropertyPredictor

MOST_EXACT = 2000
FEWEST = 10
_NOISES = torch.logspace(-3, 2, 61, dtype=torch.float64)
"""Noise variances to choose from, as shares of the amplitude."""
_USUAL_NOISE, _USUAL_SPREAD = 0.3, 2.0
"""Median, and deviation of the logarithm, of a weak prior on them: fifty labels alone can point to either extreme."""
_JITTER = 1e-6


def tanimoto(a: Tensor, b: Tensor) -> Tensor:
    """Compute Tanimoto similarities: features shared, over features of either; 0 where neither has any.

    Args:
        a: (n, F) zeros and ones.
        b: (m, F) zeros and ones.

    Returns:
        (n, m) similarities.

    >>> tanimoto(torch.tensor([[1, 1, 0]]), torch.tensor([[1, 0, 1], [1, 1, 0]])).tolist()
    [[0.3333333432674408, 1.0]]
    """
    a, b = a.float(), b.float()  # counts below 2^24 are exact
    shared = a @ b.T
    either = a.sum(dim=1, keepdim=True) + b.sum(dim=1) - shared
    return shared / either.clamp_min(1.0)


def pack(features: Tensor) -> Tensor:
    """Pack features of zeros and ones (n, F) into bits (n, ceil(F / 8)) uint8."""
    return torch.from_numpy(np.packbits(features.to(torch.uint8).numpy(), axis=1))


def unpack(bits: Tensor, count: int) -> Tensor:
    """Unpack bits into the first `count` features (n, count) uint8."""
    return torch.from_numpy(np.unpackbits(bits.numpy(), axis=1, count=count))


class TanimotoFit(NamedTuple):
    """The hyperparameters, fitted by marginal likelihood."""

    noise: float
    """The variance of the noise, as a share of the amplitude."""
    amplitude: float
    """The variance of standardized values."""
    mean: float
    """The mean of standardized values."""


class _Posterior(NamedTuple):
    inducing: Tensor
    """(m, F) the molecules that stand for all."""
    root: Tensor
    """(m, m) Cholesky root of their kernel matrix."""
    system: Tensor
    """(m, m) Cholesky root of noise * 1 + what the others say in their terms."""
    weights: Tensor
    """(m,)"""


class TanimotoProcess(PropertyPredictor):
    """Predicts a property from features of zeros and ones (n, F), which stand in the place of latent points.

    Args:
        features: (n, F) zeros and ones.
        y: (n,) finite values in raw units.
        fit: Hyperparameters of before; None fits them.

    Raises:
        DataError: If there are fewer than FEWEST molecules.
    """

    method = "Tanimoto process"

    def __init__(self, features: Tensor, y: Tensor, fit: TanimotoFit | None = None) -> None:
        super().__init__()
        if len(y) < FEWEST:
            raise DataError(f"{len(y)} measured molecules are too few to fit a predictor; ten is the least")
        self.features, self.y = features.to(torch.uint8), y.double()
        self.center, self.width = float(self.y.mean()), max(float(self.y.std()), 1e-9)
        some = self._choose_inducing()
        self.fit = fit or _fit(self.features[some], (self.y[some] - self.center) / self.width)

    def _choose_inducing(self) -> Tensor:
        n = len(self.y)
        if n <= MOST_EXACT:
            return torch.arange(n)
        return torch.randperm(n, generator=torch.Generator().manual_seed(0))[:MOST_EXACT].sort().values

    @cached_property
    def _posterior(self) -> _Posterior:
        chosen = self.features[self._choose_inducing()]
        kernel = tanimoto(chosen, chosen).double()
        root = _factorize(kernel)
        residual = (self.y - self.center) / self.width - self.fit.mean
        system = self.fit.noise * torch.eye(len(chosen), dtype=torch.float64)
        total = torch.zeros(len(chosen), dtype=torch.float64)
        for rows, values in zip(self.features.split(2000), residual.split(2000), strict=True):
            phi = _solve(root, tanimoto(chosen, rows).double())
            system += phi @ phi.T
            total += phi @ values
        factor = _factorize(system)
        return _Posterior(chosen, root, factor, torch.cholesky_solve(total[:, None], factor)[:, 0])

    def _terms(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean (n,) of standardized values, and the share (n,) of the amplitude that stays uncertain."""
        found = self._posterior
        phi = _solve(found.root, tanimoto(found.inducing, features).double())
        left = 1.0 - phi.square().sum(dim=0) + self.fit.noise * _solve(found.system, phi).square().sum(dim=0)
        return self.fit.mean + found.weights @ phi, left.clamp(1e-6, 1.0)

    def _predict(self, z: Tensor) -> tuple[Tensor, Tensor]:
        mean, left = self._terms(z)
        variance = self.fit.amplitude * (left + self.fit.noise)
        return (mean * self.width + self.center).float(), (variance.sqrt() * self.width).float()

    @torch.no_grad()
    def draw(self, features: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw functions from the posterior, without noise.

        Args:
            features: (n, F) where the functions are evaluated.
            k: Number of functions.
            generator: Random numbers.

        Returns:
            (k, n) values in raw units.
        """
        found = self._posterior
        phi = _solve(found.root, tanimoto(found.inducing, features).double())
        open_, left = tanimoto(features, features).double() - phi.T @ phi, _solve(found.system, phi)
        root = _factorize(open_ + self.fit.noise * left.T @ left)
        noise = torch.randn(k, len(features), dtype=torch.float64, generator=generator)
        drawn = self.fit.mean + found.weights @ phi + self.fit.amplitude**0.5 * noise @ root.T
        return (drawn * self.width + self.center).float()

    @property
    def noise(self) -> float:
        """The standard deviation of a single measurement, in raw units, as calibrated."""
        return self.scale * self.width * float(np.sqrt(self.fit.amplitude * self.fit.noise))

    def tensors(self) -> dict[str, Tensor]:
        return {
            "bits": pack(self.features),
            "length": torch.tensor(self.features.shape[1]),
            "y": self.y,
            "fit": torch.tensor(self.fit, dtype=torch.float64),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> TanimotoProcess:
        noise, amplitude, mean = tensors["fit"].tolist()
        return cls(unpack(tensors["bits"], int(tensors["length"])), tensors["y"], TanimotoFit(noise, amplitude, mean))


def _solve(root: Tensor, right: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(root, right, upper=False)


def _factorize(covariance: Tensor) -> Tensor:
    """Return a Cholesky root (n, n) of a matrix that is positive semidefinite but for rounding."""
    diagonal = torch.eye(len(covariance), dtype=covariance.dtype)
    for jitter in (_JITTER, 10 * _JITTER, 100 * _JITTER):
        root, failed = torch.linalg.cholesky_ex(covariance + jitter * diagonal)
        if not failed:
            return root
    return torch.linalg.cholesky(covariance + 1e-3 * diagonal)


def _fit(features: Tensor, y: Tensor) -> TanimotoFit:
    """Fit by marginal likelihood of standardized values y (n,), in the kernel matrix's eigenvectors: each noise costs n, not n³."""
    values, vectors = torch.linalg.eigh(tanimoto(features, features).double())
    ones, rotated = vectors.sum(dim=0), vectors.T @ y
    weights = 1.0 / (values.clamp_min(0.0) + _NOISES[:, None])  # (noises, n)
    mean = (weights * ones * rotated).sum(dim=1) / (weights * ones.square()).sum(dim=1)
    residual = rotated - mean[:, None] * ones
    amplitude = (weights * residual.square()).mean(dim=1).clamp_min(1e-12)
    likelihood = 0.5 * (weights.log().sum(dim=1) - len(y) * amplitude.log())
    usual = -0.5 * ((_NOISES / _USUAL_NOISE).log() / _USUAL_SPREAD).square()
    best = int((likelihood + usual).argmax())
    return TanimotoFit(float(_NOISES[best]), float(amplitude[best]), float(mean[best]))
