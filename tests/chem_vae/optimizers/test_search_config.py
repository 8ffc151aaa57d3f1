"""The settings of the strategies: wrong ones are refused, right ones reach the strategy."""

from __future__ import annotations

import pytest
from grid_problem import no_conditions
from pairs_problem import screen

from chem_vae.checkpoint import Checkpoint
from chem_vae.optimizers import Problem, SearchConfig, create


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"drafts": 0}, "drafts must be above 0"),
        ({"widen_after": -1}, "widen_after must not be below 0"),
        ({"least_share": 0.5}, "least_share must be from 0 to 0.2"),
        ({"surrogate_best": 2000}, "surrogate_best must not be above surrogate_molecules"),
    ],
)
def test_wrong_settings(settings: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SearchConfig(**settings)  # type: ignore[arg-type]


def test_they_reach_the_strategy(checkpoint: Checkpoint) -> None:
    asked = SearchConfig(retrain_steps=3, retrain_batch=5, least_share=0.2)
    optimizer = create("adaptive", Problem(checkpoint, no_conditions, screen=screen, search=asked))
    assert (optimizer.retraining.steps, optimizer.retraining.batch_size) == (3, 5)  # type: ignore[attr-defined]
    assert min(optimizer.compute_shares().values()) >= 0.2  # type: ignore[attr-defined]
