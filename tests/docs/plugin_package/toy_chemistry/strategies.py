"""A strategy: climbs from the best point seen so far."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from chem_vae.optimizers.base import LatentOptimizer, Molecule, Problem, Proposal, register


@register
class HillClimbing(LatentOptimizer):
    """Proposes latent points around the best one so far."""

    name = "toy_climb"

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem, seed)
        self.center = torch.zeros(self.checkpoint.model.latent_size)
        self.highest = -torch.inf

    def ask(self, n: int) -> Proposal:
        """Propose n points."""
        z = self.center + 0.5 * torch.randn(n, len(self.center), generator=self.generator)
        return Proposal(z, torch.full((n, self.checkpoint.model.properties), torch.nan))

    def _learn(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> None:
        scores = scores.masked_fill(scores.isnan() | z.isnan().any(dim=1), -torch.inf)
        if float(scores.max()) > self.highest:
            self.highest, self.center = float(scores.max()), z[scores.argmax()]
