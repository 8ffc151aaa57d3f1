"""The flow `train`: from a dataset folder to a model folder."""

from __future__ import annotations

from pathlib import Path

from flows.artifacts import show_model, track_progress
from flows.tasks import declare_flow, declare_task
from flows.terminal import note
from pipeline.training.config import TrainConfig
from pipeline.workspace.lookup import find_dataset

DEFAULT = TrainConfig()


@declare_task("train")
def train_model(dataset: str, config: TrainConfig, workspace: Path) -> str:
    """Train on the dataset folder and return the model's folder.

    Not retried: the same data and seed would fail in the same way. A killed training goes on from its last checkpoint
    when the flow is run again; a finished one is found by the hash of its data and settings and reused.
    """
    from pipeline.datasets.dataset import Dataset  # here: loads lightning and torch
    from pipeline.training.train import train as train_on

    with track_progress() as progress:
        model = train_on(Dataset.open(Path(dataset)), config, workspace, progress)
    if model.reused:
        note(f"reused: the model trained before, {model.folder}")
    show_model(model)
    return str(model.folder)


@declare_flow("train")
def train(dataset: str = "latest", config: TrainConfig = DEFAULT, workspace: Path = Path("workspace")) -> str:
    """Train a model, or fine-tune the one that `config.start` names.

    Args:
        dataset: A dataset folder, the name of a dataset in the workspace, or `latest`.
        config: The settings of the table `train`.
        workspace: The folder in which datasets, models and runs are kept.

    Returns:
        The model's folder.
    """
    folder = str(find_dataset(dataset, workspace))
    return train_model(folder, config, workspace, return_state=True).result()
