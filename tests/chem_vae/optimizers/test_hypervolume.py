"""Fronts, crowding and expected hypervolume improvement."""

from __future__ import annotations

import torch

from chem_vae.optimizers.hypervolume import (
    compute_log_improvement,
    measure_crowding,
    number_fronts,
    select_by_hypervolume,
)


def test_fronts_and_crowding() -> None:
    values = torch.tensor([[3.0, 0], [0, 3], [2, 2], [2, 1], [1, 1], [2, 2]])
    assert number_fronts(values).tolist() == [0, 0, 0, 1, 2, 0]
    assert measure_crowding(values).argmin() in (2, 5)  # each other's double
    assert measure_crowding(values).max() <= 0.5


def test_the_log_improvement_ranks_as_botorch_does() -> None:
    from botorch.acquisition.multi_objective.logei import qLogExpectedHypervolumeImprovement
    from botorch.models.deterministic import GenericDeterministicModel
    from botorch.utils.multi_objective.box_decompositions import FastNondominatedPartitioning

    generator = torch.Generator().manual_seed(0)
    known = torch.rand(20, 3, generator=generator, dtype=torch.float64)
    candidates = 1.3 * torch.rand(60, 3, generator=generator, dtype=torch.float64)
    corner = torch.zeros(3, dtype=torch.float64)
    ours = compute_log_improvement(candidates.unsqueeze(0), known, corner)
    theirs = qLogExpectedHypervolumeImprovement(
        GenericDeterministicModel(lambda x: x, 3), corner, FastNondominatedPartitioning(corner, known)
    )(candidates.unsqueeze(1))
    adds = theirs > -6  # below, their softening and ours differ
    assert 20 < adds.sum() < 60
    assert torch.allclose(ours[adds], theirs[adds], atol=0.2)
    assert ours[~adds].max() < ours[adds].min() + 1.0 and ours.isfinite().all()


def test_of_several_objectives_what_adds_to_the_hypervolume_is_chosen() -> None:
    """Not what has the highest sum or the best worst value, where the front has such a molecule already."""
    known = torch.tensor([[1.0, 0.0], [0.6, 0.6], [0.0, 0.8], [0.2, 0.2]]).double()
    candidates = torch.tensor([[0.59, 0.59], [0.58, 0.6], [0.1, 0.9], [0.99, 0.0]]).double()
    drawn = candidates + 1e-4 * torch.randn(16, 4, 2, generator=torch.Generator().manual_seed(0)).double()
    assert select_by_hypervolume(drawn, known, 1).tolist() == [2]
    assert sorted(select_by_hypervolume(drawn, known, 4).tolist()) == [0, 1, 2, 3]
    wide = torch.rand(300, 3, generator=torch.Generator().manual_seed(1)).double()
    known = torch.nn.functional.normalize(wide, dim=1)  # a front of 300 with three objectives: thinned, and in pieces
    candidates = torch.cat([0.5 * known[:50], 1.3 * known[:1]])
    assert select_by_hypervolume(candidates.expand(32, -1, -1), known, 1).tolist() == [50]
