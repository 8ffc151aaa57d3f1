"""Course: all that one training is given, whether it starts from nothing or from a finished model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chem_vae.checkpoint import Checkpoint, ConditionScale
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import TokenDataset
from chem_vae.errors import unknown_name
from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.datasets.dataset import SPLITS, Dataset
from pipeline.objectives.desirability import PropertySummary
from pipeline.training.config import TrainConfig
from pipeline.training.replay import Replay


@dataclass(frozen=True)
class Course:
    """Molecules, vocabulary, conditions and configuration of one training."""

    training: TokenDataset
    """What one epoch of `config` shows; its properties are the conditions."""
    validation: TokenDataset
    splits: dict[str, TokenDataset]
    """The dataset's molecules by split; their properties are the dataset's own, conditions or not."""
    vocabulary: SelfiesVocabulary
    scales: tuple[ConditionScale, ...]
    model: ModelConfig
    config: TrainingConfig
    summaries: list[PropertySummary]
    start: Checkpoint | None = None
    """What fine-tuning begins with: the base, grown."""
    replay: Replay | None = None
    card: dict[str, Any] = field(default_factory=dict)
    """What the card of a fine-tuned model says beside what any says."""
    warnings: list[str] = field(default_factory=list)


def from_nothing(dataset: Dataset, config: TrainConfig) -> Course:
    """The course of a model that learns from this dataset alone."""
    names = [p.name for p in dataset.properties]
    conditions = chosen_conditions(dataset, config)
    splits = {name: dataset.tokens(name) for name in SPLITS}
    values = splits["train"].values()
    columns = [names.index(c) for c in conditions]
    return Course(
        training=splits["train"].select_properties(columns),
        validation=splits["validation"].select_properties(columns),
        splits=splits,
        vocabulary=dataset.vocabulary,
        scales=tuple(ConditionScale.fit(names[i], dataset.properties[i].unit, values[:, i]) for i in columns),
        model=config.model,
        config=config.training,
        summaries=summaries(dataset, splits["train"]),
    )


def chosen_conditions(dataset: Dataset, config: TrainConfig, more: tuple[str, ...] = ()) -> list[str]:
    """The dataset's properties to be conditioned on; `more` are names that are known beside them.

    Raises UserError for a name that is neither.
    """
    names = [p.name for p in dataset.properties]
    if config.conditions is None:
        return names
    for name in config.conditions:
        if name not in names and name not in more:
            raise unknown_name("property of this dataset", name, {*names, *more})
    return [name for name in config.conditions if name in names]


def summaries(dataset: Dataset, training: TokenDataset) -> list[PropertySummary]:
    """What is known of each of the dataset's properties over its training split."""
    values = training.values()
    return [
        PropertySummary.of(p.name, p.label, p.unit, "measured" if p.kind == "measured" else "computed", values[:, i])
        for i, p in enumerate(dataset.properties)
    ]
