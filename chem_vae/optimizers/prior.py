"""Random molecules from the prior, which any search has to beat."""

from __future__ import annotations

import torch

from chem_vae.optimizers.base import LatentOptimizer, Proposal, register
from chem_vae.prior import sample_prior


@register
class PriorSampling(LatentOptimizer):
    """Draws x from p(x), blind to scores and to what is wanted.

    Without z by default, which follows the data where N(0, I) does not (`chem_vae.prior`); `kind` is any other prior.
    """

    name = "random"
    kind = "none"
    several_objectives = True

    def ask(self, n: int) -> Proposal:
        seed = int(torch.randint(2**62, (1,), generator=self.generator))
        unknown = torch.full((n, self.checkpoint.model.properties), torch.nan)
        return Proposal(sample_prior(self.checkpoint, n, self.kind, seed), unknown)
