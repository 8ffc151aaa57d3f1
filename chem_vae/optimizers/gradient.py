"""Gradient ascent on the model's property predictors, under a prior penalty."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.optimizers.archive import Archive
from chem_vae.optimizers.base import LatentOptimizer, Molecule, Problem, Proposal, register
from chem_vae.prior import sample_prior


@register
class GradientAscent(LatentOptimizer):
    """Climbs log desirability, as the model's predictors expect it, less prior_weight * |z|^2 / 2, by Adam.

    Gómez-Bombarelli et al. 2018, doi:10.1021/acscentsci.7b00572. The penalty is minus the log density of N(0, I) but for a
    constant; it keeps points where the decoder has seen molecules. Climbs begin at known points of high expected
    desirability, and half of them at the best molecules told, as soon as there are ten.
    """

    name = "gradient"

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem, seed)
        if problem.log_desirability is None:
            raise UserError(
                "the gradient strategy needs a predictor of the model for each objective; generate with the strategy "
                "conditional, or optimize with the strategy adaptive, which learns from scores"
            )
        self._log_desirability = problem.log_desirability
        self.archive = Archive(self.checkpoint.model.latent_size)
        known = problem.known
        if known is None or len(known) == 0:
            known = sample_prior(problem.checkpoint, 1000, "ancestral", seed)
        drawn = torch.randperm(len(known), generator=self.generator)[: self.search.climb_starts]
        self._starts = known[drawn]
        with torch.no_grad():
            self._expected = self._log_desirability(self._starts)

    def ask(self, n: int) -> Proposal:
        placed = self.archive.has_z()
        told = n // 2 if placed.sum() >= 10 else 0
        begin = [
            self._draw_starts(self.archive.z[placed], self.archive.scores[placed, 0], told),
            self._draw_starts(self._starts, self._expected, n - told),
        ]
        return Proposal(self._climb(torch.cat(begin)), self.problem.draw_conditions(n, self.generator))

    def _learn(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> None:
        self.archive.add(z, scores, molecules)

    def _climb(self, begin: Tensor) -> Tensor:
        """(n, D) where the climbs from n points end."""
        steps = (0.1 * torch.randn(begin.shape, generator=self.generator)).requires_grad_(True)
        optimizer = torch.optim.Adam([steps], lr=self.search.climb_step_size)
        for _ in range(self.search.climb_steps):
            optimizer.zero_grad()
            z = begin + steps
            (self.search.prior_weight * 0.5 * z.square().sum(dim=1) - self._log_desirability(z)).sum().backward()
            optimizer.step()
        return (begin + steps).detach()

    def _draw_starts(self, points: Tensor, values: Tensor, k: int) -> Tensor:
        """k points by chance among the best tenth (k at least), so that the climbs do not all end in one place."""
        best = values.argsort(descending=True)[: max(k, len(values) // 10)]
        return points[best[torch.randint(len(best), (k,), generator=self.generator)]] if k else points[:0]
