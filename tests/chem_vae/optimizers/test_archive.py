"""The archive of scored molecules."""

from __future__ import annotations

import pytest
import torch
from grid_problem import no_conditions, points, screen

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError
from chem_vae.optimizers import Problem, create
from chem_vae.optimizers.archive import Archive, RememberingOptimizer


def test_the_archive_keeps_each_molecule_once() -> None:
    archive = Archive(2)
    molecules = [*screen(["[C]", "[N]", "[C]"]), None, None]
    z = torch.tensor([[0.0, 0], [1, 1], [0, 0], [2, 2], [torch.nan, 0]])
    scores = torch.tensor([1.0, torch.nan, 5.0, 3.0, 4.0])
    assert archive.add(z, scores, molecules).tolist() == [0, 1]  # a place without a name counts, a name twice does not
    assert archive.scores.squeeze(1).tolist() == [1.0, 3.0]
    assert archive.seen == {"[C]", "[N]"}
    assert archive.add(z[:2], torch.tensor([1.0, 2.0]), molecules[:2]).tolist() == [2]  # measured at last
    assert archive.select_best(2).tolist() == [1, 2]
    with pytest.raises(UserError, match="told 2 scores"):
        archive.add(z[:1], torch.zeros(1, 2), molecules[:1])


def test_each_molecule_of_the_pool_is_proposed_once(grid: Checkpoint) -> None:
    pool = sorted({m.selfies for m in screen(grid.decode(points(60))) if m is not None})
    optimizer = create("genetic", Problem(grid, no_conditions, screen=screen, pool=pool))
    assert isinstance(optimizer, RememberingOptimizer)
    proposals = [optimizer.propose_start(n) for n in (40, 20)]  # 52 are drawn for the first
    asked = [
        s for p in proposals for s, origin in zip(p.strings or [], p.origins or [], strict=True) if origin == "pool"
    ]
    assert 40 < len(pool) <= 60 and sorted(s for s in asked if s) == pool
