"""The base class of property predictors on the latent mean: each predicts a mean and a calibrated standard deviation.

Standard deviations are scaled on held-out molecules so that their squared z-scores average 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor


class Prediction(NamedTuple):
    """Predicted values of n molecules, in the property's own unit."""

    mean: Tensor
    """(n,)"""
    std: Tensor
    """(n,) of a new measurement, noise included."""


class PropertyPredictor(ABC):
    """Predicts one property from latent points; predictions are differentiable in z."""

    method: ClassVar[str]

    def __init__(self) -> None:
        self.scale = 1.0
        """The factor by which calibration multiplies the standard deviation."""

    def predict(self, z: Tensor) -> Prediction:
        """Predict the mean (n,) and the calibrated standard deviation (n,) at latent points z (n, D)."""
        mean, std = self._predict(z.float())
        return Prediction(mean, std * self.scale)

    def calibrate(self, z: Tensor, y: Tensor) -> None:
        """Scale the standard deviation so that squared z-scores of held-out z (n, D) and y (n,) average 1; below ten it stays."""
        if len(y) >= 10:
            self.scale = 1.0
            with torch.no_grad():
                mean, std = self.predict(z)
            self.scale = float(((y - mean) / std).square().mean().sqrt().clamp(0.2, 20.0))

    @abstractmethod
    def _predict(self, z: Tensor) -> tuple[Tensor, Tensor]: ...

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors that `from_tensors` needs."""

    @classmethod
    @abstractmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> PropertyPredictor: ...
