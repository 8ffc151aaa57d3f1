"""CMA-ES in the latent space."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from chem_vae.optimizers.archive import RememberingOptimizer
from chem_vae.optimizers.base import Molecule, Problem, Proposal, register


@register
class CovarianceAdaptation(RememberingOptimizer):
    """Moves and shapes a Gaussian with a diagonal covariance towards the points whose molecules score best.

    Hansen 2016, arXiv:1604.00772, by the library `cma`; diagonal (Ros & Hansen 2008, doi:10.1007/978-3-540-87700-4_30),
    since of a full covariance in some hundred dimensions 10,000 scores can learn little. Lengths are in deviations of the
    known points. It starts at the best molecule told, and after `patience` generations without a better one again at
    another good one, also when hardly any new molecule is decoded. The Gaussian learns from the points it proposed, not from
    those where the molecules lie: a molecule is decoded from all around its own point, so that its own point is nearer to
    the center than what was proposed, and steps would shrink without success.
    """

    name = "cma_es"
    step, patience, new_least = 0.6, 15, 0.2

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem, seed)
        self._noise = np.random.default_rng(seed)
        self._search: Any = None
        self._active, self._scale, self._origin = torch.empty(0, dtype=torch.long), torch.empty(0), torch.empty(0)
        """The dimensions searched, (A,); a unit of the search in them, (A,); the point that is its zero, (D,)."""
        self._asked = torch.empty(0)
        self._points: list[np.ndarray] = []
        self._losses: list[float] = []
        self._best, self._stale, self._new = -np.inf, 0, 0
        self._centers: set[int] = set()
        """Rows of the archive that a search has started from."""

    def ask(self, n: int) -> Proposal:
        if len(self.archive) < min(n, 20) or not self.archive.placed().any():
            return self.start(n)
        if self._search is None:
            self._begin(n)
        self._points = self._points[: len(self._losses)]  # what was asked for and never told is forgotten
        points = self._search.ask(n)
        self._asked = self._origin.expand(n, -1).clone()
        self._asked[:, self._active] += torch.from_numpy(np.stack(points)).float() * self._scale
        self._points += points
        conditions = self.problem.draw_conditions(n, self.generator)
        return Proposal(self._asked, conditions, None, [f"center {len(self._centers)}"] * n)

    def tell(
        self, proposal: Proposal, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None] | None = None
    ) -> None:
        before = len(self.archive)
        super().tell(proposal, z, scores, molecules)
        if self._search is None or proposal.z.shape != self._asked.shape or not torch.equal(proposal.z, self._asked):
            return  # molecules that were known, or of another search
        self._losses += (-scores.double().cpu()).tolist()
        self._new += len(self.archive) - before
        if len(self._losses) >= self._search.popsize:
            self._generation()

    def _learn(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> None:
        self.archive.add(z, scores, molecules)

    def _generation(self) -> None:
        losses = np.array(self._losses)
        fine = np.isfinite(losses)
        if fine.any():
            losses[~fine] = losses[fine].max() + 1.0  # failed: worse than all others, and only the order matters
            with warnings.catch_warnings():  # a caller's batches need not be multiples of the population
                warnings.simplefilter("ignore")
                self._search.tell(self._points, losses.tolist())
        best = -losses[fine].min() if fine.any() else -np.inf
        self._stale = 0 if best > self._best else self._stale + 1
        self._best = max(best, self._best)
        exhausted = self._new < self.new_least * len(self._losses)
        self._points, self._losses, self._new = [], [], 0
        if self._stale >= self.patience or exhausted:
            self._search = None

    def _begin(self, n: int) -> None:
        import cma

        self._active = self.active()
        self._scale = self.spread()[self._active]
        placed = torch.arange(len(self.archive))[self.archive.placed()]
        order = self.archive.best(len(placed), placed)
        fresh = torch.tensor([row for row in order.tolist() if row not in self._centers], dtype=torch.long)
        center = int(order[0] if not self._centers or not len(fresh) else self.good(1, fresh))
        self._centers.add(center)
        self._origin = self.archive.z[center]
        usual = 4 + int(3 * np.log(len(self._active)))
        self._search = cma.CMAEvolutionStrategy(
            np.zeros(len(self._active)),
            self.step,
            {
                "CMA_diagonal": True,
                "popsize": max(n, usual),
                "randn": lambda *shape: self._noise.standard_normal(shape),  # never NumPy's global stream
                "seed": np.nan,
                "verbose": -9,
                "verb_log": 0,
            },
        )
        self._best, self._stale, self._points, self._losses, self._new = -np.inf, 0, [], [], 0
