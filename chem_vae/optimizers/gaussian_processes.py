"""Gaussian processes over latent points: what scores may be there, and which of many points to try next."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from chem_vae.optimizers.archive import crowding, fronts

MOST_FRONT = 100
"""Molecules that stand for a front, those farthest from the others."""
MOST_VOLUMES = 2_000_000
"""Cells' volumes held at once."""


class LatentProcesses:
    """A Gaussian process for each objective, over points of some hundred dimensions.

    BoTorch's default: a kernel with a length for each dimension, expected to be the longer the more there are (Hvarfner et al.
    2024, arXiv:2402.02229). Points should lie mostly within one unit.
    """

    def __init__(self, iterations: int = 10, first: int = 40, draws: int = 32) -> None:
        """iterations: steps that a fit takes from the hyperparameters of the one before, first: the first fit's; draws: for
        the expectation of a hypervolume."""
        self.iterations, self.first, self.draws = iterations, first, draws
        self.models: list[Any] = []
        self._states: list[dict[str, Tensor]] = []

    def fit(self, x: Tensor, scores: Tensor) -> None:
        """x (n, D) and scores (n, M), finite, in double precision."""
        from botorch.models import SingleTaskGP
        from botorch.optim.fit import fit_gpytorch_mll_scipy
        from gpytorch.mlls import ExactMarginalLogLikelihood

        y = (scores - scores.mean(dim=0)) / scores.std(dim=0).clamp_min(1e-9)
        if self.models and self.models[0].train_inputs[0].shape[1] != x.shape[1]:  # other dimensions
            self._states = []
        self.models = []
        with warnings.catch_warnings():  # the fit is cut short on purpose: the next one goes on with it
            warnings.simplefilter("ignore")
            for k in range(y.shape[1]):
                model = SingleTaskGP(x, y[:, k : k + 1], outcome_transform=None)
                steps = self.first
                if k < len(self._states):
                    model.load_state_dict(self._states[k], strict=False)
                    steps = self.iterations
                likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
                fit_gpytorch_mll_scipy(likelihood, options={"maxiter": steps})
                self.models.append(model.eval().requires_grad_(False))
        self._states = [{name: value.clone() for name, value in m.state_dict().items()} for m in self.models]

    def flatness(self) -> Tensor:
        """(D,) the length of the kernel in each dimension, over their geometric mean, of all objectives."""
        logs = torch.stack([m.covar_module.lengthscale.detach().squeeze(0) for m in self.models]).log().mean(dim=0)
        return (logs - logs.mean()).exp()

    @torch.no_grad()
    def surface(self) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """A function from points (n, D) to the mean and the deviation (n,) of the one objective there, for climbing: the same
        as `posterior` to three digits, in a third of its time. Differentiable."""
        (model,) = self.models
        known, mean = model.train_inputs[0], model.mean_module.constant
        noisy = model.covar_module(known).to_dense() + model.likelihood.noise * torch.eye(len(known), dtype=known.dtype)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(noisy))
        weights, rough = inverse @ (model.train_targets - mean), inverse.float()

        def at(x: Tensor) -> tuple[Tensor, Tensor]:
            alike = model.covar_module(x, known).to_dense()
            told = ((alike.float() @ rough) * alike.float()).sum(dim=1)
            variance = model.covar_module(x, diag=True) - told
            return mean.detach() + alike @ weights, variance.clamp_min(1e-12).sqrt()

        return at

    @torch.no_grad()
    def choose(self, x: Tensor, k: int, generator: torch.Generator) -> Tensor:
        """k different rows of the points x (m, D): of one objective by Thompson sampling, of several by hypervolume."""
        return self._by_thompson(x, k, generator) if len(self.models) == 1 else self._by_hypervolume(x, k, generator)

    def _by_thompson(self, x: Tensor, k: int, generator: torch.Generator) -> Tensor:
        """The best of each of k functions drawn from the posterior that is not the best of an earlier one."""
        from linear_operator.utils.cholesky import psd_safe_cholesky

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jitter added
            posterior = self.models[0].posterior(x).mvn
            root = psd_safe_cholesky(posterior.covariance_matrix)
        drawn = posterior.mean + torch.randn(k, len(x), dtype=x.dtype, generator=generator) @ root.T
        chosen: list[int] = []
        for values in drawn:
            values[chosen] = -torch.inf
            chosen.append(int(values.argmax()))
        return torch.tensor(chosen)

    def _by_hypervolume(self, x: Tensor, k: int, generator: torch.Generator) -> Tensor:
        known = torch.stack([m.train_targets for m in self.models], dim=1)
        posteriors = [m.posterior(x) for m in self.models]
        mean = torch.cat([p.mean for p in posteriors], dim=1)
        deviation = torch.cat([p.variance for p in posteriors], dim=1).sqrt()
        noise = torch.randn(self.draws, 1, mean.shape[1], dtype=x.dtype, generator=generator)
        return by_hypervolume(mean + noise * deviation, known, k)


def by_hypervolume(drawn: Tensor, known: Tensor, k: int) -> Tensor:
    """k different rows of m candidates by log expected hypervolume improvement over what is known (n, M), with draws
    (S, m, M) of their values: in ten blocks, of which each takes the means of the earlier ones for known."""
    from botorch.utils.multi_objective.hypervolume import infer_reference_point

    front = known[fronts(known) == 0]
    corner = infer_reference_point(front, scale=0.1)
    if len(front) > MOST_FRONT:  # cells grow with the front, with three objectives faster than it
        front = front[crowding(front).argsort(descending=True)[:MOST_FRONT]]
    mean = drawn.mean(dim=0)
    left = torch.ones(len(mean), dtype=torch.bool)
    chosen: list[int] = []
    while len(chosen) < k:
        values = log_improvement(drawn, torch.cat([front, mean[chosen]]), corner)
        some = values.masked_fill(~left, -torch.inf).topk(min(max(1, k // 10), k - len(chosen))).indices
        left[some] = False
        chosen += some.tolist()
    return torch.tensor(chosen)


def log_improvement(drawn: Tensor, known: Tensor, corner: Tensor, softness: float = 1e-3) -> Tensor:
    """(m,) log of the hypervolume that each of m candidates adds to what known (n, M) dominates above the corner (M,), over
    draws (S, m, M) of its values.

    As BoTorch's qLogEHVI of one candidate, with softened steps, so that candidates that hardly ever improve keep a rank (Ament
    et al. 2023, arXiv:2310.20708), but of all candidates at once.
    """
    from botorch.utils.multi_objective.box_decompositions import FastNondominatedPartitioning

    lower, upper = FastNondominatedPartitioning(corner, known).get_hypercell_bounds()
    some = max(1, MOST_VOLUMES // (len(drawn) * len(lower)))
    parts = []
    for part in drawn.split(some, dim=1):
        volumes = torch.zeros(*part.shape[:2], len(lower), dtype=drawn.dtype)
        for k in range(drawn.shape[2]):
            reach = torch.minimum(part[:, :, k, None], upper[:, k]) - lower[:, k]
            # Log of a softplus of width `softness`, exact far below zero, where the plain one is a rounded zero.
            scaled = reach / softness
            log_soft = torch.where(scaled < -20, scaled, torch.nn.functional.softplus(scaled.clamp_min(-20)).log())
            volumes += log_soft + math.log(softness)
        parts.append(volumes.movedim(0, 1).flatten(1).logsumexp(dim=1))
    return torch.cat(parts) - math.log(len(drawn))
