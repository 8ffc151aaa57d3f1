"""Gradient ascent on predictors."""

from __future__ import annotations

import pytest
import torch
from grid_problem import no_conditions

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError
from chem_vae.optimizers import Problem, SearchConfig, create


def test_gradient_ascent_climbs_and_learns_from_what_it_is_told(checkpoint: Checkpoint) -> None:
    peak = torch.zeros(8)
    peak[0] = 1.5
    known = torch.randn(500, 8, generator=torch.Generator().manual_seed(0))

    def log_desirability(z: torch.Tensor) -> torch.Tensor:
        return -(z - peak).square().sum(dim=1)

    optimizer = create("gradient", Problem(checkpoint, no_conditions, log_desirability, known), seed=3)
    proposal = optimizer.ask(40)
    assert proposal.z.shape == (40, 8)
    assert log_desirability(proposal.z).mean() > log_desirability(known).topk(40).values.mean() + 1.0
    scores = torch.full((40,), torch.nan)
    scores[:12] = -300.0  # on a scale of its own
    elsewhere = torch.full((40, 8), 4.0)
    optimizer.tell(proposal, elsewhere, scores)
    assert len(optimizer.archive) == 12  # type: ignore[attr-defined]
    optimizer.search = SearchConfig(climb_steps=0)
    begun = optimizer.ask(40).z
    assert int((begun.mean(dim=1) > 3).sum()) == 20  # half from what was told
    with pytest.raises(UserError, match="every proposal"):
        optimizer.tell(proposal, proposal.z[:5], scores[:5])
    again = create("gradient", Problem(checkpoint, no_conditions, log_desirability, known), seed=3).ask(40)
    assert torch.equal(again.z, proposal.z)
