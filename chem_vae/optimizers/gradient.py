"""Gradient ascent in the latent space, under a prior penalty."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.optimizers.base import LatentOptimizer, Molecule, Problem, Proposal, register
from chem_vae.prior import sample_prior


@register
class GradientAscent(LatentOptimizer):
    """Climbs log-desirability(z) - prior_weight * |z|^2 / 2 from good known points, with Adam.

    Gómez-Bombarelli et al. 2018, doi:10.1021/acscentsci.7b00572. The penalty is minus the log density of N(0, I); it
    keeps points where the decoder has seen molecules. What is told becomes a start for the next round.
    """

    name = "gradient"
    steps, step_size, prior_weight, pool = 25, 0.1, 0.05, 4000

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem, seed)
        if problem.log_desirability is None:
            raise UserError("the gradient strategy needs a predictor for each objective; use the strategy conditional")
        known = problem.known
        if known is None or len(known) == 0:
            known = sample_prior(problem.checkpoint, 1000, "ancestral", seed)
        drawn = torch.randperm(len(known), generator=self.generator)[: self.pool]
        self.starts = known[drawn]
        with torch.no_grad():
            self.worth = problem.log_desirability(self.starts)
        self.told, self.scores = self.starts[:0], self.worth[:0]
        """Molecules told, and their scores, on whichever scale: they are ranked among themselves."""

    def ask(self, n: int) -> Proposal:
        # Starts: by chance among the best tenth (n at least), so that a round is not one series.
        k = n // 2 if len(self.told) >= 10 else 0  # half from what was told, once there is some
        begin = torch.cat([self._good(self.told, self.scores, k), self._good(self.starts, self.worth, n - k)])
        noise = torch.randn(n, self.starts.shape[1], generator=self.generator)
        z = (begin + 0.1 * noise).requires_grad_(True)
        optimizer = torch.optim.Adam([z], lr=self.step_size)
        for _ in range(self.steps):
            optimizer.zero_grad()
            (-self._objective(z)).sum().backward()
            optimizer.step()
        return Proposal(z.detach(), self.problem.draw_conditions(n, self.generator))

    def _good(self, points: Tensor, worth: Tensor, k: int) -> Tensor:
        best = worth.argsort(descending=True)[: max(k, len(worth) // 10)]
        return points[best[torch.randint(len(best), (k,), generator=self.generator)]] if k else points[:0]

    def _objective(self, z: Tensor) -> Tensor:
        assert self.problem.log_desirability is not None
        return self.problem.log_desirability(z) - self.prior_weight * 0.5 * z.square().sum(dim=1)

    def _learn(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> None:
        fine = torch.isfinite(scores) & torch.isfinite(z).all(dim=1)
        self.told, self.scores = torch.cat([self.told, z[fine]]), torch.cat([self.scores, scores[fine]])
