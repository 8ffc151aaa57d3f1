"""Selection by novelty alone, for where scores do not tell which molecules are better."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from chem_vae.optimizers.base import Molecule


class FeatureCounts:
    """Counts in how many of the molecules that were asked about each feature was, and selects those with the rarest ones.

    A molecule is worth the sum over its features of 1 / sqrt(1 + times seen), the bonus of exploration by counts (Bellemare et al.
    2016, arXiv:1606.01868): what has many features that were seldom asked about tells most.
    """

    def __init__(self) -> None:
        self._counts = torch.empty(0)

    def add(self, molecules: Sequence[Molecule | None]) -> None:
        """Count the features of molecules that were asked about."""
        there = [m.features for m in molecules if m is not None]
        if there:
            total = torch.stack(there).float().sum(dim=0)
            self._counts = self._counts + total if len(self._counts) else total

    def select(self, features: Tensor, n: int) -> list[int]:
        """Select n rows of features (m, F), one after another, each counted before the next is selected."""
        features = features.float()
        counts = self._counts.clone() if len(self._counts) else torch.zeros(features.shape[1])
        free = torch.zeros(len(features))
        chosen: list[int] = []
        for _ in range(min(n, len(features))):
            worth = features @ (1.0 + counts).rsqrt() + free
            best = int(worth.argmax())
            chosen.append(best)
            counts += features[best]
            free[best] = -torch.inf
        return chosen
