"""Chooses among finished models the one that a training starts from: the one that fits the new molecules best."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chem_vae.analysis import measure_nats
from chem_vae.data import TokenDataset
from chem_vae.progress import Progress, silent
from pipeline.chemistry.metrics import Share
from pipeline.datasets.dataset import Dataset
from pipeline.models.description.model_description import describe_fits
from pipeline.models.spelling import write_selfies
from pipeline.models.trained_model import TrainedModel

COMPARED_MOLECULES = 500
BATCH = 64
"""Molecules that are measured at once: few, so that the progress is seen."""
STAGE = "choose the model to start from"
SAME_SHARE = 0.01
"""Models that can spell the same share of the molecules, give or take this much, are compared by their log-likelihood."""


@dataclass(frozen=True)
class BaseFit:
    """How well a model fits molecules that it was not trained on."""

    name: str
    spelled: Share
    """The molecules whose every symbol is in the model's vocabulary."""
    nats: float
    """The mean -log p(x) per molecule, without z and conditions, over the molecules that every compared model can spell; NaN
    where there are none."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fit as the card has it."""
        nats = None if np.isnan(self.nats) else round(self.nats, 2)
        return {"name": self.name, "spelled": self.spelled.count, "of": self.spelled.of, "nats": nats}


@dataclass(frozen=True)
class BaseChoice:
    """The models that were compared, the chosen one first, the others from better to worse."""

    fits: list[BaseFit]

    @property
    def name(self) -> str:
        """The name of the chosen model."""
        return self.fits[0].name

    def put_first(self, name: str) -> BaseChoice:
        """Return the same comparison with a model in the first place that was asked for by its name."""
        return BaseChoice(sorted(self.fits, key=lambda fit: fit.name != name))

    def __str__(self) -> str:
        return describe_fits([fit.to_dict() for fit in self.fits])


def choose_base(models: Mapping[str, TrainedModel], smiles: Sequence[str], progress: Progress = silent) -> BaseChoice:
    """Compare models on molecules, and choose the one that fits them best.

    What counts first is the share of the molecules that a model can spell. Models within SAME_SHARE of the best share are
    compared by the mean -log p(x) of the molecules that all of these can spell, rounded to tenths of a nat; where that is equal,
    or where there are no such molecules, the first of them is chosen.

    Args:
        models: The models by name, the preferred one first.
        smiles: Canonical SMILES of n molecules, in the standard form of the models' data.
        progress: Told the stage "choose the model to start from".

    Raises:
        CheckpointError: A model is damaged.
    """
    measured = dict.fromkeys(models, 0)
    total = len(models) * len(smiles)

    def tell(name: str, done: int) -> None:
        measured[name] = max(measured[name], done)
        progress(STAGE, sum(measured.values()), total)

    progress(STAGE, 0, total)
    spelled = {name: _spell(model, smiles) for name, model in models.items()}
    most = max(len(found) for found in spelled.values())
    final = [name for name, found in spelled.items() if len(found) >= most - SAME_SHARE * len(smiles)]
    shown = _measure(models, spelled, list(models), tell)
    decisive = shown if final == list(models) else _measure(models, spelled, final, tell)
    progress(STAGE, total, total)
    rank = {name: i for i, name in enumerate(models)}

    def order(name: str) -> tuple[bool, float, int, int]:
        nats = decisive.get(name, np.nan)
        return name not in final, 0.0 if np.isnan(nats) else round(nats, 1), -len(spelled[name]), rank[name]

    names = sorted(models, key=order)
    return BaseChoice([BaseFit(name, Share(len(spelled[name]), len(smiles)), shown[name]) for name in names])


def draw_compared_molecules(dataset: Dataset) -> list[str]:
    """Draw COMPARED_MOLECULES training molecules of a dataset (all where there are fewer), the same ones each time."""
    smiles = dataset.table(["smiles"], split="train")["smiles"].tolist()
    chosen = np.sort(np.random.default_rng(0).permutation(len(smiles))[:COMPARED_MOLECULES])
    return [smiles[i] for i in chosen]


def _spell(model: TrainedModel, smiles: Sequence[str]) -> dict[str, str]:
    """Spell the molecules that the model's vocabulary knows: SELFIES by SMILES."""
    vocabulary = model.checkpoint.vocabulary
    written = {text: write_selfies(text, vocabulary) for text in smiles}
    return {text: s for text, s in written.items() if s is not None and not vocabulary.find_missing(s)}


def _measure(
    models: Mapping[str, TrainedModel],
    spelled: Mapping[str, Mapping[str, str]],
    names: Sequence[str],
    tell: Callable[[str, int], object],
) -> dict[str, float]:
    """Measure the mean -log p(x) of each named model over the molecules that all the named ones can spell."""
    common = sorted(set.intersection(*(set(spelled[name]) for name in names)))
    found = {}
    for name in names:
        checkpoint = models[name].checkpoint
        ids = checkpoint.vocabulary.encode_batch([spelled[name][text] for text in common])
        data = TokenDataset.from_lists(ids)
        found[name] = measure_nats(checkpoint.model, data, BATCH, functools.partial(tell, name))
    return found
