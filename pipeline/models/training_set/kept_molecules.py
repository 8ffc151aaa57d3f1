"""Draws molecules of the data that a model was trained on, from its dataset or from the molecules kept with the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from torch import Tensor

from chem_vae.anomaly import FEWEST_HELD_OUT, FILE, read_kept_molecules
from chem_vae.errors import CheckpointError, UserError
from chem_vae.tensor_files import read_tensors
from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.chemistry.validate import sanitize_smiles, validate
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import KEPT_SMILES, TrainedModel


@dataclass(frozen=True)
class Sample:
    """n molecules that the vocabulary of the model can spell, with their values and their origin."""

    selfies: list[str]
    values: NDArray[np.float32]
    """(n, P) of `properties`, NaN unmeasured; P may be 0."""
    properties: list[str]
    origin: str
    """The origin in words: "test molecules of moses"."""

    def __len__(self) -> int:
        return len(self.selfies)

    def smiles(self, model: TrainedModel) -> list[str | None]:
        """Decode the molecules into n canonical SMILES."""
        return [c.smiles for c in validate(self.selfies, model.checkpoint.vocabulary)]


def draw_training_molecules(model: TrainedModel, n: int, seed: int = 0) -> Sample:
    """Draw up to n training molecules.

    Args:
        model: The trained model.
        n: The number of molecules.
        seed: The seed of the draw.

    Raises:
        UserError: Neither the dataset nor kept molecules are there.
    """
    if (dataset := model.dataset()) is not None:
        return _draw(model, dataset, "train", n, seed)
    kept = read_kept_selfies(model)
    if not kept:
        raise UserError(
            f"the model {model.folder.name} keeps no molecules, and its dataset {model.card['dataset']['folder']} is not in "
            "the same workspace; ingest it there again (chem-vae ingest)"
        )
    chosen = np.sort(np.random.default_rng(seed).permutation(len(kept))[:n])
    return Sample(
        [kept[i] for i in chosen], np.empty((len(chosen), 0), np.float32), [], "training molecules kept with the model"
    )


def draw_held_out_molecules(model: TrainedModel, n: int, seed: int = 0) -> Sample:
    """Draw up to n molecules of the test split, or of the validation split where the test split is empty.

    Args:
        model: The trained model.
        n: The number of molecules.
        seed: The seed of the draw.

    Raises:
        UserError: The dataset is not there, or has no such molecules.
    """
    dataset = model.dataset()
    if dataset is None:
        raise UserError(
            f"held-out molecules are needed, and the dataset {model.card['dataset']['folder']} that this model was trained "
            "on is not in the same workspace; give molecules (SMILES or a file), or ingest the dataset there again"
        )
    for split in ("test", "validation"):
        sample = _draw(model, dataset, split, n, seed)
        if len(sample):
            return sample
    raise UserError(f"the dataset {dataset.name} has no held-out molecules; give molecules (SMILES or a file)")


def draw_unseen_molecules(model: TrainedModel, n: int, seed: int = 0) -> Sample | None:
    """Draw up to n molecules of the validation and the test split together.

    Returns:
        None where there are fewer than FEWEST_HELD_OUT, or where the dataset is not the very one that the model was trained
        on, so that the model may have seen the molecules.
    """
    dataset = model.dataset()
    if dataset is None or dataset.key != model.card["dataset"]["key"]:
        return None
    if dataset.counts["validation"] + dataset.counts["test"] < FEWEST_HELD_OUT:
        return None
    a, b = (_draw(model, dataset, split, dataset.counts[split], seed) for split in ("validation", "test"))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(a) + len(b))[:n])
    strings, values = [*a.selfies, *b.selfies], np.concatenate([a.values, b.values])
    origin = f"held-out molecules of {dataset.name}"
    return Sample([strings[i] for i in chosen], values[chosen], a.properties, origin)


def read_kept_selfies(model: TrainedModel) -> list[str]:
    """Read the SELFIES strings of the training molecules kept with the model, if any. Raises CheckpointError."""
    return read_kept_molecules(load_anomaly_tensors(model), model.checkpoint)


def read_kept_smiles(model: TrainedModel) -> list[str]:
    """Read the canonical SMILES of the training molecules kept with the model; decode them where there is no file of them."""
    path = model.folder / KEPT_SMILES
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace").split()
    return write_canonical_smiles(read_kept_selfies(model), model.checkpoint.vocabulary)


def write_canonical_smiles(strings: Sequence[str], vocabulary: SelfiesVocabulary) -> list[str]:
    """Write SELFIES strings as canonical SMILES; those that RDKit cannot read are left out."""
    with rdBase.BlockLogs():
        mols = [sanitize_smiles(vocabulary.to_smiles(s))[0] for s in strings]
    return [str(Chem.MolToSmiles(m)) for m in mols if m is not None]


def load_anomaly_tensors(model: TrainedModel) -> dict[str, Tensor]:
    """Load the tensors that `chem_vae.anomaly.fit_anomaly` wrote; empty for a model without them. Raises CheckpointError."""
    path = model.folder / FILE
    if not path.is_file():
        return {}
    found, _ = read_tensors(path)
    if "flat" in found or "offsets" in found:
        flat, offsets = (found.get(name, torch.empty(0)) for name in ("flat", "offsets"))
        fits = flat.ndim == offsets.ndim == 1 and not flat.is_floating_point() and not offsets.is_floating_point()
        fits = fits and len(offsets) > 0 and int(offsets[0]) == 0 and int(offsets[-1]) == len(flat)
        fits = fits and bool((offsets.diff() >= 0).all())
        ids = len(model.checkpoint.vocabulary)
        if not fits or (len(flat) and not 0 <= int(flat.min()) <= int(flat.max()) < ids):
            raise CheckpointError(
                f"the model {model.folder} is damaged: {FILE}: its molecules do not fit the vocabulary"
            )
    return found


def _draw(model: TrainedModel, dataset: Dataset, split: str, n: int, seed: int) -> Sample:
    # Through strings, not ids: a model that was fine-tuned has other ids than the dataset.
    tokens, spelled = dataset.tokens(split), dataset.vocabulary
    chosen = tokens.select(np.sort(np.random.default_rng(seed).permutation(len(tokens))[:n]))
    strings = [spelled.decode(chosen[i][0].tolist()) for i in range(len(chosen))]
    values = chosen.values()
    known = [i for i, s in enumerate(strings) if not model.checkpoint.vocabulary.find_missing(s)]
    names = [p.name for p in dataset.properties]
    words = {"train": "training", "validation": "validation", "test": "test"}[split]
    origin = f"{words} molecules of {dataset.name}"
    if dataset.key != model.card["dataset"]["key"] and split != "train":
        origin += " (another ingestion than the model's: it may have seen some of them)"
    return Sample([strings[i] for i in known], values[known], names, origin)
