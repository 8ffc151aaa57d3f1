"""The model that a training starts from, and the settings that it decides."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.errors import ChemVAEWarning, UserError
from chem_vae.progress import Progress, silent
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.desirability import PropertySummary
from pipeline.training.config import NOTHING, TrainConfig
from pipeline.training.finetuning.choose_base import BaseChoice, choose_base, draw_compared_molecules
from pipeline.training.plan import summarize_properties
from pipeline.workspace.lookup import find_model, list_shipped_models

FEW_MOLECULES = 5000  # below it a model from nothing learns its molecules rather than chemistry
MOST_WITHOUT_Z = 0.6
NOT_WEIGHTS = ("dropout", "symbol_dropout", "corruption", "latent_dropout", "condition_dropout", "property_weight")
"""Fields of ModelConfig that fine-tuning may change: no weight's shape depends on them."""


def choose_start(
    config: TrainConfig, dataset: Dataset, progress: Progress = silent
) -> tuple[TrainConfig, BaseChoice | None]:
    """Name the start of a training where the configuration does not.

    It is the shipped model that fits the molecules best (`choose_base`) if the dataset has a measured property and fewer than
    FEW_MOLECULES training molecules, unless an architecture is given or a property means something else in every shipped model.
    A warning says so, with the figures of the choice. Else it is nothing.

    Returns:
        The configuration with a start, and the comparison of the shipped models where there was one.
    """
    if config.start is not None:
        return config, None
    molecules = dataset.counts["train"]
    few = molecules < FEW_MOLECULES and any(p.kind == "measured" for p in dataset.properties)
    built = any(config.asks(f"model.{f.name}") for f in fields(ModelConfig) if f.name not in NOT_WEIGHTS)
    choice = None if built or not few else compare_shipped_models(dataset, progress)
    if choice is None:
        return config.start_from(NOTHING), None
    name = choice.name
    warnings.warn(
        f"{molecules:,} training molecules are few for a model that starts from nothing: it starts from {name}, as with --from "
        f"{name}; --from nothing keeps to them alone; {name} was taken: {choice}",
        ChemVAEWarning,
        stacklevel=3,
    )
    return config.start_from(name), choice


def compare_shipped_models(dataset: Dataset, progress: Progress = silent) -> BaseChoice | None:
    """Compare the shipped models on a dataset; None where there is none in which its properties mean the same.

    Raises:
        CheckpointError: A shipped model is damaged.
    """
    about, models = summarize_properties(dataset, dataset.tokens("train")), {}
    for name, folder in list_shipped_models().items():
        model = TrainedModel.open(folder)
        try:
            check_properties(about, model)
        except UserError:
            continue
        models[name] = model
    return choose_base(models, draw_compared_molecules(dataset), progress) if models else None


def open_base(config: TrainConfig, workspace: Path) -> TrainedModel | None:
    """Open the model that a training starts from; None where the configuration names none.

    Raises:
        UserError, DataError: There is no model of that name.
        CheckpointError: It is damaged, or written by a newer version.
    """
    if config.base is None:
        return None
    base = TrainedModel.open(find_model(config.base, workspace), workspace=workspace)
    base.checkpoint  # noqa: B018 (reads the weights: damage is said before the work)
    return base


def settle_config(config: TrainConfig, base: TrainedModel) -> TrainConfig:
    """Fill in the settings of fine-tuning: architecture and beta are the base's where they are not given.

    Raises:
        UserError: Another architecture is given.
    """
    model = _merge_architecture(config, base.checkpoint.model.config)
    said = {"model": asdict(model), "training": asdict(_choose_beta(config, base))}
    return TrainConfig.from_values(config.model_dump() | said)


def check_properties(about: Sequence[PropertySummary], base: TrainedModel) -> None:
    """Raise UserError where a property differs in kind or unit between the dataset and the base."""
    theirs = {p.name: p for p in base.properties}
    for p in about:
        other = theirs.get(p.name)
        if other is not None and (p.kind, p.unit) != (other.kind, other.unit):
            mine, yours = (f"{q.kind}{f', in {q.unit}' if q.unit else ''}" for q in (p, other))
            raise UserError(
                f"the property {p.name!r} is {mine} in the data and {yours} in the model to start from; rename the column, "
                "or give it the same unit"
            )


def _choose_beta(config: TrainConfig, base: TrainedModel) -> TrainingConfig:
    """Take the base's weight of the KL term where none is given, so that latent points go on to hold as much of a molecule."""
    theirs = (base.manifest["config"].get("training") or {}).get("beta")
    told = (base.card.get("finetuning") or {}).get("beta", theirs)
    if told is None or config.asks("training.beta"):
        return config.training
    return replace(config.training, beta=float(told))


def _merge_architecture(config: TrainConfig, base: ModelConfig) -> ModelConfig:
    """Merge the base's architecture with the given settings that fine-tuning may change.

    Where latent dropout is not given, it is MOST_WITHOUT_Z at most, so that reconstruction of the few new molecules is learned, too.
    """
    changed: dict[str, Any] = {}
    if not config.asks("model.latent_dropout"):
        changed["latent_dropout"] = min(base.latent_dropout, MOST_WITHOUT_Z)
    for f in fields(ModelConfig):
        wanted, there = getattr(config.model, f.name), getattr(base, f.name)
        if not config.asks(f"model.{f.name}") or wanted == there:
            continue
        if f.name not in NOT_WEIGHTS:
            raise UserError(
                f"train.model.{f.name} is {wanted}, but the model to start from has {there}, and fine-tuning cannot change "
                f"its architecture; leave the setting out, or train from nothing (--from nothing)"
            )
        changed[f.name] = wanted
    return replace(base, **changed)
