"""An exact Gaussian process on the latent mean, for few molecules.

It is BoTorch's SingleTaskGP, whose dimension-scaled prior suits tens of latent dimensions (Hvarfner et al. 2024,
arXiv:2402.02229).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from chem_vae.predictors import PropertyPredictor
from chem_vae.predictors.expectation_propagation import Targets, search_scales
from chem_vae.predictors.labels import Labels
from chem_vae.predictors.linear_algebra import factorize

GP_MOST = 1500
"""Molecules up to which the exact GP is used: its cost grows with their cube."""

ITERATIONS, ITERATIONS_WITHOUT_NOISE = 25, 40
"""Steps in which hyperparameters are fitted. With more the many length scales learn the noise of measurements: on held-out molecules of six
measured series (three splits each, 300 to 600 molecules learned from) 25 instead of 75 gave an RMSE of 0.97 instead of 0.99 and -log p 0.06 lower, in 0.4 of the time."""
FIT_ON, FIT_ON_WITHOUT_NOISE = 600, 300
"""The most molecules, drawn at random, that they are fitted to: on six measured series (two splits each, 684 to 824 molecules learned from)
600 gave the same RMSE and -log p as all, in half of the time; values without noise need fewer still."""

MOST_DRAWN = 4000
"""Points that a function is drawn for at once: the cost of more grows with their cube."""


class GaussianProcess(PropertyPredictor):
    """An exact Gaussian process with an RBF kernel and one length scale per latent dimension.

    Args:
        z: (n, D) latent means.
        y: (n,) values in raw units.
        fit: Whether hyperparameters are fitted now, by marginal likelihood.
        variance: (n,) the variance of each value in raw units, where they are known; None: all the same, fitted.
        noisy: Whether the values have noise, as measured ones do and computed ones do not.
        unit: What the process computes in, a power of ten like the values' deviation when not given: the smallest variances that gpytorch
            knows are far above those of values in mol/L.
    """

    method = "Gaussian process"

    def __init__(
        self,
        z: Tensor,
        y: Tensor,
        fit: bool = True,
        variance: Tensor | None = None,
        noisy: bool = True,
        unit: float | None = None,
    ) -> None:
        super().__init__()
        from botorch.models import SingleTaskGP  # here: loads botorch
        from botorch.models.transforms import Normalize, Standardize

        self.z, self.y, self.variance = z.double(), y.double(), variance
        self.usual_variance: float | None = None
        spread = float(self.y.std()) if len(y) > 1 else 0.0
        self.unit = unit or (10.0 ** round(math.log10(spread)) if 0 < spread < math.inf else 1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.gp = SingleTaskGP(
                self.z,
                self.y.unsqueeze(-1) / self.unit,
                None if variance is None else variance.double().unsqueeze(-1) / self.unit**2,
                input_transform=Normalize(self.z.shape[-1]),
                outcome_transform=Standardize(1),
            )
            most, steps = (FIT_ON, ITERATIONS) if noisy else (FIT_ON_WITHOUT_NOISE, ITERATIONS_WITHOUT_NOISE)
            if fit and len(z) > most and variance is None:
                some = torch.randperm(len(z), generator=torch.Generator().manual_seed(0))[:most]
                found = GaussianProcess(z[some], y[some], noisy=noisy).gp.state_dict()
                fitted = {
                    k: v for k, v in found.items() if k.startswith(("likelihood.", "mean_module.", "covar_module."))
                }
                self.gp.load_state_dict(self.gp.state_dict() | fitted)
            elif fit:
                from botorch.fit import fit_gpytorch_mll  # here: loads botorch and gpytorch
                from gpytorch.mlls import ExactMarginalLogLikelihood

                fit_gpytorch_mll(
                    ExactMarginalLogLikelihood(self.gp.likelihood, self.gp),
                    optimizer_kwargs={"options": {"maxiter": steps}},
                )
        self.gp.eval()

    @classmethod
    def fit_labels(cls, z: Tensor, labels: Labels) -> GaussianProcess:
        """Fit to labels some of which are bounds, or have noise of their own (`chem_vae.predictors.expectation_propagation`).

        The length scales are those of a process of all values with bounds in the place of missing ones, and then of one of the
        Gaussian labels; with them the variances of the process and of the noise are searched for by the evidence.
        """
        process, amplitude, ratio = cls(z, labels.values), 1.0, 0.1
        center, width = labels.choose_scale()
        lower, upper = ((end.double() - center) / width for end in labels.bounds)

        def make_targets(noise: float) -> Targets:
            own = (labels.spreads.double() / width).square()
            return Targets((labels.y.double() - center) / width, lower, upper, noise + own)

        for _ in range(2):
            with torch.no_grad():
                gp: Any = process.gp
                kernel = gp.covar_module(gp.transform_inputs(process.z)).to_dense()
                amplitude, ratio, sites = search_scales(kernel, make_targets, (amplitude, ratio))
            # a bound far from the process says next to nothing, and its Gaussian label would lie anywhere
            precision = sites.precision.clamp_min(1e-3 / amplitude)
            values = (sites.shift + (precision - sites.precision) * sites.mean) / precision
            process = cls(z, values * width + center, variance=width**2 / precision)
            process.usual_variance = width**2 * amplitude * ratio
        return process

    def _predict(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self._compute(z, with_noise=True)

    def _predict_function(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self._compute(z, with_noise=False)

    def _compute(self, z: Tensor, *, with_noise: bool) -> tuple[Tensor, Tensor]:
        """Compute mean and standard deviation (n,) in raw units, of a value or of the function alone."""
        own = self.usual_variance is None
        posterior = self.gp.posterior(z.double(), observation_noise=with_noise and own)
        variance = posterior.variance.squeeze(-1)
        if with_noise and self.usual_variance is not None:
            variance = variance + self.usual_variance / self.unit**2
        mean, std = posterior.mean.squeeze(-1) * self.unit, variance.clamp_min(1e-12).sqrt() * self.unit
        return mean.float(), std.float()

    @torch.no_grad()
    def draw(self, z: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw functions (k, n) from the posterior, jointly for MOST_DRAWN points at a time."""
        drawn = []
        for some in z.split(MOST_DRAWN):
            posterior: Any = self.gp.posterior(some.double(), observation_noise=False)
            noise = torch.randn(k, len(some), dtype=torch.float64, generator=generator)
            root = factorize(posterior.covariance_matrix, float(self.y.var()) / self.unit**2)
            drawn.append((self.unit * (posterior.mean.squeeze(-1) + self.scale * noise @ root.T)).float())
        return torch.cat(drawn, dim=1)

    def tensors(self) -> dict[str, Tensor]:
        state = {f"gp.{k}": v for k, v in self.gp.state_dict().items() if isinstance(v, Tensor)}
        known = (
            {}
            if self.variance is None
            else {"variance": self.variance, "usual_variance": torch.tensor(self.usual_variance)}
        )
        unit = torch.tensor(self.unit, dtype=torch.float64)
        return {"z": self.z, "y": self.y, "unit": unit, **known, **state}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> GaussianProcess:
        if len(tensors["z"]) > 4 * GP_MOST:
            raise ValueError(f"a Gaussian process of {len(tensors['z']):,} molecules takes too much memory")
        unit = float(tensors["unit"]) if "unit" in tensors else 1.0  # as before 0.3.0
        predictor = cls(tensors["z"], tensors["y"], fit=False, variance=tensors.get("variance"), unit=unit)
        if "usual_variance" in tensors:
            predictor.usual_variance = float(tensors["usual_variance"])
        predictor.gp.load_state_dict({k[3:]: v for k, v in tensors.items() if k.startswith("gp.")})
        predictor.gp.eval()
        return predictor
