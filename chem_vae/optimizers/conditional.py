"""Conditional sampling: ask the decoder for the wanted properties, without z."""

from __future__ import annotations

from chem_vae.optimizers.base import LatentOptimizer, Proposal, register
from chem_vae.prior import sample_prior


@register
class ConditionalSampling(LatentOptimizer):
    """Draws x from p(x | c): every molecule is asked for with the wanted values as its conditions.

    Lim et al. 2018, doi:10.1186/s13321-018-0286-7, with z left out, which avoids the holes of N(0, I).
    """

    name = "conditional"

    def ask(self, n: int) -> Proposal:
        return Proposal(
            sample_prior(self.problem.checkpoint, n, "none"), self.problem.draw_conditions(n, self.generator)
        )
