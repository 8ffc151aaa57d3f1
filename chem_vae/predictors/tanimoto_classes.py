"""Gaussian process classification over substructures: the probability of the active one of two classes.

A latent measurement with noise of variance 1 is above 0 for the active class (probit; Rasmussen & Williams 2006, 3.6).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from chem_vae.predictors import Prediction
from chem_vae.predictors.expectation_propagation import Sites, Targets, find_sites
from chem_vae.predictors.labels import Labels
from chem_vae.predictors.tanimoto_fit import TanimotoFit
from chem_vae.predictors.tanimoto_process import Equivalent, TanimotoProcess

_AMPLITUDES = np.geomspace(0.1, 30.0, 9)
"""Variances of the latent measurement to choose from."""
_USUAL_AMPLITUDE, _USUAL_SPREAD = 2.0, 1.5
"""Median, and deviation of the logarithm, of a weak prior on them."""
_SHARPEST, _FLATTEST = 3.0, 0.2
_CLIP = 1e-6


class TanimotoClassifier(TanimotoProcess):
    """Predicts the expected label of two classes, `low` and `high`: of 0 and 1 it is the probability of the active class.

    The standard deviation is that of the probability (how well it is known), in the same unit; it is not the spread of the labels.

    Args:
        inputs: As for `TanimotoProcess`.
        y: (n,) labels, each one of the two classes.
        classes: The label of the inactive and that of the active class, which is the larger one.
        fit: Hyperparameters of before; None fits them.
        equivalent: The Gaussian labels of before, which go with `fit`.
        descriptors: The number of descriptors.

    Raises:
        DataError: If there are too few molecules.
    """

    method = "Tanimoto process, classes"
    mean_variance = 4.0

    def __init__(
        self,
        inputs: Tensor,
        y: Tensor | Labels,
        classes: tuple[float, float],
        fit: TanimotoFit | None = None,
        equivalent: Equivalent | None = None,
        descriptors: int = 0,
    ) -> None:
        self.classes = classes
        super().__init__(inputs, y, fit, equivalent, descriptors)

    def _choose_scale(self, labels: Labels) -> tuple[float, float]:
        return 0.0, 1.0  # the latent measurement has a unit of its own

    def _has_values(self, labels: Labels) -> bool:
        return False

    def _fit_labels(self, labels: Labels) -> tuple[TanimotoFit, Equivalent]:
        active = labels.y > 0.5 * sum(self.classes)
        nothing, zero = torch.full((len(labels),), torch.nan), torch.zeros(len(labels))
        return super()._fit_labels(
            Labels(nothing, zero.masked_fill(~active, torch.nan), zero.masked_fill(active, torch.nan))
        )

    def _make_targets(self, labels: Labels, noise: float) -> Targets:
        return super()._make_targets(labels, 1.0)

    def _search_fit(self, rows: Tensor, labels: Labels) -> tuple[TanimotoFit, Sites]:
        lower, _ = labels.bounds
        rough, kernel = self._fit_values(rows, torch.where(torch.isfinite(lower), 1.0, -1.0).double())
        targets, sites, found = self._make_targets(labels, 1.0), None, []
        for amplitude in _AMPLITUDES:
            sites = find_sites(amplitude * kernel, targets, self.mean_variance, sites, close=0.005)
            usual = (np.log(amplitude / _USUAL_AMPLITUDE) / _USUAL_SPREAD) ** 2
            found.append((sites.log_evidence - 0.5 * usual, float(amplitude), sites))
        _, amplitude, sites = max(found, key=lambda f: f[0])
        sites = find_sites(amplitude * kernel, targets, self.mean_variance, sites)
        return rough._replace(noise=1.0 / amplitude, amplitude=amplitude, mean=sites.mean), sites

    def predict(self, z: Tensor) -> Prediction:
        """Predict the expected label (n,), and the standard deviation of the probability (n,), from inputs z (n, F + d)."""
        low, high = self.classes
        found = _integrate(*self._calibrate_terms(*self._terms(z)))
        return Prediction((low + (high - low) * found.mean).float(), ((high - low) * found.std).float())

    def _predict(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self.predict(z)

    def predict_function(self, z: Tensor) -> Prediction:
        """Predict as `predict` does, whose deviation is that of the probability already."""
        return self.predict(z)

    @torch.no_grad()
    def draw(self, inputs: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw calibrated probabilities (k, n) as expected labels; their mean is that of `predict`."""
        low, high = self.classes
        mean, _ = self._calibrate_terms(*self._terms(inputs))
        _, deviations = self._draw_terms(inputs, k, generator)
        return (low + (high - low) * torch.special.ndtr(mean + self.scale * deviations)).float()

    def _calibrate_terms(self, mean: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance (n,) of the latent measurement, scaled so that `scale` multiplies the probability's probit."""
        variance = self.fit.amplitude * left
        scaled = self.scale**2 * variance
        return self.scale * mean * ((1.0 + scaled) / (1.0 + variance)).sqrt(), scaled

    @property
    def noise(self) -> float:
        return 0.0

    def tensors(self) -> dict[str, Tensor]:
        return {**super().tensors(), "classes": torch.tensor(self.classes, dtype=torch.float64)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> TanimotoClassifier:
        inputs, fit, equivalent, descriptors = cls._read(tensors)
        low, high = tensors["classes"].tolist()
        return cls(inputs, tensors["y"], (low, high), fit, equivalent, descriptors)


def calibrate_probability(predicted: Prediction, scale: float) -> Prediction:
    """Make probabilities (n,) bolder (a scale above 1) or more careful (below), with their standard deviations.

    Args:
        predicted: Probabilities and their standard deviations.
        scale: The factor of the probabilities' probits.
    """
    p = predicted.mean.double().clamp(_CLIP, 1.0 - _CLIP)
    probit = torch.special.ndtri(p)
    changed = torch.special.ndtr(scale * probit)
    slope = scale * (-0.5 * (scale**2 - 1.0) * probit.square()).exp()
    std = torch.minimum(predicted.std * slope, (changed * (1.0 - changed)).sqrt())
    return Prediction(changed.to(predicted.mean.dtype), std.to(predicted.mean.dtype))


def fit_probability_scale(probability: Tensor, active: Tensor) -> float:
    """Fit the scale of `calibrate_probability` by the likelihood of held-out molecules.

    Args:
        probability: (n,) probabilities, NaN where there is none.
        active: (n,) bool, the molecules of the active class.

    Returns:
        The scale; with few molecules it stays near 1.
    """
    known = torch.isfinite(probability)
    probit = torch.special.ndtri(probability[known].double().clamp(_CLIP, 1.0 - _CLIP))
    signed = torch.where(active[known], probit, -probit)
    scales = torch.logspace(np.log10(_FLATTEST), np.log10(_SHARPEST), 61, dtype=torch.float64)
    likelihood = torch.special.log_ndtr(scales[:, None] * signed).sum(dim=1)
    usual = -0.5 * (scales.log() / 0.5).square()
    return float(scales[(likelihood + usual).argmax()])


def _integrate(mean: Tensor, variance: Tensor) -> Prediction:
    """Integrate the probability, and its square, over the latent measurement's Gaussian (n,)."""
    nodes, weights = (torch.from_numpy(x) for x in np.polynomial.hermite_e.hermegauss(24))
    weights = weights / weights.sum()
    p = torch.special.ndtr(mean[:, None] + variance.sqrt()[:, None] * nodes)
    probability = torch.special.ndtr(mean / (1.0 + variance).sqrt())
    second = (p.square() * weights).sum(dim=1)
    return Prediction(probability, (second - probability.square()).clamp_min(0.0).sqrt())
