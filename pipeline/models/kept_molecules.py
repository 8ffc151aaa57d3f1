"""Molecules of the data that a model was trained on: from its dataset where that still lies there, else what was kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from safetensors.torch import load_file
from torch import Tensor

from chem_vae.anomaly import FEWEST_HELD_OUT, FILE, kept_molecules
from chem_vae.errors import CheckpointError, UserError
from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.chemistry.validate import sanitized, validate
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel

KEPT_SMILES = "kept.smi"
"""The kept molecules' canonical SMILES, in the model's folder: to read them is a tenth of the work of decoding them."""


@dataclass(frozen=True)
class Sample:
    """n molecules that the model's vocabulary can spell, and where they are from."""

    selfies: list[str]
    values: NDArray[np.float32]
    """(n, P) of `properties`, NaN unmeasured; P may be 0."""
    properties: list[str]
    origin: str
    """As a person would say it: "test molecules of moses"."""

    def __len__(self) -> int:
        return len(self.selfies)

    def smiles(self, model: TrainedModel) -> list[str | None]:
        """Canonical SMILES, row i staying row i."""
        return [c.smiles for c in validate(self.selfies, model.checkpoint.vocabulary)]


def training_molecules(model: TrainedModel, n: int, seed: int = 0) -> Sample:
    """Up to n training molecules. Raises UserError where neither the dataset nor kept molecules are there."""
    if (dataset := model.dataset()) is not None:
        return _drawn(model, dataset, "train", n, seed)
    kept = kept_with(model)
    if not kept:
        raise UserError(
            f"the model {model.folder.name} keeps no molecules, and its dataset {model.card['dataset']['folder']} is not in "
            "the same workspace; ingest it there again (chem-vae ingest)"
        )
    chosen = np.sort(np.random.default_rng(seed).permutation(len(kept))[:n])
    return Sample(
        [kept[i] for i in chosen], np.empty((len(chosen), 0), np.float32), [], "training molecules kept with the model"
    )


def held_out_molecules(model: TrainedModel, n: int, seed: int = 0) -> Sample:
    """Up to n molecules of the test split (the validation split where that is empty).

    Raises UserError where the dataset is not there, or has no such molecules.
    """
    dataset = model.dataset()
    if dataset is None:
        raise UserError(
            f"held-out molecules are needed, and the dataset {model.card['dataset']['folder']} that this model was trained "
            "on is not in the same workspace; give molecules (SMILES or a file), or ingest the dataset there again"
        )
    for split in ("test", "validation"):
        sample = _drawn(model, dataset, split, n, seed)
        if len(sample):
            return sample
    raise UserError(f"the dataset {dataset.name} has no held-out molecules; give molecules (SMILES or a file)")


def unseen_molecules(model: TrainedModel, n: int, seed: int = 0) -> Sample | None:
    """Up to n molecules of validation and test split together; None where there are fewer than FEWEST_HELD_OUT.

    None, too, where the dataset is not the very one that the model was trained on: it may have seen the molecules.
    """
    dataset = model.dataset()
    if dataset is None or dataset.key != model.card["dataset"]["key"]:
        return None
    if dataset.counts["validation"] + dataset.counts["test"] < FEWEST_HELD_OUT:
        return None
    a, b = (_drawn(model, dataset, split, dataset.counts[split], seed) for split in ("validation", "test"))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(a) + len(b))[:n])
    strings, values = [*a.selfies, *b.selfies], np.concatenate([a.values, b.values])
    origin = f"held-out molecules of {dataset.name}"
    return Sample([strings[i] for i in chosen], values[chosen], a.properties, origin)


def kept_with(model: TrainedModel) -> list[str]:
    """The SELFIES strings of the training molecules kept with the model; empty where none are. Raises CheckpointError."""
    return kept_molecules(anomaly_file(model), model.checkpoint)


def kept_smiles(model: TrainedModel) -> list[str]:
    """Their canonical SMILES, from the model's folder; worked out for models that were made without the file."""
    path = model.folder / KEPT_SMILES
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace").split()
    return canonical_smiles(kept_with(model), model.checkpoint.vocabulary)


def canonical_smiles(strings: Sequence[str], vocabulary: SelfiesVocabulary) -> list[str]:
    """The canonical SMILES of SELFIES strings, one for each that RDKit can read."""
    with rdBase.BlockLogs():
        mols = [sanitized(vocabulary.to_smiles(s))[0] for s in strings]
    return [str(Chem.MolToSmiles(m)) for m in mols if m is not None]


def anomaly_file(model: TrainedModel) -> dict[str, Tensor]:
    """What `chem_vae.anomaly.fit_anomaly` left with the model; empty where it left nothing. Raises CheckpointError."""
    path = model.folder / FILE
    if not path.is_file():
        return {}
    try:
        return dict(load_file(str(path)))
    except Exception as error:
        raise CheckpointError(f"the model {model.folder} is damaged: {FILE}: {error}") from error


def _drawn(model: TrainedModel, dataset: Dataset, split: str, n: int, seed: int) -> Sample:
    # Through strings, not ids: a model that was fine-tuned has other ids than the dataset.
    tokens, spelled = dataset.tokens(split), dataset.vocabulary
    chosen = tokens.select(np.sort(np.random.default_rng(seed).permutation(len(tokens))[:n]))
    strings = [spelled.decode(chosen[i][0].tolist()) for i in range(len(chosen))]
    values = chosen.values()
    known = [i for i, s in enumerate(strings) if not model.checkpoint.vocabulary.missing(s)]
    names = [p.name for p in dataset.properties]
    words = {"train": "training", "validation": "validation", "test": "test"}[split]
    origin = f"{words} molecules of {dataset.name}"
    if dataset.key != model.card["dataset"]["key"] and split != "train":
        origin += " (another ingestion than the model's: it may have seen some of them)"
    return Sample([strings[i] for i in known], values[known], names, origin)
