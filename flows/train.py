"""The flow `train`: from a dataset folder to a model folder."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import show_model, watched
from flows.prefect_errors import plain_failure
from flows.terminal import note
from pipeline.training.config import TrainConfig

DEFAULT = TrainConfig()


@task(name="train", cache_policy=NO_CACHE)
@plain_failure
def train_model(dataset: str, config: TrainConfig, workspace: Path) -> str:
    """Train on the dataset folder and return the model's folder.

    Not retried: the same data and seed would fail the same way. A killed training goes on from its last checkpoint
    when the flow is run again, and a finished one is found by the hash of its data and settings and reused.
    """
    from pipeline.datasets.dataset import Dataset
    from pipeline.training.train import train as train_on

    with watched() as progress:
        model = train_on(Dataset.open(Path(dataset)), config, workspace, progress)
    if model.reused:
        note(f"reused: the model trained before, {model.folder}")
    show_model(model)
    return str(model.folder)


@flow(name="train")
@plain_failure
def train(dataset: str = "latest", config: TrainConfig = DEFAULT, workspace: Path = Path("workspace")) -> str:
    """Train a model and return its folder.

    dataset: a dataset folder, the name of a dataset in the workspace, or `latest`. `config.start` names a finished
    model to go on from.
    """
    from pipeline.workspace.lookup import dataset_folder

    folder = str(dataset_folder(dataset, workspace))
    return train_model(folder, config, workspace, return_state=True).result()
