"""Gradient ascent in the latent space, under a prior penalty."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.optimizers.archive import Draft, RememberingOptimizer
from chem_vae.optimizers.base import Molecule, Problem, Proposal, register
from chem_vae.optimizers.gaussian_processes import LatentProcesses
from chem_vae.prior import sample_prior

Objective = Callable[[Tensor], Tensor]


@register
class GradientAscent(RememberingOptimizer):
    """Climbs what is expected of z, less prior_weight * |z|^2 / 2, from good points, with Adam.

    Gómez-Bombarelli et al. 2018, doi:10.1021/acscentsci.7b00572. The penalty is minus the log density of N(0, I); it
    keeps points where the decoder has seen molecules. Expected is what the model's predictors say where they know all that is
    wanted (half of the climbs; all before there are `fewest` scores), and what a Gaussian process learns from the scores told:
    its mean and a number of deviations, another for each climb, so that a round is not one series. It starts from the best
    molecules told. Where nothing is expected yet, molecules to begin with are drawn as any strategy draws them.
    """

    name = "gradient"
    steps, step_size, prior_weight, pool = 25, 0.1, 0.05, 4000
    fewest, most, grown, boldest, shake = 50, 400, 1.2, 2.0, 0.3

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem, seed)
        self._process, self._fitted_at = LatentProcesses(), 0
        self._active, self._unit = torch.empty(0, dtype=torch.long), 1.0
        """The dimensions that are learned from, and a length that most points lie within."""
        if problem.log_desirability is None:
            if problem.screen is None:
                raise UserError(
                    "the gradient strategy needs a predictor for each objective, or an oracle's scores to learn from; use the "
                    "strategy conditional, or `chem-vae optimize`"
                )
            return
        known = problem.known
        if known is None or len(known) == 0:
            known = sample_prior(problem.checkpoint, 1000, "ancestral", seed)
        drawn = torch.randperm(len(known), generator=self.generator)[: self.pool]
        self.starts = known[drawn]
        with torch.no_grad():
            self.worth = problem.log_desirability(self.starts)

    def ask(self, n: int) -> Proposal:
        placed = torch.arange(len(self.archive))[self.archive.placed()]
        expected = self.problem.log_desirability
        if self.problem.screen is None:  # nobody can say which molecules are new: points alone
            assert expected is not None
            told = n // 2 if len(placed) >= 10 else 0
            begin = torch.cat(
                [
                    self._some(self.archive.z[placed], self.archive.scores[placed, 0], told),
                    self._some(self.starts, self.worth, n - told),
                ]
            )
            return Proposal(self._climbed(begin, expected), self.problem.draw_conditions(n, self.generator))
        if len(placed) >= self.fewest:
            self._fit(placed)
        elif expected is None:
            return self.start(n)
        order = self.archive.best(len(placed), placed)

        shaken = 0.0  # more with each try that brought too few new molecules

        def drafts(k: int) -> list[Draft]:
            nonlocal shaken
            learned = 0 if not self._fitted_at else k if expected is None else k // 2
            made = self._from_told(learned, order, shaken) if learned else []
            if k > learned and expected is not None:
                z = self._climbed(self._some(self.starts, self.worth, k - learned), expected)
                made += self.decoded(self._shaken(z, shaken), "predicted")
            shaken += self.shake
            return made

        return self.distinct(n, drafts)

    def _from_told(self, k: int, order: Tensor, shaken: float) -> list[Draft]:
        """Climbs of what was learned, from the best molecules told."""
        rows = self.good(k, order)
        bold = self.boldest * torch.rand(k, generator=self.generator)

        surface = self._process.surface()

        def expected(z: Tensor) -> Tensor:
            mean, deviation = surface(self._x(z))
            return (mean + bold * deviation).float()

        parents = [m.key if (m := self.archive.molecules[row]) is not None else None for row in rows.tolist()]
        z = self._climbed(self.archive.z[rows], expected, self.spread())
        return self.decoded(self._shaken(z, shaken), "learned", parents)

    def _shaken(self, z: Tensor, size: float) -> Tensor:
        return z + size * self.spread() * torch.randn(z.shape, generator=self.generator)

    def _climbed(self, begin: Tensor, expected: Objective, unit: Tensor | float = 1.0) -> Tensor:
        """(n, D) where the climbs from n points end. unit: of a step, in each dimension."""
        steps = (0.1 * torch.randn(begin.shape, generator=self.generator)).requires_grad_(True)
        optimizer = torch.optim.Adam([steps], lr=self.step_size)
        for _ in range(self.steps):
            optimizer.zero_grad()
            z = begin + unit * steps
            (self.prior_weight * 0.5 * z.square().sum(dim=1) - expected(z)).sum().backward()
            optimizer.step()
        return (begin + unit * steps).detach()

    def _some(self, points: Tensor, worth: Tensor, k: int) -> Tensor:
        """k points by chance among the best tenth (k at least), so that a round is not one series."""
        best = worth.argsort(descending=True)[: max(k, len(worth) // 10)]
        return points[best[torch.randint(len(best), (k,), generator=self.generator)]] if k else points[:0]

    def _fit(self, placed: Tensor) -> None:
        """Learn from the best half of `most` molecules and others by chance, again where there are more by a fifth."""
        if self._fitted_at and len(self.archive) < self.grown * self._fitted_at:
            return
        if not self._fitted_at:
            self._active = self.active()
            self._unit = float(4 * self.spread()[self._active].mean())
        self._fitted_at = len(self.archive)
        order = self.archive.best(len(placed), placed)
        best, others = order[: self.most // 2], order[self.most // 2 :]
        drawn = others[torch.randperm(len(others), generator=self.generator)[: self.most - len(best)]]
        rows = torch.cat([best, drawn])
        self._process.fit(self._x(self.archive.z[rows]), self.archive.scores[rows].double())

    def _x(self, z: Tensor) -> Tensor:
        return z[:, self._active].double() / self._unit

    def _learn(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> None:
        self.archive.add(z, scores, molecules)
