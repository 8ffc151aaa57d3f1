"""The flow `train`: from a dataset folder to a model folder."""

from __future__ import annotations

from pathlib import Path

from prefect import get_run_logger

from flows.artifacts import show_model, track_progress
from flows.tasks import declare_flow, declare_task
from flows.terminal import note
from pipeline.training.config import TrainConfig
from pipeline.workspace.lookup import find_dataset
from pipeline.workspace.remote.redaction import redact
from pipeline.workspace.run_log import add_to_log

DEFAULT = TrainConfig()


@declare_task("train")
def train_model(dataset: str, config: TrainConfig, workspace: Path, nightly: bool = False) -> str:
    """Train on the dataset folder and return the model's folder.

    Not retried: the same data and seed would fail in the same way. A killed training goes on from its last checkpoint
    when the flow is run again; a finished one is found by the hash of its data and settings and reused.

    Args:
        dataset: The dataset's folder.
        config: The settings.
        workspace: The folder in which datasets, models and runs are kept.
        nightly: Go on from the model of the last night, or use it as it is (`pipeline.training.finetuning.go_on`).
    """
    from pipeline.datasets.dataset import Dataset  # here: loads torch
    from pipeline.training.finetuning.go_on import train_or_go_on
    from pipeline.training.train import train as train_on

    opened = Dataset.open(Path(dataset))
    with track_progress() as progress:
        if nightly:
            model = train_or_go_on(opened, config, workspace, progress, _log)
        else:
            model = train_on(opened, config, workspace, progress)
    if model.reused:
        note(f"reused: the model trained before, {model.folder}")
    show_model(model)
    return str(model.folder)


def _log(text: str) -> None:
    """Write a sentence into the log of the run, in Prefect and in its folder."""
    add_to_log(text)
    get_run_logger().info("%s", redact(text))


@declare_flow("train")
def train(
    dataset: str = "latest",
    config: TrainConfig = DEFAULT,
    workspace: Path = Path("workspace"),
    publish: str | None = None,
) -> str:
    """Train a model, or fine-tune the one that `config.start` names.

    Args:
        dataset: A dataset folder, the name of a dataset in the workspace, or `latest`.
        config: The settings of the table `train`.
        workspace: The folder in which datasets, models and runs are kept.
        publish: The folder of a storage that finished folders are copied to; that of CHEM_VAE_PUBLISH when not given.

    Returns:
        The model's folder.
    """
    folder = str(find_dataset(dataset, workspace))
    return train_model(folder, config, workspace, return_state=True).result()
