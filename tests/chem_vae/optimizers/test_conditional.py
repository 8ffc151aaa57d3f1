"""Conditional sampling."""

from __future__ import annotations

import pytest
import torch
from grid_problem import no_conditions, screen

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError
from chem_vae.optimizers import Problem, create


def test_conditional_is_refused_where_it_would_ask_for_nothing(grid: Checkpoint) -> None:
    with pytest.raises(UserError, match=r"was conditioned on \(no property\).*use another strategy"):
        create("conditional", Problem(grid, no_conditions, screen=screen))
    assert create("conditional", Problem(grid, no_conditions)).ask(3).z.isnan().all()  # molecules of any kind


def test_conditional_sampling_asks_without_z(checkpoint: Checkpoint) -> None:
    proposal = create("conditional", Problem(checkpoint, lambda n, g: torch.ones(n, 1))).ask(5)
    assert proposal.z.isnan().all()
    assert proposal.conditions.tolist() == [[1.0]] * 5
