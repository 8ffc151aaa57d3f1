"""Labels: the measured values of one property, some of which are bounds, with the spread of each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

FEWEST_EXACT = 10
"""Exact values that say by themselves where labels lie and how far apart, without the bounds."""


@dataclass(frozen=True)
class Labels:
    """Measured values of n molecules, each an exact value or bounds.

    Args:
        y: (n,) exact values in raw units, NaN where there is none.
        lower: (n,) lower bounds, NaN where there is none; None: no molecule has one. They count where y is NaN alone.
        upper: (n,) upper bounds, likewise.
        spread: (n,) the standard deviation of each value beyond the noise that all have, NaN where it is not known; None: all unknown.
    """

    y: Tensor
    lower: Tensor | None = None
    upper: Tensor | None = None
    spread: Tensor | None = None

    @classmethod
    def of(cls, y: Tensor | Labels) -> Labels:
        """Take plain values (n,) for labels."""
        return y if isinstance(y, Labels) else cls(y)

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: Tensor) -> Labels:
        """Return the labels of some rows, a mask or numbers."""
        lower, upper, spread = (None if part is None else part[rows] for part in (self.lower, self.upper, self.spread))
        return Labels(self.y[rows], lower, upper, spread)

    @property
    def is_exact(self) -> Tensor:
        """The labels that are exact values (n,) bool."""
        return torch.isfinite(self.y)

    @property
    def is_bound(self) -> Tensor:
        """The labels that are bounds alone (n,) bool."""
        found = torch.zeros(len(self), dtype=torch.bool)
        for part in (self.lower, self.upper):
            if part is not None:
                found |= torch.isfinite(part)
        return found & ~self.is_exact

    @property
    def is_plain(self) -> bool:
        """Whether all labels are exact values with the same noise."""
        return not bool(self.is_bound.any()) and not bool((self.spreads > 0).any())

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """The lower and upper bounds (n,), infinite where there is none."""
        nothing = torch.full((len(self),), torch.nan, dtype=self.y.dtype)
        lower, upper = (nothing if part is None else part.to(self.y.dtype) for part in (self.lower, self.upper))
        return lower.nan_to_num(nan=-torch.inf), upper.nan_to_num(nan=torch.inf)

    @property
    def spreads(self) -> Tensor:
        """The spreads (n,), 0 where unknown."""
        return torch.zeros_like(self.y) if self.spread is None else self.spread.to(self.y.dtype).nan_to_num(nan=0.0)

    @property
    def values(self) -> Tensor:
        """The exact values (n,), with the bound in the place of a missing one (the middle of two)."""
        lower, upper = self.bounds
        middle = torch.where(torch.isinf(lower), upper, torch.where(torch.isinf(upper), lower, 0.5 * (lower + upper)))
        return torch.where(self.is_exact, self.y, middle)

    def choose_scale(self) -> tuple[float, float]:
        """Choose the center and the width that standardize the labels: those of the exact values, where there are enough and they differ, else of all.

        Returns:
            Mean and standard deviation in double precision; a width of 1 where all labels are equal.
        """
        known = self.y[self.is_exact].double()
        for values in (known if len(known) >= FEWEST_EXACT else known[:0], self.values.double()):
            if len(values) > 1 and bool(values.max() > values.min()):
                return float(values.mean()), float(values.std())
        return (float(self.values.double().mean()) if len(self) else 0.0), 1.0

    def is_respected(self, mean: Tensor) -> Tensor:
        """Say which bounds predictions (n,) lie within (n,) bool; False for exact values."""
        lower, upper = self.bounds
        return self.is_bound & (mean >= lower) & (mean <= upper)
