"""Transforms: functions from a property's value x to a desirability d(x) in 0..1, one class each, in one registry.

The names and the sigmoids' shapes are those of REINVENT 4 (Loeffler et al. 2024, doi:10.1186/s13321-024-00812-5); targets
and ranges are desirabilities after Derringer & Suich 1980, doi:10.1080/00224065.1980.11980968.

A package adds its own class by an entry point of the group `chem_vae.transforms` (see `chem_vae.plugins`):

    @register_transform
    @dataclass(frozen=True)
    class Hill(Transform):
        name = "hill"                            # affinity = { transform = "hill", low = 5.0, steepness = 2.0 }
        low: float
        steepness: float = 1.0
        ...
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
"""Below this d its logarithm continues as a straight line, so that a gradient still says which way is better."""

Interval = tuple[float | None, float | None]
"""From a lowest to a highest value; None is open."""


@dataclass(frozen=True)
class Transform(ABC):
    """Computes d(x) of values of any shape; NaN stays NaN."""

    name: ClassVar[str] = ""

    def compute_desirability(self, x: Tensor) -> Tensor:
        """Compute d(x), in 0..1."""
        return self.compute_log_desirability(x).exp()

    @abstractmethod
    def compute_log_desirability(self, x: Tensor) -> Tensor:
        """Compute log d(x), differentiable; where d < FLOOR, any number below log d(FLOOR) that falls away from the best x."""

    @property
    @abstractmethod
    def hit_interval(self) -> Interval:
        """The values that count as a hit, where d is one half or more."""

    @property
    def target_interval(self) -> Interval:
        """The values to ask a decoder for, where d is near its best."""
        return self.hit_interval


TRANSFORMS: Registry[type[Transform]] = Registry("transform", "chem_vae.transforms")


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
    """Computes d = 2^-((x - value) / tolerance)^2: one half at the tolerance."""

    name = "target"
    value: float
    tolerance: float

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        return -LN2 * ((x - self.value) / self.tolerance).square()

    @property
    def hit_interval(self) -> Interval:
        return self.value - self.tolerance, self.value + self.tolerance

    @property
    def target_interval(self) -> Interval:
        return self.value, self.value


def measure_outside(x: Tensor, low: float | None, high: float | None) -> Tensor:
    """Measure how far each value lies outside of an interval, 0 inside; None leaves an end open."""
    below = torch.relu((-math.inf if low is None else low) - x)
    return below + torch.relu(x - (math.inf if high is None else high))


@register_transform
@dataclass(frozen=True)
class Range(Transform):
    """Computes d = 1 from low to high, None being an open end; outside it halves at `tolerance` from the nearer end, as a target does."""

    name = "range"
    low: float | None
    high: float | None
    tolerance: float

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        outside = measure_outside(x, self.low, self.high)
        return -LN2 * (outside / self.tolerance).square()

    @property
    def hit_interval(self) -> Interval:
        return self.low, self.high


@dataclass(frozen=True)
class _Ends(Transform):
    """A d that rises, or falls, from a low to a high end, and is one half in the middle."""

    low: float
    high: float
    rising: ClassVar[bool] = True

    @property
    def width(self) -> float:
        """The distance of the ends."""
        return self.high - self.low

    def _measure_share(self, x: Tensor) -> Tensor:
        """Measure the way from the worse end, at -1/2, to the better one, at 1/2."""
        share = (x - 0.5 * (self.low + self.high)) / self.width
        return share if self.rising else -share

    @property
    def hit_interval(self) -> Interval:
        middle = 0.5 * (self.low + self.high)
        return (middle, None) if self.rising else (None, middle)

    @property
    def target_interval(self) -> Interval:
        end = self.high if self.rising else self.low
        return end - 0.25 * self.width, end + 0.25 * self.width


@register_transform
@dataclass(frozen=True)
class Sigmoid(_Ends):
    """Computes d = 1 / (1 + 10^(-10 k (x - (low + high) / 2) / (high - low))), k the steepness.

    With the usual k of 1/4, d is 0.05 at low, one half in the middle, and 0.95 at high.
    """

    name = "sigmoid"
    steepness: float = 0.25

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        return torch.nn.functional.logsigmoid(LN10 * 10 * self.steepness * self._measure_share(x))


@register_transform
@dataclass(frozen=True)
class ReverseSigmoid(Sigmoid):
    """Computes d = 1 / (1 + 10^(10 k (x - (low + high) / 2) / (high - low))): the sigmoid mirrored, best at low."""

    name = "reverse_sigmoid"
    rising = False


@register_transform
@dataclass(frozen=True)
class DoubleSigmoid(_Ends):
    """Computes d = s(x - low) - s(x - high), s(u) = 1 / (1 + 10^(-10 k u / (high - low))): up at low, down at high.

    About one half at both ends. REINVENT's coef_si / coef_div and coef_se / coef_div are both 10 k / (high - low) here.
    """

    name = "double_sigmoid"
    steepness: float = 1.0

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        slope = LN10 * 10 * self.steepness / self.width
        rising = torch.nn.functional.logsigmoid(slope * (x - self.low))
        falling = torch.nn.functional.logsigmoid(-slope * (x - self.high))
        # without cancellation: s(a) - s(b) = s(a) s(-b) (1 - e^(b - a))
        return rising + falling + math.log1p(-math.exp(-slope * self.width))

    @property
    def hit_interval(self) -> Interval:
        return self.low, self.high

    @property
    def target_interval(self) -> Interval:
        return self.low + 0.25 * self.width, self.high - 0.25 * self.width


@register_transform
@dataclass(frozen=True)
class Step(Transform):
    """Computes d = 1 from low to high, both included, and 0 outside; None leaves an end open."""

    name = "step"
    low: float | None
    high: float | None
    scale: float = 1.0
    """The distance outside over which log d, as gradients see it, falls by one; d itself is 0 there."""

    def compute_desirability(self, x: Tensor) -> Tensor:
        outside = measure_outside(x, self.low, self.high)
        return torch.where(outside.isnan(), outside, (outside == 0).to(x.dtype))

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        outside = measure_outside(x, self.low, self.high)
        return torch.where(outside > 0, math.log(FLOOR) - outside / self.scale, outside)

    @property
    def hit_interval(self) -> Interval:
        return self.low, self.high


def _continue_log(u: Tensor) -> Tensor:
    """Compute log u, which continues straight (and smoothly) below FLOOR."""
    return torch.log(u.clamp_min(FLOOR)) + (u.clamp_max(FLOOR) - FLOOR) / FLOOR


@register_transform
@dataclass(frozen=True)
class Linear(_Ends):
    """Computes d = (x - low) / (high - low), clipped to 0..1."""

    name = "linear"

    def compute_desirability(self, x: Tensor) -> Tensor:
        return (self._measure_share(x) + 0.5).clamp(0, 1)

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        return _continue_log((self._measure_share(x) + 0.5).clamp_max(1))


@register_transform
@dataclass(frozen=True)
class ReverseLinear(Linear):
    """Computes d = (high - x) / (high - low), clipped to 0..1."""

    name = "reverse_linear"
    rising = False


@register_transform
@dataclass(frozen=True)
class AsIs(Transform):
    """Computes d = x, or 1 - x where less is better: for values that lie in 0..1 by themselves. No value is a hit by itself."""

    name = "as_is"
    falling: bool = False

    def compute_rank(self, x: Tensor) -> Tensor:
        """Compute what ranks molecules where this is the only objective, whatever the values' range: x, or -x."""
        return -x if self.falling else x

    def compute_desirability(self, x: Tensor) -> Tensor:
        return 1 - x if self.falling else x

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        return _continue_log(self.compute_desirability(x))

    @property
    def hit_interval(self) -> Interval:
        return None, None
