"""Novelty: what was seldom asked about comes first."""

from __future__ import annotations

import torch

from chem_vae.optimizers import Molecule
from chem_vae.optimizers.novelty import FeatureCounts


def test_rare_features_come_first_and_no_row_twice() -> None:
    counts = FeatureCounts()
    rows = torch.eye(4)
    counts.add([Molecule("a", "a", torch.tensor([1.0, 1.0, 0.0, 0.0]))] * 8 + [None])
    assert sorted(counts.select(rows, 2)) == [2, 3]
    assert sorted(counts.select(rows, 9)) == [0, 1, 2, 3]
    alike = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
    assert counts.select(alike, 1) == [0]
    assert FeatureCounts().select(alike, 2) == [0, 2]  # the second counts what the first has
