"""The plan of one training: its molecules, vocabulary, conditions and configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chem_vae.checkpoint import Checkpoint, ConditionScale
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import TokenDataset
from chem_vae.errors import match_name, unknown_name
from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.datasets.dataset import SPLITS, Dataset
from pipeline.objectives.desirability import PropertySummary
from pipeline.training.config import TrainConfig
from pipeline.training.finetuning.replay import Replay


@dataclass(frozen=True)
class TrainingPlan:
    """All that one training is given, whether it starts from nothing or from a finished model."""

    training: TokenDataset
    """The molecules that one epoch of `config` shows; their properties are the conditions."""
    validation: TokenDataset
    splits: dict[str, TokenDataset]
    """The dataset's molecules by split; their properties are the dataset's own, conditions or not."""
    vocabulary: SelfiesVocabulary
    scales: tuple[ConditionScale, ...]
    model: ModelConfig
    config: TrainingConfig
    summaries: list[PropertySummary]
    start: Checkpoint | None = None
    """The extended base that fine-tuning begins with."""
    replay: Replay | None = None
    card: dict[str, Any] = field(default_factory=dict)
    """Entries that only the card of a fine-tuned model has."""
    warnings: list[str] = field(default_factory=list)


def plan_from_nothing(dataset: Dataset, config: TrainConfig) -> TrainingPlan:
    """Plan the training of a model that learns from this dataset alone."""
    names = [p.name for p in dataset.properties]
    conditions = choose_conditions(dataset, config)
    splits = {name: dataset.tokens(name) for name in SPLITS}
    values = splits["train"].values()
    columns = [names.index(c) for c in conditions]
    return TrainingPlan(
        training=splits["train"].select_properties(columns),
        validation=splits["validation"].select_properties(columns),
        splits=splits,
        vocabulary=dataset.vocabulary,
        scales=tuple(ConditionScale.fit(names[i], dataset.properties[i].unit, values[:, i]) for i in columns),
        model=config.model,
        config=config.training,
        summaries=summarize_properties(dataset, splits["train"]),
    )


def choose_conditions(dataset: Dataset, config: TrainConfig, more: tuple[str, ...] = ()) -> list[str]:
    """Choose the properties of a dataset to condition on.

    Args:
        dataset: The dataset.
        config: Its `conditions` are the wanted names; None: all.
        more: Names that `conditions` may hold besides: those of the model to start from.

    Raises:
        UserError: A wanted name is neither the dataset's nor one of `more`.
    """
    names = [p.name for p in dataset.properties]
    if config.conditions is None:
        return names
    chosen = [(name, match_name(name, (*names, *more))) for name in config.conditions]
    for name, found in chosen:
        if found is None:
            raise unknown_name("property of this dataset", name, {*names, *more})
    return list(dict.fromkeys(found for _, found in chosen if found in names))  # each once, however it is spelled


def summarize_properties(dataset: Dataset, training: TokenDataset) -> list[PropertySummary]:
    """Summarize each of the dataset's properties over its training split."""
    values = training.values()
    bounds = np.nan_to_num(training.bounds(), nan=-np.inf).max(axis=2)  # the one that there is, the upper one of two
    values = np.where(np.isnan(values) & np.isfinite(bounds), bounds, values)  # the best tenth may be bounds
    found = [
        PropertySummary.from_values(
            p.name, p.label, p.unit, "measured" if p.kind == "measured" else "computed", values[:, i]
        )
        for i, p in enumerate(dataset.properties)
    ]
    for i in np.flatnonzero(np.isfinite(bounds).any(axis=0)):
        found[i] = replace(found[i], classes=None)
    return [replace(s, label=s.class_label) if s.classes else s for s in found]
