"""A transform: flat in the middle, one half at both ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from pipeline.objectives.transforms import Interval, Transform, register_transform


@register_transform
@dataclass(frozen=True)
class Plateau(Transform):
    """d = 2^-u^4, u from -1 at low to 1 at high."""

    name = "toy_plateau"
    low: float
    high: float

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        """Return log d."""
        u = (2 * x - self.low - self.high) / (self.high - self.low)
        return -math.log(2) * u.pow(4)

    @property
    def hit_interval(self) -> Interval:
        """The values from low to high."""
        return self.low, self.high
