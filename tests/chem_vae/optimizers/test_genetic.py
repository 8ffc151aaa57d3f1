"""The genetic strategy finds what chance does not."""

from __future__ import annotations

import pytest
import torch
from grid_problem import PEAK, SIZE, no_conditions, points, screen, search, smooth, told, top, vary
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.optimizers import Problem, Proposal, create

LEARNERS = ["genetic"]  # of latent points; adaptive, which learns from substructures, has its own tests


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("start", ["cold", "known"])
def test_a_learner_finds_what_chance_does_not(name: str, start: str, grid: Checkpoint) -> None:
    problem = Problem(grid, no_conditions, known=points(300) if start == "known" else None, screen=screen)
    by_chance = search(create("random", problem), smooth, 600)
    found = search(create(name, problem), smooth, 600)
    assert len(found) == 600
    print(f"{name}, {start}: top 10 {top(found):.3f}, by chance {top(by_chance):.3f}")
    assert top(found) > top(by_chance) + 0.2


@pytest.mark.parametrize("name", LEARNERS)
def test_failures_do_not_mislead(name: str, grid: Checkpoint) -> None:
    """A third of all molecules fail for ever; the search goes on among the others."""
    problem = Problem(grid, no_conditions, known=points(300), screen=screen)

    def failing(z: Tensor) -> Tensor:
        levels = ((z + 2.1) / 0.6).round().sum(dim=1)
        return torch.where(levels % 3 == 0, torch.nan, smooth(z))

    found = search(create(name, problem), failing, 600)
    finite = {key: value for key, value in found.items() if value.isfinite()}
    by_chance = search(create("random", problem), smooth, 600)
    assert 300 < len(finite) < 550
    assert top(finite) > top(by_chance) + 0.15


@pytest.mark.parametrize("name", LEARNERS)
def test_a_warm_start_is_used(name: str, grid: Checkpoint) -> None:
    """Told of molecules near the peak, the first proposals score twice as well as known points."""
    problem = Problem(grid, no_conditions, known=points(300), screen=screen)
    optimizer = create(name, problem)
    z = torch.cat([PEAK + 0.9 * points(40), points(300)[:200]])
    strings = grid.decode(z)
    warm = Proposal(torch.full_like(z, torch.nan), no_conditions(len(z), optimizer.generator), strings)
    told(optimizer, warm, smooth)
    proposal = optimizer.ask(30)
    _, scores = told(optimizer, proposal, smooth)
    assert scores.median() > 2 * smooth(points(300)).median()
    if proposal.strings is not None:
        assert not set(strings) & set(proposal.strings)


def test_moves_that_pay_are_done_more(grid: Checkpoint) -> None:
    """Turning a string never helps here, and crossing points does."""
    problem = Problem(grid, no_conditions, known=points(300), screen=screen, vary=vary)
    optimizer = create("genetic", problem)
    search(optimizer, smooth, 600)
    shares = optimizer.compute_shares()  # type: ignore[attr-defined]
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["structure variation"] == min(shares.values()) >= 0.1


@pytest.mark.parametrize("name", LEARNERS)
def test_a_front_moves_outward(name: str, grid: Checkpoint) -> None:
    """Two peaks that cannot both be reached: more is dominated than by chance."""
    problem = Problem(grid, no_conditions, known=points(300), screen=screen, objectives=2)
    other = PEAK * torch.tensor([1.0] * (SIZE // 2) + [-1.0] * (SIZE // 2))

    def both(z: Tensor) -> Tensor:
        return torch.stack([smooth(z), torch.exp(-(z - other).square().mean(dim=1))], dim=1)

    def dominated(found: dict[str, Tensor]) -> float:
        """Share of the unit square."""
        front = torch.stack(list(found.values()))
        ticks = torch.linspace(0, 1, 101)
        corners = torch.cartesian_prod(ticks, ticks)
        return float((front[None] >= corners[:, None]).all(-1).any(-1).float().mean())

    by_chance = dominated(search(create("random", problem), both, 400))
    reached = dominated(search(create(name, problem), both, 400))
    print(f"{name}: {reached:.3f} dominated, by chance {by_chance:.3f}")
    assert reached > by_chance + 0.05
