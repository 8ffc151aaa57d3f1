"""A Gaussian process over substructures: what a score may be, from the scores of molecules with parts in common."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from botorch.models import SingleTaskGP
from botorch.optim.fit import fit_gpytorch_mll_scipy
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.mlls import ExactMarginalLogLikelihood
from torch import Tensor


class TanimotoKernel(Kernel):
    """Shared features over all features, of zeros and ones (n, F); positive definite (Ralaivola et al. 2005,
    doi:10.1016/j.neunet.2005.07.009)."""

    has_lengthscale = False

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **kwargs: Any) -> Tensor:
        a, b = x1.sum(dim=-1), x2.sum(dim=-1)
        if diag:
            shared = (x1 * x2).sum(dim=-1)
            return shared / (a + b - shared).clamp_min(1e-9)
        # Zeros and ones add up exactly in single precision, which is twice as fast.
        shared = (x1.float() @ x2.float().transpose(-1, -2)).to(x1.dtype)
        return shared / (a.unsqueeze(-1) + b.unsqueeze(-2) - shared).clamp_min(1e-9)


class Surrogate:
    """Scores as a function of substructures. Fit, then draw from what it believes.

    Tripp et al. 2021 (NeurIPS workshop), "A fresh look at de novo molecular design benchmarks", found such a process with
    a genetic algorithm the most frugal with oracle calls.
    """

    def __init__(self, fitted_on: int = 300, iterations: int = 30) -> None:
        """fitted_on: molecules at most that amplitude, noise and mean are fitted on, by marginal likelihood."""
        self.fitted_on, self.iterations = fitted_on, iterations
        self.model: SingleTaskGP | None = None
        self._state: dict[str, Tensor] | None = None
        self.center = self.width = 0.0

    def fit(self, features: Tensor, scores: Tensor, refit: bool = True) -> None:
        """features (n, F) of zeros and ones, scores (n,), finite. refit: whether the hyperparameters are fitted anew."""
        y = scores.double()
        self.center, self.width = float(y.mean()), max(float(y.std()), 1e-9)
        y = ((y - self.center) / self.width).unsqueeze(-1)
        x = features.double()
        if refit or self._state is None:
            some = torch.linspace(0, len(x) - 1, min(len(x), self.fitted_on)).long()
            self._state = self._tuned(x[some], y[some])
        self.model = self._process(x, y)
        self.model.load_state_dict(self._state, strict=False)
        self.model.eval()

    @torch.no_grad()
    def predict(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (n,) of the score itself, noise left out."""
        mean, covariance = self._posterior(features)
        deviation = covariance.diagonal().clamp_min(1e-12).sqrt()
        return (mean * self.width + self.center).float(), (deviation * self.width).float()

    @torch.no_grad()
    def draw(self, features: Tensor, k: int, generator: torch.Generator) -> Tensor:
        """(k, n): k functions drawn from the posterior, at n molecules."""
        from linear_operator.utils.cholesky import psd_safe_cholesky

        mean, covariance = self._posterior(features)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jitter added
            root = psd_safe_cholesky(covariance)
        noise = torch.randn(k, len(mean), dtype=mean.dtype, generator=generator)
        return (mean + noise @ root.T).float() * self.width + self.center

    def _posterior(self, features: Tensor) -> tuple[Tensor, Tensor]:
        assert self.model is not None
        posterior: Any = self.model.posterior(features.double())
        return posterior.mvn.mean, posterior.mvn.covariance_matrix

    def _process(self, x: Tensor, y: Tensor) -> SingleTaskGP:
        likelihood = GaussianLikelihood(noise_constraint=GreaterThan(1e-4))
        likelihood.noise = 0.01
        return SingleTaskGP(
            x,
            y,
            likelihood=likelihood,
            covar_module=ScaleKernel(TanimotoKernel()),
            mean_module=ConstantMean(),
            outcome_transform=None,
        )

    def _tuned(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        model = self._process(x, y)
        if self._state is not None:
            model.load_state_dict(self._state, strict=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit is cut short on purpose: the next one goes on with it
            fit_gpytorch_mll_scipy(
                ExactMarginalLogLikelihood(model.likelihood, model), options={"maxiter": self.iterations}
            )
        return {name: value.clone() for name, value in model.state_dict().items()}
