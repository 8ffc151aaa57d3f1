"""Conditional sampling: the decoder is asked for the wanted properties, without z."""

from __future__ import annotations

import torch

from chem_vae.errors import UserError
from chem_vae.optimizers.base import LatentOptimizer, Problem, Proposal, register
from chem_vae.prior import sample_prior


@register
class ConditionalSampling(LatentOptimizer):
    """Draws x from p(x | c): every molecule is asked for with the wanted values as its conditions.

    Lim et al. 2018, doi:10.1186/s13321-018-0286-7, with z left out, which avoids the holes of N(0, I). Raises UserError
    in a search where nothing that is wanted is a condition of the model: the molecules would be `random`'s.
    """

    name = "conditional"
    several_objectives = True

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem, seed)
        unasked = problem.draw_conditions(8, torch.Generator().manual_seed(seed)).isnan().all()
        if problem.screen is not None and unasked:  # without one, nothing is searched for: any molecules will do
            known = ", ".join(problem.checkpoint.conditions) or "no property"
            raise UserError(
                f"the strategy conditional asks the model for properties that it was conditioned on ({known}), and nothing that is "
                "wanted is among them; aim at one, or use another strategy (adaptive, genetic)"
            )

    def ask(self, n: int) -> Proposal:
        return Proposal(
            sample_prior(self.problem.checkpoint, n, "none"), self.problem.draw_conditions(n, self.generator)
        )
