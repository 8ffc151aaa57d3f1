"""MeasuredPredictor: what a model's folder keeps of the measured molecules of one property, and what it predicts by."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from chem_vae.atomic_files import parse_json
from chem_vae.checkpoint import write_safetensors
from chem_vae.errors import CheckpointError
from chem_vae.predictors import Prediction, PropertyPredictor
from chem_vae.predictors.tanimoto import tanimoto, unpack
from chem_vae.predictors.tanimoto_classes import TanimotoClassifier
from chem_vae.predictors.tanimoto_process import TanimotoProcess
from chem_vae.tensor_files import read_tensors
from pipeline.chemistry.descriptors import DESCRIPTORS, compute_descriptors
from pipeline.chemistry.fingerprints import SIMULATED_COUNTS
from pipeline.chemistry.molecule import Molecule, Structure, parse_mol

FILE = "measured.safetensors"
Representation = Literal["latent", "fingerprint", "fingerprint+descriptors", "both"]
"""What a predictor sees: latent points; substructures; these and a few descriptors; latent points as well as these."""
ALL_BUT = 0.05
"""The share of measured molecules that lie outside of the domain that the others span."""
_AT_ONCE = 2000


def features(structures: Sequence[Structure | None]) -> Tensor:
    """Compute the features of predictors over structure: the fingerprint `SIMULATED_COUNTS`, (n, 2048) uint8.

    A row of zeros stands for None and for what RDKit cannot read.
    """
    rows = np.zeros((len(structures), SIMULATED_COUNTS.size // 8), dtype=np.uint8)
    for row, structure in zip(rows, structures, strict=True):
        if isinstance(structure, Molecule):
            row[:] = structure.substructures  # kept: several functions ask for the same ones
        elif (mol := parse_mol(structure)) is not None:
            row[:] = np.packbits(SIMULATED_COUNTS.array(mol))
    return unpack(torch.from_numpy(rows), SIMULATED_COUNTS.size)


def inputs(structures: Sequence[Structure | None]) -> Tensor:
    """Compute the inputs of predictors over structure: `features`, with the `DESCRIPTORS` behind them, (n, 2048 + 6).

    The descriptors are NaN for None and for what RDKit cannot read.
    """
    rows = np.full((len(structures), len(DESCRIPTORS)), np.nan, dtype=np.float32)
    for row, structure in zip(rows, structures, strict=True):
        if isinstance(structure, Molecule):
            row[:] = structure.descriptors
        elif (mol := parse_mol(structure)) is not None:
            row[:] = compute_descriptors(mol)
    return torch.cat([features(structures).float(), torch.from_numpy(rows)], dim=1)


def combine(latent: Prediction, fingerprint: Prediction, weight: float) -> Prediction:
    """Mix two predictions (n,), `weight` of it the latent one; the spread grows where they disagree."""
    mean = weight * latent.mean + (1.0 - weight) * fingerprint.mean
    apart = weight * (1.0 - weight) * (latent.mean - fingerprint.mean).square()
    variance = weight * latent.std.square() + (1.0 - weight) * fingerprint.std.square() + apart
    return Prediction(mean, variance.sqrt())


@dataclass(frozen=True)
class MeasuredPredictor:
    """Predicts one measured property from latent points, from structure or from both, and knows its applicability domain."""

    name: str
    representation: Representation
    process: TanimotoProcess
    """The process over substructures, and perhaps descriptors, of all measured molecules. It also defines the domain."""
    latent: PropertyPredictor | None
    """The model's predictor on latent points; None where it has none."""
    compared: Mapping[str, Any] = field(default_factory=dict)
    """The card of `pipeline.training.predictors.compare_predictors.Comparison`, with the weight of latent points in "both"."""

    @property
    def is_classifier(self) -> bool:
        """Whether the property has two classes, and predictions are the probability of the active one."""
        return isinstance(self.process, TanimotoClassifier)

    @property
    def needs_z(self) -> bool:
        """Whether predictions need latent points."""
        return self.representation in ("latent", "both")

    def predict(self, smiles: Sequence[Structure | None], z: Tensor | None = None) -> Prediction:
        """Predict measurements of molecules.

        Args:
            smiles: n molecules; None has a prediction of NaN.
            z: (n, D) their latent points, NaN where there is none; not needed with structure alone (`needs_z`).

        Returns:
            Mean and standard deviation (n,) of a new measurement; of classes, the deviation of the probability.
        """
        return self._predict_known(smiles, z, self._predict)

    def predict_function(self, molecules: Sequence[Structure | None], z: Tensor | None = None) -> Prediction:
        """Predict the property itself, without the noise of a measurement.

        Args:
            molecules: n molecules; None has a prediction of NaN.
            z: As for `predict`.

        Returns:
            The mean, which is that of `predict`, and the calibrated standard deviation (n,) of the property, or of the
            probability of the active class.
        """
        return self._predict_known(molecules, z, partial(self._predict, is_function=True))

    @torch.no_grad()
    def draw(
        self,
        molecules: Sequence[Structure | None],
        z: Tensor | None = None,
        k: int = 1,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw functions of the property from what the predictor believes, without the noise of a measurement.

        Each function has its values at all molecules jointly: similar ones have similar values. With latent points and
        structure, a function is drawn from one of the two processes, by their weights, so that mean and deviation are
        those of `predict_function`.

        Args:
            molecules: n molecules; None has values of NaN.
            z: As for `predict`.
            k: The number of functions.
            generator: Random numbers.

        Returns:
            (k, n) values of the property, or probabilities of the active class.
        """
        known = self._find_known(molecules, z)
        drawn = torch.full((k, len(molecules)), torch.nan)
        if known.any():
            some = [molecule for molecule, is_known in zip(molecules, known.tolist(), strict=True) if is_known]
            drawn[:, known] = self._draw(some, None if z is None else z[known], k, generator)
        return drawn

    def _draw(
        self, molecules: Sequence[Structure | None], z: Tensor | None, k: int, generator: torch.Generator | None
    ) -> Tensor:
        if not self.needs_z:
            return self.process.draw(self._describe(molecules), k, generator)
        assert self.latent is not None and z is not None
        if self.representation == "latent":
            return self.latent.draw(z, k, generator)
        latent = int(self._weight * k + float(torch.rand(1, generator=generator)))  # on average its share
        drawn = [
            self.latent.draw(z, latent, generator),
            self.process.draw(self._describe(molecules), k - latent, generator),
        ]
        order = torch.randperm(k, generator=generator)
        mean = self._predict(molecules, z).mean
        return mean + self._scale * (torch.cat([part.float() for part in drawn])[order] - mean)

    def _describe(self, molecules: Sequence[Structure | None]) -> Tensor:
        """Compute what the process sees of n molecules."""
        return inputs(molecules) if self.process.descriptors.shape[1] else features(molecules)

    def _find_known(self, molecules: Sequence[Structure | None], z: Tensor | None) -> Tensor:
        """Find the molecules (n,) bool that can be predicted."""
        known = torch.tensor([molecule is not None for molecule in molecules], dtype=torch.bool)
        if self.needs_z:
            assert z is not None
            known &= torch.isfinite(z).all(dim=1)
        return known

    @torch.no_grad()
    def _predict_known(
        self,
        molecules: Sequence[Structure | None],
        z: Tensor | None,
        predict: Callable[[Sequence[Structure | None], Tensor | None], Prediction],
    ) -> Prediction:
        """Predict those that can be, _AT_ONCE at a time; NaN for the others."""
        mean, std = torch.full((len(molecules),), torch.nan), torch.full((len(molecules),), torch.nan)
        for some in self._find_known(molecules, z).nonzero()[:, 0].split(_AT_ONCE):
            mean[some], std[some] = predict([molecules[i] for i in some.tolist()], None if z is None else z[some])
        return Prediction(mean, std)

    def _predict(
        self, molecules: Sequence[Structure | None], z: Tensor | None, *, is_function: bool = False
    ) -> Prediction:
        """Predict measurements, or the property itself, of molecules that can be predicted."""
        asked: list[tuple[PropertyPredictor, Tensor]] = []
        if self.needs_z:
            assert self.latent is not None and z is not None
            asked.append((self.latent, z))
        if self.representation != "latent":
            asked.append((self.process, self._describe(molecules)))
        found = [p.predict_function(inputs) if is_function else p.predict(inputs) for p, inputs in asked]
        if self.representation != "both":
            return found[0]
        mean, std = combine(found[0], found[1], self._weight)
        return Prediction(mean, std * self._scale)

    @property
    def _weight(self) -> float:
        """The share of latent points in "both"."""
        return float(self.compared["weight"])

    @property
    def _scale(self) -> float:
        """The factor of the deviations of "both"; models of earlier versions have none."""
        return float(self.compared.get("scale", 1.0))

    def similarity(self, smiles: Sequence[Structure | None]) -> Tensor:
        """Compute the Tanimoto similarity (n,) to the nearest measured molecule; NaN for None."""
        nearest = torch.full((len(smiles),), torch.nan)
        known = [row for row, text in enumerate(smiles) if text is not None]
        for start in range(0, len(known), _AT_ONCE):
            some = known[start : start + _AT_ONCE]
            nearest[some] = tanimoto(features([smiles[i] for i in some]), self._measured).max(dim=1).values
        return nearest

    @cached_property
    def most_spread(self) -> float | None:
        """The highest spread, without the noise of a measurement, of a prediction in the domain: what all but ALL_BUT of the measured
        molecules would have without their own label. None where predictions are by latent points, or of classes."""
        if self.needs_z or self.is_classifier:
            return None
        return float(self.process.measure_spread_left_out().quantile(1.0 - ALL_BUT))

    @cached_property
    def _measured(self) -> Tensor:
        """The substructures of the measured molecules as real numbers."""
        return self.process.features.float()

    @cached_property
    def floor(self) -> float:
        """The similarity from which on a molecule is in the domain (`find_domain_floor`)."""
        return find_domain_floor(self.process.features)


def find_domain_floor(measured: Tensor) -> float:
    """Find the similarity, 0.2 at least, that all but ALL_BUT of the measured molecules, features (n, F), have to another one."""
    some = measured[torch.randperm(len(measured), generator=torch.Generator().manual_seed(0))[:_AT_ONCE]]
    similar = tanimoto(some, some).fill_diagonal_(0.0)
    return max(0.2, float(similar.max(dim=1).values.quantile(ALL_BUT)))


def save_measured(predictors: Sequence[MeasuredPredictor], path: Path) -> None:
    """Save a model's predictors of measured properties in one safetensors file, without the latent predictors of the model."""
    tensors: dict[str, Tensor] = {}
    index = []
    for i, p in enumerate(predictors):
        about: dict[str, Any] = {"property": p.name, "representation": p.representation, "scale": p.process.scale}
        if p.process.descriptors.shape[1]:
            about["descriptors"] = list(DESCRIPTORS)
        index.append({**about, "compared": dict(p.compared)})
        tensors |= {f"{i}/{k}": v.contiguous() for k, v in p.process.tensors().items()}
    write_safetensors(tensors, path, {"measured": json.dumps(index)})


def load_measured(path: Path, latent: Mapping[str, PropertyPredictor]) -> dict[str, MeasuredPredictor]:
    """Load a model's predictors of measured properties.

    Args:
        path: The file; it is missing in models of earlier versions and in those that keep no molecules.
        latent: The model's predictors on latent points, by property.

    Returns:
        Property -> its predictor; empty where the file is missing.

    Raises:
        CheckpointError: The file is damaged.
    """
    if not path.is_file():
        return {}
    tensors, strings = read_tensors(path, may_be_infinite=("y", "descriptors"))  # a label may be a bound alone
    try:
        index = parse_json(strings["measured"])
        found = {}
        for i, entry in enumerate(index):
            own = {k.split("/", 1)[1]: v for k, v in tensors.items() if k.startswith(f"{i}/")}
            process = (TanimotoClassifier if "classes" in own else TanimotoProcess).from_tensors(own)
            process.scale = float(entry["scale"])
            if process.descriptors.shape[1] and list(entry["descriptors"]) != list(DESCRIPTORS):
                raise ValueError(f"it needs the descriptors {', '.join(map(str, entry['descriptors']))}")
            name = str(entry["property"])
            representation: Representation = entry["representation"]
            if representation not in get_args(Representation):
                raise ValueError(f"unknown representation {representation!r}")
            if representation in ("latent", "both") and name not in latent:
                raise ValueError(f"there is no latent predictor of {name}")
            found[name] = MeasuredPredictor(name, representation, process, latent.get(name), dict(entry["compared"]))
        return found
    except Exception as error:  # as numpy and torch may have it, where the shapes are not those of a predictor
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise CheckpointError(f"{path} is damaged: {reason}; train the model again") from error
