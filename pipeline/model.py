"""TrainedModel: a finished model folder, opened; SMILES and raw units on the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from safetensors.torch import load_file
from torch import Tensor

from chem_vae.checkpoint import Checkpoint, write_safetensors
from chem_vae.errors import CheckpointError, DataError, UserError, VocabularyError
from chem_vae.predictors import Prediction, PropertyPredictor, load_predictors, nearest_distances
from chem_vae.prior import sample_prior
from pipeline.config import StandardizeOptions
from pipeline.dataset import Dataset
from pipeline.folders import read_manifest
from pipeline.objectives import PropertySummary
from pipeline.places import model_folder
from pipeline.standardize import Rejection, Standardizer
from pipeline.validate import validate

KIND = "chem-vae trained model"
FILES = ("model.safetensors", "model.json", "predictors.safetensors", "latent.safetensors", "training.json")


@dataclass(frozen=True)
class TrainedModel:
    """A model folder: checkpoint, predictors, latent points of training molecules, card. `reused`: it was there before."""

    folder: Path
    manifest: dict[str, Any]
    reused: bool = field(default=False, compare=False)

    @classmethod
    def open(cls, folder: str | Path, *, reused: bool = False) -> TrainedModel:
        """A model folder, or a run folder with its `model/` in it. Raises DataError or CheckpointError."""
        folder = Path(folder)
        if (folder / "model" / "manifest.json").exists():
            folder = folder / "model"
        model = cls(folder, read_manifest(folder, KIND), reused)
        if missing := [name for name in FILES if not (folder / name).is_file()]:
            raise CheckpointError(f"the model {folder} is not whole: {', '.join(missing)} is missing; train it again")
        return model

    @property
    def key(self) -> str:
        return str(self.manifest["key"])

    @property
    def card(self) -> dict[str, Any]:
        """Data, training, figures, versions: what a person asks of a model."""
        return dict(self.manifest["card"])

    @cached_property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint.load(self.folder)

    @cached_property
    def predictors(self) -> dict[str, PropertyPredictor]:
        return load_predictors(self.folder / "predictors.safetensors")

    @property
    def properties(self) -> list[PropertySummary]:
        """What the model knows of each property of its training data, conditioned on or not."""
        return [PropertySummary(**p) for p in self.manifest["properties"]]

    @property
    def conditions(self) -> list[str]:
        """Names of the properties that the model is conditioned on."""
        return list(self.card["conditions"])

    @property
    def standardize_options(self) -> StandardizeOptions:
        """How the molecules were standardized that it was trained on."""
        return StandardizeOptions.model_validate(self.card["dataset"]["standardize"])

    def dataset(self) -> Dataset | None:
        """The dataset it was trained on, where it still lies in the same workspace; else None."""
        name = str(self.card["dataset"]["folder"])
        for up in self.folder.resolve().parents[1:4]:  # models/<key>, or runs/<id>/model
            if (up / "datasets" / name / "manifest.json").exists():
                try:
                    return Dataset.open(up / "datasets" / name)
                except DataError:
                    return None
        return None

    # -- the latent space ----------------------------------------------------------------------------------------

    def encode(self, smiles: Sequence[str]) -> Tensor:
        """The latent mean (n, D) of each molecule, standardized first. Raises UserError for one it cannot encode."""
        standardizer = Standardizer(self.standardize_options)
        strings = []
        for row, text in enumerate(smiles):
            molecule = standardizer(text, row)
            if isinstance(molecule, Rejection):
                raise UserError(f"cannot encode {text!r}: {molecule.reason}")
            try:
                string = self.checkpoint.vocabulary.from_smiles(molecule.smiles)
                if missing := self.checkpoint.vocabulary.missing(string):
                    raise VocabularyError(f"the model has never seen {', '.join(missing)}")
            except VocabularyError as error:
                raise VocabularyError(f"cannot encode {text!r}: {error}") from None
            strings.append(string)
        return self.checkpoint.encode(strings).mu

    def decode(
        self, z: Tensor, target: Mapping[str, float] | None = None, temperature: float = 0.0, seed: int = 0
    ) -> list[str | None]:
        """The molecule (canonical SMILES) at each latent point (n, D); None where there is none."""
        conditions = self.checkpoint.target(target, len(z)) if target else None
        strings = self.checkpoint.decode(z, conditions, temperature=temperature, seed=seed)
        return [c.smiles for c in validate(strings, self.checkpoint.vocabulary)]

    def sample(
        self,
        n: int,
        target: Mapping[str, float] | None = None,
        *,
        prior: str = "none",
        temperature: float = 1.0,
        seed: int = 0,
    ) -> list[str | None]:
        """n molecules (canonical SMILES, None where invalid) from the prior: "none" (without z), "normal", "ancestral"."""
        conditions = self.checkpoint.target(target, n) if target else None
        z = sample_prior(self.checkpoint, n, prior, seed, conditions)
        return self.decode(z, target, temperature, seed)

    def interpolate(self, start: str, end: str, steps: int = 9) -> list[str | None]:
        """The molecules on the spherical path between two, ends included (White 2016, arXiv:1609.04468)."""
        a, b = self.encode([start, end])
        omega = torch.arccos(torch.nn.functional.cosine_similarity(a, b, dim=0).clamp(-1 + 1e-6, 1 - 1e-6))
        t = torch.linspace(0, 1, steps).unsqueeze(1)
        path = (torch.sin((1 - t) * omega) * a + torch.sin(t * omega) * b) / torch.sin(omega)
        return self.decode(path)

    def predict(self, smiles: Sequence[str]) -> dict[str, Prediction]:
        """Each property's predicted mean and standard deviation (n,) for each molecule, in its own unit."""
        z = self.encode(smiles)
        with torch.no_grad():
            return {name: predictor.predict(z) for name, predictor in self.predictors.items()}

    def distance_to_training(self, z: Tensor) -> NDArray[np.float64]:
        """(n,) latent distance to the nearest of the kept training molecules, in units of their own typical one.

        1 is as far as training molecules are from each other; NaN where z is NaN.
        """
        points = self.latent["mu"].float()
        typical = float(self.latent["typical_distance"])
        distances = torch.full((len(z),), torch.nan)
        fine = torch.isfinite(z).all(dim=1)
        distances[fine] = nearest_distances(z[fine], points) / max(typical, 1e-9)
        return distances.double().numpy()

    @cached_property
    def latent(self) -> dict[str, Tensor]:
        """mu (m, D) of some training molecules, their property values (m, P) and typical_distance."""
        try:
            return load_file(str(self.folder / "latent.safetensors"))
        except Exception as error:
            raise CheckpointError(f"the model {self.folder} is damaged: latent.safetensors: {error}") from error

    def summary(self) -> str:
        """A few lines for `inspect`."""
        card, figures = self.card, self.card["figures"]
        lines = [
            f"model {self.folder.name} ({self.key[:8]}), {card['parameters']:,} parameters",
            f"  trained on {card['dataset']['name']}: {card['training_molecules']:,} molecules, "
            f"{card['trained_seconds']:,.0f} s, {card['steps']:,} steps",
            f"  conditions: {', '.join(self.conditions) or 'none'}",
            f"  vocabulary: {card['vocabulary']['symbols']} symbols, {card['vocabulary']['merges']} merges",
        ]
        lines += [f"  {name.replace('_', ' ')}: {value:.4g}" for name, value in figures.items() if value is not None]
        for p in card["predictors"]:
            if p["r2"] is not None:
                lines.append(
                    f"  predictor of {p['property']}: R2 {p['r2']:.3f} on {p['n_test']:,} held-out molecules ({p['method']})"
                )
        lines += [f"  warning: {w}" for w in card["warnings"]]
        return "\n".join(lines)


def load_model(where: str | Path = "latest", workspace: Path = Path("workspace")) -> TrainedModel:
    """A trained model by its folder or name, a run's folder, id or name, a dataset's name, or "latest".

    Raises DataError or UserError where there is none, CheckpointError where it is damaged.
    """
    return TrainedModel.open(model_folder(str(where), workspace))


def save_latent(path: Path, mu: Tensor, values: Tensor, typical: float) -> None:
    """The file behind `TrainedModel.latent`."""
    write_safetensors(
        {"mu": mu.half().contiguous(), "values": values.contiguous(), "typical_distance": torch.tensor(typical)}, path
    )


def encode_valid(checkpoint: Checkpoint, smiles: Sequence[str | None]) -> Tensor:
    """Latent means (n, D) of canonical SMILES; NaN for None and for what the vocabulary cannot spell."""
    z = torch.full((len(smiles), checkpoint.model.latent_size), torch.nan)
    rows, strings = [], []
    with rdBase.BlockLogs():
        for row, text in enumerate(smiles):
            if text is None or Chem.MolFromSmiles(text) is None:
                continue
            try:
                string = checkpoint.vocabulary.from_smiles(text)
            except VocabularyError:
                continue
            if not checkpoint.vocabulary.missing(string):
                rows.append(row)
                strings.append(string)
    if rows:
        z[rows] = checkpoint.encode(strings).mu
    return z


def summary_dict(summary: PropertySummary) -> dict[str, Any]:
    """A PropertySummary as plain data; `PropertySummary(**data)` is the way back."""
    return asdict(summary)
