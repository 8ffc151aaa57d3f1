"""Property predictors on the latent mean, with a calibrated standard deviation; saved without pickle.

Few molecules: an exact Gaussian process (BoTorch's SingleTaskGP, whose dimension-scaled prior suits tens of latent
dimensions; Hvarfner et al. 2024, arXiv:2402.02229). Many: an ensemble of scikit-learn MLPRegressors (deep ensembles,
Lakshminarayanan et al. 2017, arXiv:1612.01474), whose weights are read into torch so that predictions have gradients.
Standard deviations are scaled on held-out molecules so that their squared z-scores average 1.
"""

from __future__ import annotations

import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.atomic_files import parse_json
from chem_vae.checkpoint import write_safetensors
from chem_vae.data import TokenDataset
from chem_vae.errors import CheckpointError, DataError
from chem_vae.expectation_propagation import Targets, match_moments, search_scales
from chem_vae.labels import Labels
from chem_vae.tensor_files import read_tensors

GP_MOST = 1500
"""Molecules up to which the exact GP is used: its cost grows with their cube."""
COVERAGES = (0.5, 0.8, 0.9, 0.95)


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


class GaussianProcess(PropertyPredictor):
    """An exact Gaussian process with an RBF kernel and one length scale per latent dimension.

    Args:
        z: (n, D) latent means.
        y: (n,) values in raw units.
        fit: Whether hyperparameters are fitted now, by marginal likelihood.
        variance: (n,) the variance of each value in raw units, where they are known; None: all the same, fitted.
    """

    method = "Gaussian process"

    def __init__(self, z: Tensor, y: Tensor, fit: bool = True, variance: Tensor | None = None) -> None:
        super().__init__()
        from botorch.models import SingleTaskGP  # here: loads botorch
        from botorch.models.transforms import Normalize, Standardize

        self.z, self.y, self.variance = z.double(), y.double(), variance
        self.usual_variance: float | None = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.gp = SingleTaskGP(
                self.z,
                self.y.unsqueeze(-1),
                None if variance is None else variance.double().unsqueeze(-1),
                input_transform=Normalize(self.z.shape[-1]),
                outcome_transform=Standardize(1),
            )
            if fit:
                from botorch.fit import fit_gpytorch_mll  # here: loads botorch and gpytorch
                from gpytorch.mlls import ExactMarginalLogLikelihood

                fit_gpytorch_mll(
                    ExactMarginalLogLikelihood(self.gp.likelihood, self.gp),
                    optimizer_kwargs={"options": {"maxiter": 75}},
                )
        self.gp.eval()

    @classmethod
    def fit_labels(cls, z: Tensor, labels: Labels) -> GaussianProcess:
        """Fit to labels some of which are bounds, or have noise of their own (`chem_vae.expectation_propagation`).

        The length scales are those of a process of all values with bounds in the place of missing ones, and then of one of the
        Gaussian labels; with them the variances of the process and of the noise are searched for by the evidence.
        """
        process, amplitude, ratio = cls(z, labels.values), 1.0, 0.1
        known = labels.y[labels.is_exact].double()
        center, width = float(known.mean()), max(float(known.std()), 1e-9)
        lower, upper = ((end.double() - center) / width for end in labels.bounds)

        def make_targets(noise: float) -> Targets:
            own = (labels.spreads.double() / width).square()
            return Targets((labels.y.double() - center) / width, lower, upper, noise + own)

        for _ in range(2):
            with torch.no_grad():
                gp: Any = process.gp
                kernel = gp.covar_module(gp.transform_inputs(process.z)).to_dense()
                amplitude, ratio, sites = search_scales(kernel, make_targets, (amplitude, ratio))
            # a bound far from the process says next to nothing, and its Gaussian label would lie anywhere
            precision = sites.precision.clamp_min(1e-3 / amplitude)
            values = (sites.shift + (precision - sites.precision) * sites.mean) / precision
            process = cls(z, values * width + center, variance=width**2 / precision)
            process.usual_variance = width**2 * amplitude * ratio
        return process

    def _predict(self, z: Tensor) -> tuple[Tensor, Tensor]:
        posterior = self.gp.posterior(z.double(), observation_noise=self.usual_variance is None)
        if self.usual_variance is not None:
            return posterior.mean.squeeze(-1).float(), (posterior.variance + self.usual_variance).sqrt().squeeze(
                -1
            ).float()
        return posterior.mean.squeeze(-1).float(), posterior.variance.clamp_min(1e-12).sqrt().squeeze(-1).float()

    def tensors(self) -> dict[str, Tensor]:
        state = {f"gp.{k}": v for k, v in self.gp.state_dict().items() if isinstance(v, Tensor)}
        known = (
            {}
            if self.variance is None
            else {"variance": self.variance, "usual_variance": torch.tensor(self.usual_variance)}
        )
        return {"z": self.z, "y": self.y, **known, **state}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> GaussianProcess:
        if len(tensors["z"]) > 4 * GP_MOST:
            raise ValueError(f"a Gaussian process of {len(tensors['z']):,} molecules takes too much memory")
        predictor = cls(tensors["z"], tensors["y"], fit=False, variance=tensors.get("variance"))
        if "usual_variance" in tensors:
            predictor.usual_variance = float(tensors["usual_variance"])
        predictor.gp.load_state_dict({k[3:]: v for k, v in tensors.items() if k.startswith("gp.")})
        predictor.gp.eval()
        return predictor


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
        center, width = data.mean(axis=0), data.std(axis=0) + 1e-8
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
        standardized = (z - self.center[:-1]) / self.width[:-1]
        outputs = []
        for layers in self.members:
            h = standardized
            for weight, bias in layers[:-1]:
                h = torch.relu(h @ weight + bias)
            outputs.append((h @ layers[-1][0] + layers[-1][1]).squeeze(-1))
        stacked = torch.stack(outputs) * self.width[-1] + self.center[-1]
        return stacked.mean(dim=0), (stacked.var(dim=0) + self.noise**2).sqrt()

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


PREDICTORS: dict[str, type[PropertyPredictor]] = {p.method: p for p in (GaussianProcess, MLPEnsemble)}


@dataclass(frozen=True)
class PredictorFigures:
    """The accuracy and the calibration of a predictor on molecules that it has not seen."""

    method: str
    n_train: int
    n_test: int
    r2: float
    mae: float
    rmse: float
    coverage: dict[str, float]
    """By nominal coverage ("0.9"): the share of held-out values within that central interval."""
    parity: list[tuple[float, float, float]]
    """(measured, predicted, standard deviation) of up to 500 held-out molecules."""


def read_labels(data: TokenDataset, column: int) -> Labels:
    """Read the labels of one property of a dataset: its exact values, bounds and spreads."""
    values, bounds, spreads = (
        torch.from_numpy(np.array(part[:, column])) for part in (data.values(), data.bounds(), data.spreads())
    )
    return Labels(values.float(), bounds[:, 0].float(), bounds[:, 1].float(), spreads.float())


def fit_predictor(z: Tensor, y: Tensor | Labels, seed: int = 0, most: int = 10_000) -> PropertyPredictor:
    """Fit a predictor: a Gaussian process up to GP_MOST molecules, an ensemble above.

    Args:
        z: (n, D) latent means.
        y: (n,) values in raw units, or labels some of which are bounds; rows with neither are left out.
        seed: The seed.
        most: The most molecules that are used, drawn with the seed.

    Returns:
        The predictor, not calibrated yet.

    Raises:
        DataError: If fewer than ten molecules are measured.
    """
    labels = Labels.of(y)
    measured = labels.is_exact | labels.is_bound
    z, labels = z[measured], labels[measured]
    if len(labels) < 10:
        raise DataError(f"{len(labels)} measured molecules are too few to fit a predictor; ten is the least")
    if len(labels) > most:
        drawn = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))[:most]
        z, labels = z[drawn], labels[drawn]
    if len(labels) <= GP_MOST:
        return GaussianProcess(z, labels.y) if labels.is_plain else GaussianProcess.fit_labels(z, labels)
    values = labels.y if bool(labels.is_exact.all()) else _impute(z, labels, seed)
    return MLPEnsemble.fit(z.numpy(), values.numpy(), seed=seed)


@torch.no_grad()
def _impute(z: Tensor, labels: Labels, seed: int) -> Tensor:
    """Put, for each bound, the value that is to be expected within it by a predictor of the values and bounds."""
    predictor = MLPEnsemble.fit(z.numpy(), labels.values.numpy(), seed=seed)
    mean, std = (part.double() for part in predictor.predict(z))
    lower, upper = (end.double() for end in labels.bounds)
    _, expected, _ = match_moments(mean, std.square(), torch.full_like(mean, 1e-9), lower, upper)
    return torch.where(labels.is_exact, labels.y, expected.to(labels.y.dtype))


@torch.no_grad()
def check(predictor: PropertyPredictor, z: Tensor, y: Tensor, n_train: int) -> PredictorFigures:
    """Check a predictor on held-out molecules.

    Args:
        predictor: The predictor.
        z: (n, D) latent means.
        y: (n,) measured values; rows with NaN are left out.
        n_train: The molecules that it was fitted on, for the record.

    Returns:
        The figures; NaN below two molecules.
    """
    measured = torch.isfinite(y)
    z, y = z[measured], y[measured]
    if len(y) < 2:
        nan = float("nan")
        return PredictorFigures(predictor.method, n_train, len(y), nan, nan, nan, {str(c): nan for c in COVERAGES}, [])
    mean, std = predictor.predict(z)
    return compute_figures(predictor.method, n_train, y, mean, std)


def compute_figures(method: str, n_train: int, y: Tensor, mean: Tensor, std: Tensor) -> PredictorFigures:
    """Compute the figures of predictions that were made already.

    Args:
        method: The predictor's method, for the record.
        n_train: The molecules that it was fitted on, for the record.
        y: (n,) measured values, two at least.
        mean: (n,) predicted means.
        std: (n,) predicted standard deviations.

    Returns:
        The figures.
    """
    error = y - mean
    r2 = 1.0 - float(error.square().sum() / (y - y.mean()).square().sum().clamp_min(1e-12))
    normal = torch.distributions.Normal(0.0, 1.0)
    coverage = {
        str(c): float((error.abs() <= std * normal.icdf(torch.tensor(0.5 + c / 2))).float().mean()) for c in COVERAGES
    }
    rows = torch.stack([y, mean, std], dim=1)[:500].tolist()
    return PredictorFigures(
        method,
        n_train,
        len(y),
        r2,
        float(error.abs().mean()),
        float(error.square().mean().sqrt()),
        coverage,
        [(a, b, c) for a, b, c in rows],
    )


def save_predictors(predictors: Mapping[str, PropertyPredictor], path: Path) -> None:
    """Write all predictors of a model, by the names of their properties, to one safetensors file."""
    tensors: dict[str, Tensor] = {}
    index = []
    for i, (name, predictor) in enumerate(predictors.items()):
        index.append({"property": name, "method": predictor.method, "scale": predictor.scale})
        tensors |= {f"{i}/{k}": v.detach().clone().contiguous() for k, v in predictor.tensors().items()}
    write_safetensors(tensors or {"none": torch.zeros(1)}, path, {"predictors": json.dumps(index)})


def load_predictors(path: Path) -> dict[str, PropertyPredictor]:
    """Load the predictors that `save_predictors` wrote.

    Raises:
        CheckpointError: If the file is missing or damaged.
    """
    tensors, strings = read_tensors(path, may_be_infinite=("lower_bound", "upper_bound"))  # of the GP's constraints
    try:
        index = parse_json(strings["predictors"])
        loaded = {}
        for i, entry in enumerate(index):
            own = {k.split("/", 1)[1]: v for k, v in tensors.items() if k.startswith(f"{i}/")}
            predictor = PREDICTORS[entry["method"]].from_tensors(own)
            predictor.scale = float(entry["scale"])
            loaded[str(entry["property"])] = predictor
        return loaded
    except Exception as error:  # as BoTorch and torch may have it, where the shapes are not those of a predictor
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise CheckpointError(f"the predictors {path} are damaged: {reason}") from error


def measure_nearest_distances(points: Tensor, reference: Tensor, exclude_self: bool = False) -> Tensor:
    """Measure the Euclidean distance of each point to its nearest reference point.

    Args:
        points: (n, D).
        reference: (m, D).
        exclude_self: Pass over reference points that are equal to the point.

    Returns:
        (n,) distances; NaN without reference points.
    """
    if len(points) == 0 or len(reference) == 0:
        return torch.full((len(points),), torch.nan)
    nearest = []
    for block in points.split(1024):
        # Not by matrix product, which leaves rounding noise where a point meets itself.
        distances = torch.cdist(block, reference, compute_mode="donot_use_mm_for_euclid_dist")
        if exclude_self:
            distances[distances < 1e-6] = torch.inf
        nearest.append(distances.min(dim=1).values)
    return torch.cat(nearest)


def _to_tensor(array: Any) -> Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float32)


def _to_layer(weight: Any, bias: Any) -> tuple[Tensor, Tensor]:
    return _to_tensor(weight), _to_tensor(bias)
