"""The kernel of predictors over structure: Tanimoto over substructures and, where there are descriptors, an RBF over them.

Both parts are 1 for a molecule and itself. An RBF is almost 0 far from the data, so that a molecule whose descriptors lie far outside
is predicted with the spread of the prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from chem_vae.predictors.tanimoto import tanimoto

_LEAST_WIDTH = 0.25
"""The least deviation, in usual ones: where all molecules have as many donors, one more donor is not another world."""


@dataclass(frozen=True)
class MoleculeKernel:
    """Compares molecules, given as rows of zeros and ones (substructures) with their descriptors behind.

    Args:
        center: (d,) means of the descriptors; d may be 0.
        width: (d,) standard deviations of the descriptors.
        weight: The share of substructures.
        length: The length scale of the descriptors, in their standard deviations.
    """

    center: Tensor
    width: Tensor
    weight: float = 1.0
    length: float = 1.0

    @classmethod
    def standardize(cls, descriptors: Tensor) -> MoleculeKernel:
        """Make a kernel that standardizes descriptors as those of n molecules need it.

        Args:
            descriptors: (n, d) in units of their usual standard deviations; d may be 0.
        """
        if not descriptors.shape[1]:
            return cls(torch.zeros(0, dtype=torch.float64), torch.ones(0, dtype=torch.float64))
        known = descriptors[torch.isfinite(descriptors).all(dim=1)].double()
        if not len(known):
            known = torch.zeros(1, descriptors.shape[1], dtype=torch.float64)
        return cls(known.mean(dim=0), known.std(dim=0, correction=0).clamp_min(_LEAST_WIDTH))

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """Return similarities (n, m) of molecules (n, F + d) and (m, F + d)."""
        similar = self.compare_substructures(a, b)
        if not len(self.center) or self.weight >= 1.0:
            return similar
        near = (-0.5 * self.measure_distance(a, b) / self.length**2).exp()
        return self.weight * similar + (1.0 - self.weight) * near

    def compare_substructures(self, a: Tensor, b: Tensor) -> Tensor:
        """Return Tanimoto similarities (n, m)."""
        size = a.shape[1] - len(self.center)
        return tanimoto(a[:, :size], b[:, :size]).double()

    def measure_distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Return squared distances (n, m) of the standardized descriptors, infinite where some are missing."""
        a, b = ((x[:, x.shape[1] - len(self.center) :].double() - self.center) / self.width for x in (a, b))
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square().nan_to_num(nan=torch.inf)
