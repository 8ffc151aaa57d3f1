"""From a property's value x to a desirability d(x) in 0..1: one small class each, one registry.

The names and the sigmoids' shapes are those of REINVENT 4 (Loeffler et al. 2024, doi:10.1186/s13321-024-00812-5); targets
and ranges are desirabilities after Derringer & Suich 1980, doi:10.1080/00224065.1980.11980968.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.plugins import Registry

LN2, LN10 = math.log(2.0), math.log(10.0)
FLOOR = 0.01
"""Where d is less, its logarithm goes on as a straight line, so that a gradient still says which way is better."""

Interval = tuple[float | None, float | None]
"""From a lowest to a highest value; None is open."""


@dataclass(frozen=True)
class Transform(ABC):
    """d(x) of values of any shape, NaN staying NaN.

    `hit_interval`: the values that count as a hit, where d is one half or more. `target_interval`: those to ask a decoder for, where d is
    near its best.
    """

    name: ClassVar[str] = ""

    def compute_desirability(self, x: Tensor) -> Tensor:
        """d(x), in 0..1."""
        return self.compute_log_desirability(x).exp()

    @abstractmethod
    def compute_log_desirability(self, x: Tensor) -> Tensor:
        """log d(x), differentiable; where d < FLOOR it may be any number below log d(FLOOR) that falls away from the aim."""

    @property
    @abstractmethod
    def hit_interval(self) -> Interval:
        """The values whose d is one half or more."""

    @property
    def target_interval(self) -> Interval:
        """The values to ask a decoder for."""
        return self.hit_interval


TRANSFORMS: Registry[type[Transform]] = Registry("transform", "chem_vae.transforms")
"""By name. A package adds its own with `register_transform` behind an entry point of this group (`chem_vae.plugins`)."""


def register_transform(transform: type[Transform]) -> type[Transform]:
    """Register a class under its `name`; it is made with those of low, high and steepness that an objective gives."""
    return TRANSFORMS.add(transform.name, transform)


def find_transform(name: str) -> type[Transform]:
    """Return the class that an objective's `transform` names. Raises UserError where there is none, with those there are."""
    if name in ("target", "range"):
        raise UserError(f"write {name} = ... instead of transform = {name!r}")
    return TRANSFORMS.find(name)


@register_transform
@dataclass(frozen=True)
class Target(Transform):
    """d = 2^-((x - value) / tolerance)^2: one half at the tolerance."""

    name = "target"
    value: float
    tolerance: float

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        """log d."""
        return -LN2 * ((x - self.value) / self.tolerance).square()

    @property
    def hit_interval(self) -> Interval:
        """Within the tolerance."""
        return self.value - self.tolerance, self.value + self.tolerance

    @property
    def target_interval(self) -> Interval:
        """The value itself."""
        return self.value, self.value


@register_transform
@dataclass(frozen=True)
class Range(Transform):
    """d = 1 from low to high; outside it halves at `tolerance` from the nearer end, as a target does."""

    name = "range"
    low: float
    high: float
    tolerance: float

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        """log d."""
        outside = torch.relu(self.low - x) + torch.relu(x - self.high)
        return -LN2 * (outside / self.tolerance).square()

    @property
    def hit_interval(self) -> Interval:
        """Inside, the slopes not counted."""
        return self.low, self.high


@dataclass(frozen=True)
class _Ends(Transform):
    """What rises, or falls, from a low to a high end: one half in the middle."""

    low: float
    high: float
    rising: ClassVar[bool] = True

    @property
    def width(self) -> float:
        """From end to end."""
        return self.high - self.low

    def _from_middle(self, x: Tensor) -> Tensor:
        """-1/2 at the worse end, 1/2 at the better one."""
        share = (x - 0.5 * (self.low + self.high)) / self.width
        return share if self.rising else -share

    @property
    def hit_interval(self) -> Interval:
        """The better half of the line."""
        middle = 0.5 * (self.low + self.high)
        return (middle, None) if self.rising else (None, middle)

    @property
    def target_interval(self) -> Interval:
        """Around the better end, by a quarter of the width."""
        end = self.high if self.rising else self.low
        return end - 0.25 * self.width, end + 0.25 * self.width


@register_transform
@dataclass(frozen=True)
class Sigmoid(_Ends):
    """d = 1 / (1 + 10^(-10 k (x - (low + high) / 2) / (high - low))), k the steepness.

    With the usual k of 1/4, d is 0.05 at low, one half in the middle, and 0.95 at high.
    """

    name = "sigmoid"
    steepness: float = 0.25

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        """log d."""
        return torch.nn.functional.logsigmoid(LN10 * 10 * self.steepness * self._from_middle(x))


@register_transform
@dataclass(frozen=True)
class ReverseSigmoid(Sigmoid):
    """d = 1 / (1 + 10^(10 k (x - (low + high) / 2) / (high - low))): the sigmoid's mirror image, best at low."""

    name = "reverse_sigmoid"
    rising = False


@register_transform
@dataclass(frozen=True)
class DoubleSigmoid(_Ends):
    """d = s(x - low) - s(x - high), s(u) = 1 / (1 + 10^(-10 k u / (high - low))): up at low, down at high.

    About one half at both ends. REINVENT's coef_si / coef_div and coef_se / coef_div are both 10 k / (high - low) here.
    """

    name = "double_sigmoid"
    steepness: float = 1.0

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        """log d, of the difference without cancellation: s(a) - s(b) = s(a) s(-b) (1 - e^(b - a))."""
        slope = LN10 * 10 * self.steepness / self.width
        rising = torch.nn.functional.logsigmoid(slope * (x - self.low))
        falling = torch.nn.functional.logsigmoid(-slope * (x - self.high))
        return rising + falling + math.log1p(-math.exp(-slope * self.width))

    @property
    def hit_interval(self) -> Interval:
        """From end to end."""
        return self.low, self.high

    @property
    def target_interval(self) -> Interval:
        """The middle half."""
        return self.low + 0.25 * self.width, self.high - 0.25 * self.width


@register_transform
@dataclass(frozen=True)
class Step(Transform):
    """d = 1 from low to high, both included, and 0 outside; None leaves an end open."""

    name = "step"
    low: float | None
    high: float | None
    scale: float = 1.0
    """A distance outside over which the slope that gradients see falls by one; no part of d."""

    def _outside(self, x: Tensor) -> Tensor:
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return torch.relu(low - x) + torch.relu(x - high)

    def compute_desirability(self, x: Tensor) -> Tensor:
        """Zero or one."""
        outside = self._outside(x)
        return torch.where(outside.isnan(), outside, (outside == 0).to(x.dtype))

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        """0 inside; outside a straight slope below log(FLOOR)."""
        outside = self._outside(x)
        return torch.where(outside > 0, math.log(FLOOR) - outside / self.scale, outside)

    @property
    def hit_interval(self) -> Interval:
        """Inside."""
        return self.low, self.high


def _log_of_share(u: Tensor) -> Tensor:
    """log u, going on straight (and smoothly) below FLOOR."""
    return torch.log(u.clamp_min(FLOOR)) + (u.clamp_max(FLOOR) - FLOOR) / FLOOR


@register_transform
@dataclass(frozen=True)
class Linear(_Ends):
    """d = (x - low) / (high - low), clipped to 0..1."""

    name = "linear"

    def compute_desirability(self, x: Tensor) -> Tensor:
        """Clipped to 0..1."""
        return (self._from_middle(x) + 0.5).clamp(0, 1)

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        """log d where d is FLOOR or more."""
        return _log_of_share((self._from_middle(x) + 0.5).clamp_max(1))


@register_transform
@dataclass(frozen=True)
class ReverseLinear(Linear):
    """d = (high - x) / (high - low), clipped to 0..1."""

    name = "reverse_linear"
    rising = False


@register_transform
@dataclass(frozen=True)
class AsIs(Transform):
    """d = x, or 1 - x where less is better: for values that lie in 0..1 by themselves. No value is a hit by itself."""

    name = "as_is"
    falling: bool = False

    def compute_rank(self, x: Tensor) -> Tensor:
        """What molecules are ranked by where nothing else is wanted, whatever the values' range: x, or -x."""
        return -x if self.falling else x

    def compute_desirability(self, x: Tensor) -> Tensor:
        """Not clipped: what is outside of 0..1 shows."""
        return 1 - x if self.falling else x

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        """log d where d is FLOOR or more."""
        return _log_of_share(self.compute_desirability(x))

    @property
    def hit_interval(self) -> Interval:
        """Open: nobody said what is good enough."""
        return None, None
