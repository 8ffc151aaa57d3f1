"""A Gaussian process over substructures, and perhaps descriptors, with the kernel of `chem_vae.predictors.molecule_kernel` and a constant mean.

Ralaivola et al. 2005, doi:10.1016/j.neunet.2005.07.009. Above MOST_EXACT molecules so many of them stand for all
(deterministic training conditional; Quiñonero-Candela & Rasmussen 2005, JMLR 6:1939). Labels that are bounds, or that have noise of
their own, become Gaussian ones by expectation propagation (`chem_vae.predictors.expectation_propagation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from chem_vae.errors import DataError
from chem_vae.predictors import PropertyPredictor
from chem_vae.predictors.expectation_propagation import Sites, Targets, find_sites, match_moments, search_scales
from chem_vae.predictors.labels import Labels
from chem_vae.predictors.linear_algebra import factorize, solve
from chem_vae.predictors.molecule_kernel import MoleculeKernel
from chem_vae.predictors.tanimoto import pack, unpack
from chem_vae.predictors.tanimoto_fit import TanimotoFit, fit_kernel, search_mixture

MOST_EXACT = 2000
MOST_SEARCHED = 250
"""Labels that the hyperparameters are searched on where some are bounds: each step takes some milliseconds for so many."""
MOST_DRAWN = 2000
"""Molecules that a function is drawn for at once: the cost of more grows with their cube."""
FEWEST = 10


class Equivalent(NamedTuple):
    """The Gaussian labels that stand for bounds and for values with noise of their own."""

    y: Tensor
    """(n,) their values in raw units."""
    weight: Tensor
    """(n,) the variance of the usual noise over that of the label."""


class _Posterior(NamedTuple):
    inducing: Tensor
    """(m, F + d) the molecules that stand for all."""
    root: Tensor
    """(m, m) Cholesky root of their kernel matrix."""
    system: Tensor
    """(m, m) Cholesky root of noise * 1 + what the others say in their terms."""
    weights: Tensor
    """(m,)"""


class TanimotoProcess(PropertyPredictor):
    """Predicts a property from substructures and perhaps descriptors, which stand in the place of latent points.

    Args:
        inputs: (n, F + descriptors) zeros and ones, with the descriptors behind, in units of their usual standard deviations.
        y: (n,) finite values in raw units, or labels some of which are bounds.
        fit: Hyperparameters of before; None fits them.
        equivalent: The Gaussian labels of before, which go with `fit`.
        descriptors: The number of descriptors.

    Raises:
        DataError: If there are fewer than FEWEST molecules.
    """

    method = "Tanimoto process"
    mean_variance: ClassVar[float] = 100.0
    """The variance of the prior of the mean, where it has none in closed form."""

    def __init__(
        self,
        inputs: Tensor,
        y: Tensor | Labels,
        fit: TanimotoFit | None = None,
        equivalent: Equivalent | None = None,
        descriptors: int = 0,
    ) -> None:
        super().__init__()
        labels = Labels.of(y)
        if len(labels) < FEWEST:
            raise DataError(f"{len(labels)} measured molecules are too few to fit a predictor; ten is the least")
        size = inputs.shape[1] - descriptors
        self.features, self.descriptors = inputs[:, :size].to(torch.uint8), inputs[:, size:].float()
        self.y, self.equivalent = labels.y.double(), equivalent
        self.center, self.width = self._choose_scale(labels)
        if fit is not None:
            self.fit = fit
        elif self._has_values(labels):
            some = self._choose_inducing()
            self.fit, _ = self._fit_values(some, (self.y[some] - self.center) / self.width)
            if not labels.is_plain:  # values alone, some with noise of their own: their weights are known
                usual = self.fit.amplitude * self.fit.noise
                own = (labels.spreads.double() / self.width).square()
                self.equivalent = Equivalent(self.y, usual / (usual + own))
        else:
            self.fit, self.equivalent = self._fit_labels(labels)

    @cached_property
    def kernel(self) -> MoleculeKernel:
        """The kernel with the hyperparameters found."""
        return replace(self._standardized, weight=self.fit.weight, length=self.fit.length)

    @cached_property
    def _standardized(self) -> MoleculeKernel:
        """The kernel before its hyperparameters are known."""
        return MoleculeKernel.standardize(self.descriptors)

    def _select(self, rows: Tensor) -> Tensor:
        """Return the inputs (m, F + d) of some molecules, a mask or numbers."""
        return torch.cat([self.features[rows].float(), self.descriptors[rows]], dim=1)

    def _fit_values(self, rows: Tensor, y: Tensor) -> tuple[TanimotoFit, Tensor]:
        """Fit the hyperparameters to standardized values (m,) of some molecules; return them with the kernel matrix (m, m)."""
        chosen, kernel = self._select(rows), self._standardized
        matrix, weight, length = kernel.compare_substructures(chosen, chosen), 1.0, 1.0
        if self.descriptors.shape[1]:
            weight, length = search_mixture(matrix, kernel.measure_distance(chosen, chosen), y)
            matrix = replace(kernel, weight=weight, length=length)(chosen, chosen)
        return fit_kernel(matrix, y)._replace(weight=weight, length=length), matrix

    def _choose_scale(self, labels: Labels) -> tuple[float, float]:
        """Choose the center and the width that standardize values."""
        return labels.choose_scale()

    def _has_values(self, labels: Labels) -> bool:
        """Say whether all labels are values."""
        return bool(labels.is_exact.all())

    def _make_targets(self, labels: Labels, noise: float) -> Targets:
        """Standardize labels, with the usual noise as a variance in units of the standardized values."""
        lower, upper = (((end.double() - self.center) / self.width) for end in labels.bounds)
        own = (labels.spreads.double() / self.width).square()
        return Targets((labels.y.double() - self.center) / self.width, lower, upper, noise + own)

    def _search_fit(self, rows: Tensor, labels: Labels) -> tuple[TanimotoFit, Sites]:
        """Search for the hyperparameters with the largest evidence of labels (m,) of some molecules.

        The weight and the length scale of the kernel are those of all values with bounds in the place of missing ones.
        """
        rough, kernel = self._fit_values(rows, (labels.values.double() - self.center) / self.width)
        make_targets = partial(self._make_targets, labels)
        amplitude, ratio, sites = search_scales(
            kernel, make_targets, (rough.amplitude, rough.noise), self.mean_variance
        )
        return rough._replace(noise=ratio, amplitude=amplitude, mean=sites.mean), sites

    def _fit_labels(self, labels: Labels) -> tuple[TanimotoFit, Equivalent]:
        """Fit the hyperparameters on MOST_SEARCHED labels at most, and find the Gaussian labels of all."""
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
        few = order[:MOST_SEARCHED].sort().values
        fit, sites = self._search_fit(few, labels[few])
        self.fit = fit
        some = self._choose_inducing()
        targets = self._make_targets(labels, fit.amplitude * fit.noise)
        if len(some) > len(few):
            chosen = self._select(some)
            sites = find_sites(
                fit.amplitude * self.kernel(chosen, chosen),
                Targets(*(part[some] for part in targets)),
                self.mean_variance,
            )
            fit = fit._replace(mean=sites.mean)
        precision = 1.0 / targets.noise
        shift = targets.y.nan_to_num() * precision
        precision[some], shift[some] = sites.precision, sites.shift
        self.fit, self.equivalent = fit, self._weigh(precision, shift, fit)
        rest = ~labels.is_exact
        rest[some] = False
        if rest.any():  # beyond the molecules that stand for all: by what those say of them
            kept = torch.ones(len(labels), dtype=torch.bool)
            kept[rest] = False
            self.equivalent = self._weigh(torch.where(kept, precision, 1e-9), shift, fit)
            self.__dict__.pop("_posterior", None)
            mean, left = self._terms(self._select(rest))
            ends = (targets.lower[rest], targets.upper[rest])
            _, new_mean, new_variance = match_moments(mean, fit.amplitude * left, targets.noise[rest], *ends)
            cavity = 1.0 / (fit.amplitude * left)
            precision[rest] = (1.0 / new_variance - cavity).clamp_min(1e-9)
            shift[rest] = new_mean / new_variance - mean * cavity
            self.__dict__.pop("_posterior", None)
        return fit, self._weigh(precision, shift, fit)

    def _weigh(self, precision: Tensor, shift: Tensor, fit: TanimotoFit) -> Equivalent:
        return Equivalent(shift / precision * self.width + self.center, precision * fit.amplitude * fit.noise)

    def _choose_inducing(self) -> Tensor:
        n = len(self.y)
        if n <= MOST_EXACT:
            return torch.arange(n)
        return torch.randperm(n, generator=torch.Generator().manual_seed(0))[:MOST_EXACT].sort().values

    @cached_property
    def _posterior(self) -> _Posterior:
        chosen = self._select(self._choose_inducing())
        root = factorize(self.kernel(chosen, chosen))
        values = self.y if self.equivalent is None else self.equivalent.y
        residual = (values - self.center) / self.width - self.fit.mean
        weight = torch.ones_like(residual) if self.equivalent is None else self.equivalent.weight
        system = self.fit.noise * torch.eye(len(chosen), dtype=torch.float64)
        total = torch.zeros(len(chosen), dtype=torch.float64)
        rows = torch.arange(len(self.y))
        for some, r, w in zip(rows.split(2000), residual.split(2000), weight.split(2000), strict=True):
            phi = solve(root, self.kernel(chosen, self._select(some)))
            weighted = phi if self.equivalent is None else phi * w
            system += weighted @ phi.T
            total += weighted @ r
        factor = factorize(system)
        return _Posterior(chosen, root, factor, torch.cholesky_solve(total[:, None], factor)[:, 0])

    def _terms(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean (n,) of standardized values, and the share (n,) of the amplitude that stays uncertain."""
        found = self._posterior
        phi = solve(found.root, self.kernel(found.inducing, inputs))
        left = 1.0 - phi.square().sum(dim=0) + self.fit.noise * solve(found.system, phi).square().sum(dim=0)
        return self.fit.mean + found.weights @ phi, left.clamp(1e-6, 1.0)

    def _predict(self, z: Tensor) -> tuple[Tensor, Tensor]:
        mean, left = self._terms(z)
        variance = self.fit.amplitude * (left + self.fit.noise)
        return (mean * self.width + self.center).float(), (variance.sqrt() * self.width).float()

    def _predict_function(self, z: Tensor) -> tuple[Tensor, Tensor]:
        mean, left = self._terms(z)
        return (mean * self.width + self.center).float(), ((self.fit.amplitude * left).sqrt() * self.width).float()

    @torch.no_grad()
    def draw(self, inputs: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw functions (k, n) from the posterior at inputs (n, F + d)."""
        mean, deviations = self._draw_terms(inputs, k, generator)
        return ((mean + self.scale * deviations) * self.width + self.center).float()

    def _draw_terms(self, inputs: Tensor, k: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return the mean (n,) of standardized values, and what k functions (k, n) deviate from it, not calibrated.

        What the molecules that stand for all leave open is drawn jointly for MOST_DRAWN molecules at a time.
        """
        found = self._posterior
        means, deviations = [], []
        common = torch.randn(k, len(found.weights), dtype=torch.float64, generator=generator)
        for some in inputs.split(MOST_DRAWN):
            phi = solve(found.root, self.kernel(found.inducing, some))
            root = factorize(self.kernel(some, some) - phi.T @ phi)
            own = torch.randn(k, len(some), dtype=torch.float64, generator=generator)
            told = self.fit.noise**0.5 * common @ solve(found.system, phi)
            deviations.append(self.fit.amplitude**0.5 * (told + own @ root.T))
            means.append(self.fit.mean + found.weights @ phi)
        return torch.cat(means), torch.cat(deviations, dim=1)

    @torch.no_grad()
    def measure_spread_left_out(self) -> Tensor:
        """Measure how uncertain the property of each measured molecule would be without its own label.

        In closed form (Rasmussen & Williams 2006, 5.4.2), of the molecules that stand for all.

        Returns:
            (m,) calibrated standard deviations of the property, in raw units.
        """
        some = self._choose_inducing()
        chosen = self._select(some)
        weight = torch.ones(len(some), dtype=torch.float64) if self.equivalent is None else self.equivalent.weight[some]
        noise = self.fit.noise / weight.clamp_min(1e-9)
        root = factorize(self.kernel(chosen, chosen) + noise.diag())
        left = (1.0 / torch.cholesky_inverse(root).diagonal() - noise).clamp(1e-6, 1.0)
        return (self.scale * self.width * (self.fit.amplitude * left).sqrt()).float()

    @property
    def noise(self) -> float:
        """The standard deviation of a single measurement, in raw units, as calibrated."""
        return self.scale * self.width * float(np.sqrt(self.fit.amplitude * self.fit.noise))

    def tensors(self) -> dict[str, Tensor]:
        more = (
            {}
            if self.equivalent is None
            else {**self.equivalent._asdict(), "scale": torch.tensor([self.center, self.width], dtype=torch.float64)}
        )
        return {
            **{f"equivalent.{name}": tensor for name, tensor in more.items()},
            "bits": pack(self.features),
            "length": torch.tensor(self.features.shape[1]),
            **({"descriptors": self.descriptors} if self.descriptors.shape[1] else {}),
            "y": self.y,
            "fit": torch.tensor(self.fit, dtype=torch.float64),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> TanimotoProcess:
        inputs, fit, equivalent, descriptors = cls._read(tensors)
        process = cls(inputs, tensors["y"], fit, equivalent, descriptors)
        if "equivalent.scale" in tensors:
            process.center, process.width = tensors["equivalent.scale"].tolist()
        return process

    @staticmethod
    def _read(tensors: Mapping[str, Tensor]) -> tuple[Tensor, TanimotoFit, Equivalent | None, int]:
        """Read inputs, hyperparameters, Gaussian labels and the number of descriptors; models of earlier versions have none."""
        fit = TanimotoFit(*tensors["fit"].tolist())
        bits, length = tensors["bits"], int(tensors["length"])
        descriptors = tensors.get("descriptors", torch.zeros(len(bits), 0))
        packed = bits.ndim == 2 and bits.dtype == torch.uint8 and 0 < length <= 8 * bits.shape[1]
        fits = fit.noise > 0 and fit.amplitude > 0 and 0 <= fit.weight <= 1 and fit.length > 0
        if not packed or not fits or not len(tensors["y"]) == len(bits) == len(descriptors) or descriptors.ndim != 2:
            raise ValueError("its tensors are not those of a Tanimoto process")
        there = "equivalent.y" in tensors
        equivalent = Equivalent(tensors["equivalent.y"], tensors["equivalent.weight"]) if there else None
        inputs = torch.cat([unpack(bits, length).float(), descriptors.float()], dim=1)
        return inputs, fit, equivalent, descriptors.shape[1]
