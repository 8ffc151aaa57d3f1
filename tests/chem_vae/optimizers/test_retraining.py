"""Weighted retraining: the model goes to the molecules that it is shown, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pairs_problem import WORDS

from chem_vae.checkpoint import Checkpoint
from chem_vae.optimizers.retraining import WeightedRetraining


@torch.no_grad()
def likelihood(checkpoint: Checkpoint, string: str) -> float:
    return float(checkpoint.model.log_likelihood(torch.tensor([checkpoint.vocabulary.encode(string)])))


def test_the_model_moves_to_what_it_is_shown_and_can_go_back(checkpoint: Checkpoint) -> None:
    before = {k: v.clone() for k, v in checkpoint.model.state_dict().items()}
    shown = ["[C][N][O][C]", "[C][N][O][F]", "[C][N][S][C]", "[P][N][O][C][C]"]
    retraining = WeightedRetraining(checkpoint, learning_rate=3e-3)
    first = retraining.step(shown)
    for _ in range(5):
        last = retraining.step([*shown, "[Xe]"])  # what cannot be spelled is passed over
    assert last < first - 1
    for name, value in checkpoint.model.state_dict().items():
        assert torch.equal(value, before[name])
    assert likelihood(retraining.checkpoint, shown[0]) > likelihood(checkpoint, shown[0]) + 1
    again = WeightedRetraining(checkpoint, learning_rate=3e-3)
    again.step(shown)
    for _ in range(5):
        again.step([*shown, "[Xe]"])
    for a, b in zip(retraining.checkpoint.model.parameters(), again.checkpoint.model.parameters(), strict=True):
        assert torch.equal(a, b)
    retraining.reset()
    assert likelihood(retraining.checkpoint, shown[0]) == pytest.approx(likelihood(checkpoint, shown[0]), abs=1e-5)


def test_the_best_are_shown_most(checkpoint: Checkpoint) -> None:
    retraining = WeightedRetraining(checkpoint, learning_rate=3e-3, rank_weight=0.001)
    strings = ["[C][N][O]", *(f"[F]{w}" for w in WORDS[:50])]
    for _ in range(8):
        retraining.step(strings)
    nats = [-likelihood(retraining.checkpoint, s) for s in strings]
    assert nats[0] < np.mean(nats[1:]) - 1
