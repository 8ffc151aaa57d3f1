"""An ensemble of multilayer perceptrons on the latent mean, for many molecules.

The members are scikit-learn's MLPRegressors (deep ensembles, Lakshminarayanan et al. 2017, arXiv:1612.01474), whose weights
are read into torch so that predictions have gradients.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.predictors import PropertyPredictor


class MLPEnsemble(PropertyPredictor):
    """Several multilayer perceptrons; their spread and the noise that all of them leave make the standard deviation.

    Args:
        members: The weights (in, out) and biases (out,) of each layer of each member.
        center: (D + 1,) means of z and y.
        width: (D + 1,) deviations of z and y.
        noise: The standard deviation that is left, in raw units.
    """

    method = "MLP ensemble"

    def __init__(self, members: list[list[tuple[Tensor, Tensor]]], center: Tensor, width: Tensor, noise: float) -> None:
        super().__init__()
        self.members, self.center, self.width, self.noise = members, center, width, noise

    @classmethod
    def fit(cls, z: NDArray[np.float32], y: NDArray[np.float32], members: int = 4, seed: int = 0) -> MLPEnsemble:
        """Fit the members; each starts from other weights and holds out another tenth to stop early on.

        Args:
            z: (n, D) latent means.
            y: (n,) values in raw units.
            members: Number of members.
            seed: The seed.
        """
        from sklearn.exceptions import ConvergenceWarning  # here: loads sklearn
        from sklearn.neural_network import MLPRegressor

        data = np.concatenate([z, y[:, None]], axis=1).astype(np.float64)
        center, width = data.mean(axis=0), data.std(axis=0)
        width = np.where(width > 1e-8 * np.abs(data).max(axis=0), width, 1.0)  # in any unit; 1 where nothing varies
        inputs, outputs = np.split((data - center) / width, [-1], axis=1)
        fitted, residuals = [], []
        for member in range(members):
            net = MLPRegressor(
                hidden_layer_sizes=(128, 128),
                alpha=1e-3,
                early_stopping=True,
                n_iter_no_change=4,
                max_iter=50,
                random_state=seed + member,
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                net.fit(inputs, outputs.ravel())
            fitted.append([_to_layer(w, b) for w, b in zip(net.coefs_, net.intercepts_, strict=True)])
            residuals.append(np.sqrt(max(1.0 - net.best_validation_score_, 1e-6)))
        noise = float(np.mean(residuals) * width[-1])
        return cls(fitted, _to_tensor(center), _to_tensor(width), noise)

    def _predict(self, z: Tensor) -> tuple[Tensor, Tensor]:
        stacked = self._predict_members(z)
        return stacked.mean(dim=0), (stacked.var(dim=0) + self.noise**2).sqrt()

    def _predict_function(self, z: Tensor) -> tuple[Tensor, Tensor]:
        stacked = self._predict_members(z)
        return stacked.mean(dim=0), stacked.std(dim=0)

    @torch.no_grad()
    def draw(self, z: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw random combinations (k, n) of the members, which have their mean and their covariance."""
        stacked = self._predict_members(z)
        mean = stacked.mean(dim=0)
        shares = torch.randn(k, len(stacked), generator=generator) / (len(stacked) - 1) ** 0.5
        return mean + self.scale * shares @ (stacked - mean)

    def _predict_members(self, z: Tensor) -> Tensor:
        """Predict values (members, n) in raw units by each member."""
        standardized = (z - self.center[:-1]) / self.width[:-1]
        outputs = []
        for layers in self.members:
            h = standardized
            for weight, bias in layers[:-1]:
                h = torch.relu(h @ weight + bias)
            outputs.append((h @ layers[-1][0] + layers[-1][1]).squeeze(-1))
        return torch.stack(outputs) * self.width[-1] + self.center[-1]

    def tensors(self) -> dict[str, Tensor]:
        out = {"center": self.center, "width": self.width, "noise": torch.tensor(self.noise)}
        for m, layers in enumerate(self.members):
            for k, (weight, bias) in enumerate(layers):
                out |= {f"{m}.{k}.weight": weight, f"{m}.{k}.bias": bias}
        return out

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> MLPEnsemble:
        names = [k.split(".") for k in tensors if k.endswith(".weight")]
        shape = {int(m): 1 + max(int(k) for n, k, _ in names if n == m) for m, _, _ in names}
        members = [
            [(tensors[f"{m}.{k}.weight"], tensors[f"{m}.{k}.bias"]) for k in range(layers)]
            for m, layers in sorted(shape.items())
        ]
        return cls(members, tensors["center"], tensors["width"], float(tensors["noise"]))


def _to_tensor(array: Any) -> Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float32)


def _to_layer(weight: Any, bias: Any) -> tuple[Tensor, Tensor]:
    return _to_tensor(weight), _to_tensor(bias)
