"""TrainedModel: a finished model folder, opened; SMILES and raw units on the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from chem_vae.checkpoint import Checkpoint, write_safetensors
from chem_vae.errors import CheckpointError, DataError
from chem_vae.latent import Measure, prior_path
from chem_vae.predictors import Prediction, PropertyPredictor, load_predictors, nearest_distances
from chem_vae.prior import sample_prior
from chem_vae.progress import Progress, silent
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.molecule import Molecule, Structure
from pipeline.chemistry.standardize import Rejection
from pipeline.chemistry.validate import validate
from pipeline.datasets.dataset import Dataset
from pipeline.models.predictor_wording import describe_choice
from pipeline.models.sampling import REDRAWS, draw
from pipeline.models.spelling import Speller, Spelling, write_selfies
from pipeline.objectives.desirability import PropertySummary
from pipeline.workspace.folders import read_manifest
from pipeline.workspace.lookup import model_folder
from pipeline.workspace.registry import list_datasets

if TYPE_CHECKING:
    from pipeline.models.measured_predictor import MeasuredPredictor

KIND = "chem-vae trained model"
FILES = ("model.safetensors", "model.json", "predictors.safetensors", "latent.safetensors", "training.json")


@dataclass(frozen=True)
class TrainedModel:
    """A model folder: checkpoint, predictors, latent points of training molecules, card. `reused`: it was there before."""

    folder: Path
    manifest: dict[str, Any]
    reused: bool = field(default=False, compare=False)
    workspace: Path | None = field(default=None, compare=False)
    """Where its dataset is looked for, beside the places around its folder."""

    @classmethod
    def open(cls, folder: str | Path, *, reused: bool = False, workspace: Path | None = None) -> TrainedModel:
        """A model folder, or a run folder with its `model/` in it. Raises DataError or CheckpointError."""
        folder = Path(folder)
        if (folder / "model" / "manifest.json").exists():
            folder = folder / "model"
        model = cls(folder, read_manifest(folder, KIND), reused, workspace)
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

    @cached_property
    def measured(self) -> dict[str, MeasuredPredictor]:
        """Of each measured property with labels enough: predictions by whatever predicts it better, and their domain."""
        from pipeline.models.measured_predictor import FILE, load_measured

        return load_measured(self.folder / FILE, self.predictors)

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

    def trained_on(self, dataset: Dataset) -> bool:
        """Whether a dataset is the very one of its training. Another of its name may be split otherwise: any molecule of it
        may be one that the model was shown."""
        return bool(dataset.key == self.card["dataset"]["key"])

    def dataset(self, workspace: Path | None = None) -> Dataset | None:
        """The dataset it was trained on, where it lies in the same workspace or the given one; else None.

        The same key is the same data. Of a named dataset (a model that is shipped, or was copied) any that has the name
        and at least as many training molecules will do, as far as that goes: see `trained_on`.
        """
        about = self.card["dataset"]
        given = [w for w in (workspace, self.workspace) if w is not None]
        places = [
            p / "datasets" for p in (*self.folder.resolve().parents[1:4], *given)
        ]  # models/<key>, runs/<id>/model
        found: list[Dataset] = []
        for place in places:
            for folder in (place / str(about["folder"]), *sorted(place.glob(f"{about['name']}-*"))):
                try:
                    dataset = Dataset.open(folder)
                except DataError:
                    continue
                if self.trained_on(dataset):
                    return dataset
                if dataset.name == about["name"] in list_datasets():
                    found.append(dataset)
        enough = [d for d in found if d.counts["train"] >= self.card["training_molecules"]]
        return max(enough, key=lambda d: d.counts["train"], default=None)

    # -- the latent space ----------------------------------------------------------------------------------------

    def encode(self, smiles: Sequence[str]) -> Tensor:
        """The latent mean (n, D) of each molecule, standardized first. Raises UserError for one it cannot encode."""
        return self.checkpoint.encode([spelling.require_selfies() for spelling in self.spell(smiles)]).mu

    def spell(self, smiles: Sequence[str], progress: Progress = silent) -> list[Spelling]:
        """Standardize SMILES as the training data was and write them as SELFIES; row i stays row i, none raises."""
        found = []
        for row, text in enumerate(smiles):
            if row % 200 == 0:
                progress("standardize", row, len(smiles))
            found.append(self.speller.spell(text, row))
        progress("standardize", len(smiles), len(smiles))
        return found

    def decode(
        self,
        z: Tensor,
        target: Mapping[str, float] | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        guidance: float = 0.0,
    ) -> list[str | None]:
        """The molecule (canonical SMILES) at each latent point (n, D); None where there is none."""
        conditions = self.checkpoint.target(target, len(z)) if target else None
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
        """n molecules (canonical SMILES, None where invalid) from the prior: "none" (without z), "normal", "ancestral".

        guidance: how much more closely than it learned the decoder follows the targets. redraws: how often a molecule is
        drawn again that is not spelled canonically (`pipeline.models.sampling`); 0 for the decoder as it is.
        """
        conditions = self.checkpoint.target(target, n) if target else None
        z = sample_prior(self.checkpoint, n, prior, seed, conditions)
        drawn = draw(
            self.checkpoint, z, conditions, temperature=temperature, guidance=guidance, seed=seed, redraws=redraws
        )
        return [c.smiles for c in drawn.candidates]

    def interpolate(self, start: str, end: str, steps: int = 9) -> list[str | None]:
        """The molecules on the path between two along the prior's own measure, ends included, all of them decoded.

        See `chem_vae.latent.prior_path`; `pipeline.explore.interpolation.interpolate` gives a table with properties.
        """
        a, b = self.encode([start, end])
        return self.decode(prior_path(a, b, steps, self.measure()))

    def measure(self, kind: str = "data") -> Measure:
        """Where molecules lie in the latent space, as a Gaussian: "data", the kept training molecules; "normal", N(0, I)."""
        points = self.latent["mu"].float()
        return Measure.of(points) if kind == "data" else Measure.standard(points.shape[1])

    @property
    def typical_distance(self) -> float:
        """The median latent distance between a training molecule and its nearest neighbor among those kept."""
        return max(float(self.latent["typical_distance"]), 1e-9)

    def predict(self, smiles: Sequence[str]) -> dict[str, Prediction]:
        """Each property's predicted mean and standard deviation (n,) for each molecule, in its own unit."""
        z = self.encode(smiles)
        with torch.no_grad():
            found = {name: predictor.predict(z) for name, predictor in self.predictors.items()}
        return found | {name: predictor.predict(list(smiles), z) for name, predictor in self.measured.items()}

    def distance_to_training(self, z: Tensor) -> NDArray[np.float64]:
        """(n,) latent distance to the nearest of the kept training molecules, in units of their own typical one.

        1 is as far as training molecules are from each other; NaN where z is NaN.
        """
        points = self.latent["mu"].float()
        distances = torch.full((len(z),), torch.nan)
        fine = torch.isfinite(z).all(dim=1)
        distances[fine] = nearest_distances(z[fine], points) / self.typical_distance
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
        if base := card.get("base"):
            before = f", trained for {base['trained_seconds']:,.0f} s before" if "trained_seconds" in base else ""
            lines.insert(2, f"  fine-tuned from {base['name']} ({base['key'][:8]}){before}")
        lines += [f"  {name.replace('_', ' ')}: {value:.4g}" for name, value in figures.items() if value is not None]
        for told in (card.get("finetuning") or {}).get("before_after", []):
            lines.append(f"  {told['of']}: {_change(told)}")
        for p in card["predictors"]:
            if p["r2"] is not None:
                lines.append(
                    f"  predictor of {p['property']}: R2 {p['r2']:.3f} on {p['n_test']:,} held-out molecules ({p['method']})"
                )
            if p.get("compared"):
                lines.append(f"    {describe_choice(p['compared'])}")
        if benchmark := card.get("benchmark"):
            lines.append(f"  {_benchmarked(benchmark)}")
        if "licence" in card:
            lines.append(f"  licence: {card['licence']}")
        lines += [f"  limit: {text}" for text in card.get("limits", [])]
        lines += [f"  warning: {w}" for w in card["warnings"]]
        return "\n".join(lines)


def _benchmarked(results: Mapping[str, Any]) -> str:
    """The main figures of `chem-vae benchmark moses`."""
    figures = {name: f"{found['mean']:.3f}" for name, found in results["distribution"].items()}
    exact, asked = results["reconstruction"]["from_mean"]["molecule"], results["settings"]
    names = ("FCD/Test", "unique@10000", "Filters", "Novelty")
    return (
        f"benchmark of {results['date']} ({asked['samples']:,} samples, {asked['seeds']} seeds): "
        f"{', '.join(f'{name} {figures[name]}' for name in names if name in figures)}; exact reconstruction of "
        f"{exact['count']:,} of {exact['of']:,} test molecules"
    )


def load_model(where: str | Path = "latest", workspace: Path = Path("workspace")) -> TrainedModel:
    """A trained model by its folder or name, a shipped model's name, a run's folder, id or name, a dataset's name, or
    "latest".

    >>> load_model("moses")  # doctest: +SKIP

    Raises DataError or UserError where there is none, CheckpointError where it is damaged.
    """
    return TrainedModel.open(model_folder(str(where), workspace), workspace=workspace)


def save_latent(path: Path, mu: Tensor, values: Tensor, typical: float) -> None:
    """The file behind `TrainedModel.latent`."""
    write_safetensors(
        {"mu": mu.half().contiguous(), "values": values.contiguous(), "typical_distance": torch.tensor(typical)}, path
    )


def encode_valid(
    checkpoint: Checkpoint, structures: Sequence[Structure | None], spellings: Sequence[str | None] | None = None
) -> Tensor:
    """Encode those of n molecules that the vocabulary can spell.

    Args:
        checkpoint: The model.
        structures: n molecules or canonical SMILES, None where there is none.
        spellings: The canonical SELFIES strings of the molecules, None where they are not known yet.

    Returns:
        Latent means (n, D); NaN for None and for what the vocabulary cannot spell.
    """
    z = torch.full((len(structures), checkpoint.model.latent_size), torch.nan)
    found: dict[int, str] = {}
    for row, structure in enumerate(structures):
        string = spellings[row] if spellings is not None else None
        if string is None:
            smiles = structure.smiles if isinstance(structure, Molecule) else structure
            string = write_selfies(smiles, checkpoint.vocabulary)
        if string is not None and not checkpoint.vocabulary.missing(string):
            found[row] = string
    if found:
        z[list(found)] = checkpoint.encode(list(found.values())).mu
    return z


def _change(told: Mapping[str, Any]) -> str:
    """A row of the card's before_after, in words."""
    parts = [
        f"{label} {told['before'][name]:.3g} -> {told['after'][name]:.3g}"
        for name, label in (("exact_reconstruction", "exact reconstruction"), ("nats", "-log p(x) in nats"))
        if told["before"][name] is not None and told["after"][name] is not None
    ]
    return f"{', '.join(parts) or 'not measured'} ({told['molecules']:,} molecules)"


def summary_dict(summary: PropertySummary) -> dict[str, Any]:
    """A PropertySummary as plain data; `PropertySummary(**data)` is the way back."""
    return asdict(summary)
