"""TrainedModel: opens a finished model folder and works with SMILES and raw units."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.checkpoint import Checkpoint, write_safetensors
from chem_vae.errors import CheckpointError, ChemVAEWarning, DataError, UserError
from chem_vae.latent import DiagonalGaussian, interpolate_path, measure_nearest_distances
from chem_vae.predictors import Prediction, PropertyPredictor
from chem_vae.predictors.predictor_files import StoredPredictors
from chem_vae.prior import sample_prior
from chem_vae.progress import Progress, silent
from chem_vae.tensor_files import read_tensors
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.chemistry.validate import validate
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.layout.given_molecules import list_given
from pipeline.models.description.model_card import make_model_card
from pipeline.models.description.model_description import describe_model
from pipeline.models.latent_points import MOST_STEPS, read_points
from pipeline.models.measured_predictor import FILE as MEASURED_FILE
from pipeline.models.measured_predictor import MeasuredPredictor, load_measured
from pipeline.models.model_manifest import check_manifest
from pipeline.models.sampling import REDRAWS, draw
from pipeline.models.spelling import Speller, Spelling
from pipeline.objectives.desirability import PropertySummary
from pipeline.workspace.check_arguments import check_count, check_number, check_seed
from pipeline.workspace.lookup import find_model, find_workspace, list_shipped_models
from pipeline.workspace.presentation.notebook_card import Card, Described
from pipeline.workspace.registry import list_datasets
from pipeline.workspace.storage.folders import read_manifest
from pipeline.workspace.storage.integrity import check_contents

KIND = "chem-vae trained model"
KEPT_SMILES = "kept.smi"
"""The file of a model's folder with the canonical SMILES of the kept molecules, which take ten times longer to decode."""
FILES = ("model.safetensors", "model.json", "predictors.safetensors", "latent.safetensors", "training.json")


@dataclass(frozen=True, repr=False)
class TrainedModel(Described):
    """A model folder: checkpoint, predictors, latent points of training molecules, card.

    Args:
        folder: The model folder.
        manifest: The content of its manifest.json.
        reused: Whether the model was there before it was asked for.
        workspace: A folder where its dataset is looked for, besides the folders around its own.
    """

    folder: Path
    manifest: dict[str, Any]
    reused: bool = field(default=False, compare=False)
    workspace: Path | None = field(default=None, compare=False)

    @classmethod
    def open(cls, folder: str | Path, *, reused: bool = False, workspace: Path | None = None) -> TrainedModel:
        """Open a model folder, or the model of a run folder; its files are compared with the hashes in its manifest.

        Raises:
            DataError: There is no model.
            CheckpointError: A file of the model is missing or damaged.
            UserError: A file may not be read.
        """
        folder = Path(folder)
        if (folder / "model" / "manifest.json").exists():
            folder = folder / "model"
        manifest = read_manifest(folder, KIND)
        remedy = (
            "install chem-vae again" if folder in list_shipped_models().values() else "train it again, or copy it anew"
        )
        try:
            check_manifest(manifest)
            if missing := [name for name in FILES if not (folder / name).is_file()]:
                raise DataError(f"{folder} is not whole: {', '.join(missing)} is missing")
            check_contents(folder, manifest)
        except DataError as error:
            text = str(error) if str(folder) in str(error) else f"{folder} is damaged: {error}"
            raise CheckpointError(f"the model {text}; {remedy}") from None
        return cls(folder, manifest, reused, workspace)

    @property
    def created(self) -> datetime:
        """When it was trained."""
        return datetime.fromisoformat(self.card["created"])

    @property
    def key(self) -> str:
        """The hash of all that the model was made from."""
        return str(self.manifest["key"])

    @property
    def card(self) -> dict[str, Any]:
        """The model card: data, training, figures, versions."""
        return dict(self.manifest["card"])

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The network with its vocabulary and scales."""
        return Checkpoint.load(self.folder)

    @cached_property
    def predictors(self) -> Mapping[str, PropertyPredictor]:
        """The predictors on latent points, by property; each is built when it is first asked for."""
        return StoredPredictors(self.folder / "predictors.safetensors", self.card["latent_size"])

    @cached_property
    def measured(self) -> dict[str, MeasuredPredictor]:
        """The predictors of measured properties with enough labels, and their domains, by property."""
        return load_measured(self.folder / MEASURED_FILE, self.predictors)

    @property
    def properties(self) -> list[PropertySummary]:
        """Summaries of the properties of the training data, conditioned on or not."""
        return [PropertySummary(**p) for p in self.manifest["properties"]]

    @property
    def conditions(self) -> list[str]:
        """Names of the properties that the model is conditioned on."""
        return list(self.card["conditions"])

    @property
    def standardize_options(self) -> StandardizeOptions:
        """The options by which the training molecules were standardized."""
        return StandardizeOptions.model_validate(self.card["dataset"]["standardize"])

    @cached_property
    def speller(self) -> Speller:
        """The speller of the model: standard form, SELFIES, vocabulary."""
        return Speller(self.standardize_options, self.checkpoint.vocabulary)

    def standardize(self, molecule: Molecule) -> Molecule:
        """Bring a molecule to the standard form of the training data, in which alone the two can be compared.

        A molecule that the rules of the data refuse (too large, or of another element) stays as it is.
        """
        found = self.speller.standardizer(molecule)
        return molecule if isinstance(found, Rejection) else found

    def is_trained_on(self, dataset: Dataset) -> bool:
        """Say whether a dataset is the very one of the training.

        Another dataset of the same name may be split otherwise, so that the model may have seen any molecule of it.
        """
        return bool(dataset.key == self.card["dataset"]["key"])

    def dataset(self, workspace: Path | None = None) -> Dataset | None:
        """Find the dataset that the model was trained on.

        The same key is the same data. For a named dataset (of a model that is shipped, or was copied) another dataset of that
        name with at least as many training molecules is accepted too; see `is_trained_on`.

        Args:
            workspace: A folder to look in, besides the folders around the model's own.

        Returns:
            The dataset; None where it is not found.
        """
        about = self.card["dataset"]
        given = [w for w in (workspace, self.workspace) if w is not None]
        around = self.folder.resolve().parents[1:4]  # of models/<key> or runs/<id>/model
        places = [p / "datasets" for p in (*around, *given)]
        found: list[Dataset] = []
        for place in places:
            for folder in (place / str(about["folder"]), *sorted(place.glob(f"{about['name']}-*"))):
                try:
                    dataset = Dataset.open(folder)
                except UserError as error:
                    if folder.name == about["folder"] and folder.exists() and folder.resolve() not in self._told:
                        self._told.add(folder.resolve())
                        why = f"{str(error).rstrip('.')}; until then the work goes on without the data of the model"
                        warnings.warn(why, ChemVAEWarning, stacklevel=2)
                    continue
                if self.is_trained_on(dataset):
                    return dataset
                if dataset.name == about["name"] in list_datasets():
                    found.append(dataset)
        enough = [d for d in found if d.counts["train"] >= self.card["training_molecules"]]
        return max(enough, key=lambda d: d.counts["train"], default=None)

    @cached_property
    def _told(self) -> set[Path]:
        """The folders of damaged datasets of which the user was told."""
        return set()

    def list_known_values(self) -> dict[str, Tensor]:
        """List the values (m,) of the training molecules kept with the model by property; NaN where unmeasured."""
        return {p.name: self.latent["values"][:, i].float() for i, p in enumerate(self.properties)}

    # -- the latent space ----------------------------------------------------------------------------------------

    def encode(self, smiles: str | Iterable[str] | pd.DataFrame) -> Tensor:
        """Standardize n SMILES, one, or those of a DataFrame, and encode them.

        Returns:
            The latent means (n, D).

        Raises:
            UserError: The model cannot encode a molecule.
        """
        return self.checkpoint.encode([spelling.require_selfies() for spelling in self.spell(smiles)]).mu

    def spell(self, smiles: str | Iterable[str] | pd.DataFrame, progress: Progress = silent) -> list[Spelling]:
        """Standardize SMILES as the training data was and write them as SELFIES; row i stays row i, none raises."""
        smiles, found = list_given(smiles), list[Spelling]()
        for row, text in enumerate(smiles):
            if row % 200 == 0:
                progress("standardize", row, len(smiles))
            found.append(self.speller.spell(text, row))
        progress("standardize", len(smiles), len(smiles))
        return found

    def decode(
        self,
        z: Tensor | NDArray[np.floating[Any]],
        target: Mapping[str, float] | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        guidance: float = 0.0,
    ) -> list[str | None]:
        """Decode latent points.

        Args:
            z: Latent points (n, D).
            target: Target values by property, in the units of the data.
            temperature: The temperature of the decoder's symbols; 0 decodes greedily.
            seed: The seed of the random numbers.
            guidance: How much more closely than it learned the decoder follows the targets.

        Returns:
            n canonical SMILES; None where there is no molecule.

        Raises:
            UserError: The points are of another shape, or a number is out of range.
        """
        z = read_points(z, self.card["latent_size"])
        check_number("temperature", temperature, 0)
        check_number("guidance", guidance)
        check_seed(seed)
        conditions = self.checkpoint.make_target(target, len(z)) if target else None
        strings = self.checkpoint.decode(z, conditions, temperature=temperature, guidance=guidance, seed=seed)
        return [c.smiles for c in validate(strings, self.checkpoint.vocabulary)]

    def sample(
        self,
        n: int,
        target: Mapping[str, float] | None = None,
        *,
        prior: str = "none",
        temperature: float = 1.0,
        guidance: float = 0.0,
        redraws: int = REDRAWS,
        seed: int = 0,
    ) -> list[str | None]:
        """Sample n molecules from the model.

        Args:
            n: The number of molecules.
            target: Target values by property, in the units of the data.
            prior: Where latent points come from: "none" (decode without z), "normal" or "ancestral".
            temperature: The temperature of the decoder's symbols.
            guidance: How much more closely than it learned the decoder follows the targets.
            redraws: How often a molecule that is not spelled canonically is drawn again; 0 for the decoder as it is.
            seed: The seed of the random numbers.

        Returns:
            n canonical SMILES; None where a sample is no molecule.

        Raises:
            UserError: A number is out of range, or the prior or a property is unknown.
        """
        check_count("n", n, 0)
        check_count("redraws", redraws, 0)
        check_number("temperature", temperature, 0)
        check_number("guidance", guidance)
        check_seed(seed)
        conditions = self.checkpoint.make_target(target, n) if target else None
        z = sample_prior(self.checkpoint, n, prior, seed, conditions)
        drawn = draw(
            self.checkpoint, z, conditions, temperature=temperature, guidance=guidance, seed=seed, redraws=redraws
        )
        return [c.smiles for c in drawn.candidates]

    def interpolate(self, start: str, end: str, steps: int = 9) -> list[str | None]:
        """Decode the molecules on the path between two molecules (`chem_vae.latent.interpolate_path`), both ends included.

        `pipeline.explore.interpolation.interpolate` gives a table with properties.

        Raises:
            UserError: A molecule cannot be encoded, or there are fewer than two steps, or more than 10,000.
        """
        check_count("steps", steps, 2, MOST_STEPS)
        a, b = self.encode([start, end])
        return self.decode(interpolate_path(a, b, steps, self.measure()))

    def measure(self, kind: str = "data") -> DiagonalGaussian:
        """Return the Gaussian of the latent space: "data" fits the kept training molecules, "normal" is N(0, I)."""
        points = self.latent["mu"].float()
        return DiagonalGaussian.fit(points) if kind == "data" else DiagonalGaussian.standard(points.shape[1])

    @property
    def typical_distance(self) -> float:
        """The median latent distance between a training molecule and its nearest neighbor among those kept."""
        return max(float(self.latent["typical_distance"]), 1e-9)

    def predict(self, smiles: str | Iterable[str] | pd.DataFrame) -> dict[str, Prediction]:
        """Predict every property of n SMILES, or of one: mean and standard deviation (n,) by property, in its own unit.

        It also predicts where predictions do not count; `pipeline.explore.prediction.predict` says where that is.
        """
        smiles = list_given(smiles)
        z = self.encode(smiles)
        with torch.no_grad():
            found = {name: predictor.predict(z) for name, predictor in self.predictors.items()}
        return found | {name: predictor.predict(smiles, z) for name, predictor in self.measured.items()}

    def distance_to_training(self, z: Tensor | NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Measure the latent distance to the nearest of the kept training molecules.

        Args:
            z: Latent points (n, D).

        Returns:
            (n,) distances in units of the typical distance between training molecules; NaN where z is NaN.

        Raises:
            UserError: The points are of another shape.
        """
        z, points = read_points(z, self.card["latent_size"]), self.latent["mu"].float()
        distances = torch.full((len(z),), torch.nan)
        fine = torch.isfinite(z).all(dim=1)
        distances[fine] = measure_nearest_distances(z[fine], points) / self.typical_distance
        return distances.double().numpy()

    @cached_property
    def latent(self) -> dict[str, Tensor]:
        """The tensors mu (m, D) of some training molecules, their values (m, P) and typical_distance."""
        found, _ = read_tensors(self.folder / "latent.safetensors", may_be_infinite=("values", "typical_distance"))
        mu, values, typical = (found.get(name) for name in ("mu", "values", "typical_distance"))
        fits = mu is not None and mu.ndim == 2 and mu.shape[1] == self.card["latent_size"]
        fits = fits and values is not None and values.ndim == 2 and len(values) == len(mu)  # type: ignore[arg-type]
        if not fits or typical is None or typical.numel() != 1:
            raise CheckpointError(
                f"the model {self.folder} is damaged: latent.safetensors: its tensors are of other sizes"
            )
        return found

    def summary(self) -> str:
        """Describe the model in a few lines, as `chem-vae inspect` shows them."""
        return describe_model(self.folder.name, self.key, self.card)

    def describe_card(self) -> Card:
        """Describe the model in short, with some of its training molecules drawn."""
        return make_model_card(self.folder, self.card, KEPT_SMILES)


def load_model(where: TrainedModel | str | Path | None = None, workspace: str | Path | None = None) -> TrainedModel:
    """Open a trained model.

    >>> load_model("moses")  # doctest: +SKIP

    Args:
        where: The model's folder or name, the name of a shipped model, a run's folder, id or name, a dataset's name, or
            "latest"; an open model stays as it is. None: the latest, or a shipped model where the workspace has none, which a warning
            says.
        workspace: The folder to look in; that of CHEM_VAE_WORKSPACE, or ./workspace, when not given.

    Raises:
        DataError: There is no model.
        UserError: The name is unknown.
        CheckpointError: The model is damaged.
    """
    if isinstance(where, TrainedModel):
        return where
    folder = find_workspace(workspace)
    return TrainedModel.open(find_model(None if where is None else str(where), folder), workspace=folder)


def save_latent(path: Path, mu: Tensor, values: Tensor, typical: float) -> None:
    """Write the file behind `TrainedModel.latent`."""
    write_safetensors(
        {"mu": mu.half().contiguous(), "values": values.contiguous(), "typical_distance": torch.tensor(typical)}, path
    )
