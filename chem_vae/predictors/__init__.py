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
    """(n,) of a new measurement, noise included; of the property itself where it comes from `predict_function`."""


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

    def predict_function(self, z: Tensor) -> Prediction:
        """Predict the property itself at latent points z (n, D): as `predict`, without the noise of a measurement in the deviation."""
        mean, std = self._predict_function(z.float())
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
    def _predict_function(self, z: Tensor) -> tuple[Tensor, Tensor]: ...

    @abstractmethod
    def draw(self, z: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw functions from what the predictor believes, without noise and with calibrated deviations.

        Args:
            z: (n, D) where the functions are evaluated.
            k: The number of functions.
            generator: Random numbers.

        Returns:
            (k, n) values in raw units; a row is one function, so that its values at similar points are similar.
        """

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors that `from_tensors` needs."""

    @classmethod
    @abstractmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> PropertyPredictor: ...
