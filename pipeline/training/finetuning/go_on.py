"""Trains on a source that has grown: goes on from the model of the last night where enough is new, else uses it as it is.

The vocabulary of a model is extended in this way and not rebuilt: what the last night's model could spell keeps its numbers, and
new symbols get new ones (`chem_vae.checkpoint.Checkpoint.extended`). The vocabulary of a dataset depends on its molecules alone,
so that equal data always gives an equal dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chem_vae.errors import UserError
from chem_vae.progress import Progress, silent
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.growth import Growth, compare_datasets, explain_few, find_earlier
from pipeline.models.trained_model import KIND, TrainedModel
from pipeline.training.config import TrainConfig
from pipeline.training.finetuning.finetune import FEWEST_EPOCHS, MOST_EPOCHS, SHOWN_MOLECULES
from pipeline.training.train import list_wishes, train
from pipeline.workspace.storage.folders import read_manifest

MOST_GONE = 0.1
"""The share of the molecules that may be gone from a source; where it is more, the source was replaced and has not grown."""
MOST_GROWN = 2.0
"""How many times the molecules of the first training of a series there may be, until one begins anew..."""
MOST_NIGHTS = 30
"""...and how many trainings may go on from each other, so that small errors do not add up for ever."""
_OF_THE_BEGINNING = ("learning_rate", "warmup", "beta", "beta_schedule", "beta_warmup")


@dataclass(frozen=True)
class LastModel:
    """The model that was trained last on a source with the same settings, and what is new since."""

    model: TrainedModel
    growth: Growth | None
    """None where it was trained on the very same data."""

    @property
    def series(self) -> dict[str, Any]:
        """What its manifest says of the nights before it; that of a first training where it says nothing."""
        first = {
            "nights": 0,
            "first_molecules": self.model.card["training_molecules"],
            "alone": is_alone(self.model),
        }
        return {**first, **(self.model.manifest.get("grown") or {})}


def train_or_go_on(
    dataset: Dataset,
    config: TrainConfig,
    workspace: Path,
    progress: Progress = silent,
    say: Callable[[str], object] = lambda text: None,
) -> TrainedModel:
    """Train on a dataset, go on from the model of the last night, or use that model as it is.

    Args:
        dataset: The molecules.
        config: The settings; `go_on` and `enough_new` decide.
        workspace: The folder with the models and datasets of earlier nights.
        progress: Is told of each stage.
        say: Is told in a sentence what was decided and why.

    Raises:
        UserError, DataError, CheckpointError, BusyError: As `pipeline.training.train.train` does.
    """
    last = find_last_model(dataset, config, workspace) if config.go_on else None
    if last is None:
        return train(dataset, config, workspace, progress)
    name, growth = last.model.folder.name, last.growth
    if growth is None:
        return last.model
    series = last.series
    if growth.gone > MOST_GONE * growth.before:
        say(f"training begins anew, for the source was replaced since {name} was trained: {growth}")
        return train(dataset, config, workspace, progress)
    if growth.share < config.enough_new or not growth.new + growth.changed:
        say(f"training is skipped, and {name} is used: {explain_few(growth, config.enough_new)}")
        return last.model
    if dataset.counts["train"] >= MOST_GROWN * series["first_molecules"] or series["nights"] >= MOST_NIGHTS:
        say(
            f"training begins anew: since the first training of the series there are {dataset.counts['train']:,} training molecules "
            f"instead of {series['first_molecules']:,}, and it was gone on from {series['nights']:,} times"
        )
        return train(dataset, config, workspace, progress)
    text = f"training goes on from {name}: {growth} ({growth.share:.1%})"
    say(text)
    grown = {
        "from": last.model.key,
        "folder": name,
        "text": text,
        **growth.to_dict(),
        "nights": series["nights"] + 1,
        "first_molecules": series["first_molecules"],
        "alone": series["alone"],
    }
    further = settle_further_training(config, last.model, dataset, alone=series["alone"])
    return train(dataset, further, workspace, progress, wishes=list_wishes(config), grown=grown)


def is_alone(model: TrainedModel) -> bool:
    """Whether a model, or the series of trainings that it ends, began from nothing."""
    return bool((model.manifest.get("grown") or {}).get("alone", not model.card.get("base")))


def find_last_model(dataset: Dataset, config: TrainConfig, workspace: Path) -> LastModel | None:
    """Find the model that was trained last on the same source with the same settings, on the very same data first.

    Returns:
        The model with what is new since; None where there is none, or where its dataset is no longer there to compare with.
    """
    for folder, data in _list_candidates(dataset, config, workspace):
        try:
            model = TrainedModel.open(folder, reused=True, workspace=workspace)
            if model.is_trained_on(dataset):
                return LastModel(model, None)
            return LastModel(model, compare_datasets(Dataset.open(data), dataset))
        except UserError:  # damaged: the next one, or a training from the start
            continue
    return None


def _list_candidates(dataset: Dataset, config: TrainConfig, workspace: Path) -> Iterator[tuple[Path, Path]]:
    """List the folders of models that the same settings made of the same source, and of their datasets; the best first."""
    wishes, found = list_wishes(config), []
    options = IngestConfig.model_validate(dataset.manifest["options"])
    known = {folder.name: folder for folder in find_earlier(options, workspace / "datasets")}
    known[dataset.folder.name] = dataset.folder
    for mark in (workspace / "models").glob("*/manifest.json"):
        try:
            manifest = read_manifest(mark.parent, KIND)
            about = manifest["card"]["dataset"]
            if manifest.get("wishes") == wishes and about["folder"] in known:
                order = about["key"] == dataset.key, str(manifest["card"].get("created", ""))
                found.append((order, mark.parent, known[about["folder"]]))
        except (UserError, KeyError, TypeError):
            continue
    yield from ((folder, data) for _, folder, data in sorted(found, reverse=True))


def settle_further_training(config: TrainConfig, last: TrainedModel, dataset: Dataset, *, alone: bool) -> TrainConfig:
    """Make the settings of a training that goes on from the last model.

    What the user gave holds, and else what is usual for fine-tuning. Where the series began from nothing, its molecules are all
    in the dataset, and none is replayed; how fast it was to learn then (_OF_THE_BEGINNING) would undo what was learned.

    Args:
        config: The settings of the last training, or of all in the series.
        last: The model to go on from.
        dataset: The molecules, with those that the model was trained on.
        alone: Whether the series began from nothing (`is_alone`).
    """
    replay = 0.0 if alone else config.replay
    if config.base is not None:
        return TrainConfig.model_validate(
            {**config.model_dump(mode="json"), "start": str(last.folder), "replay": replay}
        )
    further = config.start_from(str(last.folder))
    if alone:
        given = further.model_dump(mode="json")
        given["training"] = {k: v for k, v in given["training"].items() if k not in _OF_THE_BEGINNING}
        further = TrainConfig.model_validate({k: v for k, v in given.items() if k != "model"})
    training = further.training
    if training.epochs is not None:  # not more than were asked for, and not more than fine-tuning takes
        at_once = max(1.0, dataset.counts["train"] / (1 - replay))
        few = int(np.clip(round(SHOWN_MOLECULES / at_once), FEWEST_EPOCHS, MOST_EPOCHS))
        training = replace(training, epochs=min(training.epochs, few))
    return further.model_copy(update={"replay": replay, "training": training})
