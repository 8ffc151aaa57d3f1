"""The interface of strategies: what each owes its caller, and the registry."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from grid_problem import no_conditions, points, screen, smooth, told, vary
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError
from chem_vae.optimizers import STRATEGIES, Problem, Proposal, create, spell_strategy
from chem_vae.prior import sample_prior


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_what_every_strategy_owes(name: str, untrained: Checkpoint) -> None:
    """Rows for what was asked, of any number; accounts kept through failures; the same seed, the same proposals."""
    given = {"known": points(60, 8), "screen": screen, "vary": vary, "pool": ["[C][O]", "[N][C][C]", "[F][C][F]"]}
    conditions = no_conditions if name != "conditional" else lambda n, generator: torch.ones(n, 1)
    problem = Problem(untrained, conditions, lambda z: -z.square().sum(dim=1), **given)  # type: ignore[arg-type]

    def partly(z: Tensor) -> Tensor:  # half fail, and every score of the third batch
        scores = -z.square().sum(dim=1)
        scores[::2] = torch.nan
        return scores if len(scores) != 7 else torch.full_like(scores, torch.nan)

    def course(seed: int) -> list[list[str | None]]:
        optimizer = create(name, problem, seed)
        warm = Proposal(torch.full((3, 8), torch.nan), no_conditions(3, optimizer.generator), list(problem.pool))
        told(optimizer, warm, partly)
        strings = []
        for n in (20, 20, 7, 1, 30, 700):
            proposal = optimizer.ask(n)
            assert proposal.z.shape == (n, 8) and proposal.conditions.shape == (n, 1)
            assert all(part is None or len(part) == n for part in proposal[2:])
            assert proposal.z.dtype == torch.float32 and not proposal.z.requires_grad
            strings.append(optimizer.decode(proposal, temperature=1.0, seed=5))
            assert len(strings[-1]) == n
            told(optimizer, proposal, partly)
        with pytest.raises(UserError, match="every proposal"):
            optimizer.tell(proposal, proposal.z[:5], torch.zeros(5))
        return strings

    before = np.random.get_state()[1].copy(), torch.random.get_rng_state()  # type: ignore[index, union-attr]
    first = course(1)
    assert np.array_equal(before[0], np.random.get_state()[1])  # type: ignore[index, arg-type]
    assert torch.equal(before[1], torch.random.get_rng_state())
    assert course(1) == first
    if name != "conditional":  # decoded without z by the caller's seed
        assert course(2) != first or name == "random"


def test_proposals_are_new_molecules(grid: Checkpoint) -> None:
    problem = Problem(grid, no_conditions, known=points(300), screen=screen)
    for name in ("adaptive", "genetic"):
        optimizer = create(name, problem)
        seen: set[str] = set()
        for _ in range(8):
            keys, _ = told(optimizer, optimizer.ask(40), smooth)
            assert len(keys) == len(set(keys) - seen) == 40
            seen |= set(keys)


def test_the_pool_comes_first(grid: Checkpoint) -> None:
    pool = grid.decode(points(30))
    for name in ("adaptive", "genetic"):
        problem = Problem(grid, no_conditions, known=points(300), pool=[s for s in pool if s], screen=screen)
        proposal = create(name, problem).ask(20)
        assert set(proposal.strings or []) <= set(pool)
        assert proposal.origins == ["pool"] * 20


def test_registry_errors_name_what_there_is(checkpoint: Checkpoint) -> None:
    with pytest.raises(UserError, match="did you mean 'gradient'"):
        create("gradiant", Problem(checkpoint, no_conditions))
    with pytest.raises(UserError, match="needs a predictor"):
        create("gradient", Problem(checkpoint, no_conditions))
    with pytest.raises(UserError, match="unknown prior"):
        sample_prior(checkpoint, 2, "norml")
    assert set(STRATEGIES) == {"adaptive", "conditional", "genetic", "gradient", "random"}
    for removed in ("turbo", "cma_es"):
        with pytest.raises(UserError, match=f"{removed} was removed.*use the strategy adaptive"):
            create(removed, Problem(checkpoint, no_conditions))


def test_capitals_make_no_difference_in_the_name_of_a_strategy() -> None:
    assert spell_strategy("Adaptive") == "adaptive" and spell_strategy("ACQUISITION", "acquisition") == "acquisition"
    with pytest.raises(UserError, match="unknown strategy"):
        spell_strategy("ACQUISITION")
    with pytest.raises(UserError, match="turbo was removed"):
        spell_strategy("TuRBO")
