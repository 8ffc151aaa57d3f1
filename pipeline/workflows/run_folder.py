"""Writes run folders: their settings first, their manifest last."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chem_vae.progress import Progress
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.runs import Run


@contextmanager
def writing(
    workspace: Path,
    name: str,
    model: TrainedModel,
    dataset: Dataset | None,
    asked: Mapping[str, Any],
    progress: Progress,
) -> Iterator[Run]:
    """A new run folder with its config.json, to be filled and finished; gone again where that fails, so that nothing half-written
    is left to be mistaken for a run.

    config.json says how the data and the model were really made, whatever asked for them: a campaign can read it. asked: what
    was asked of the model, by the name of its table.
    """
    settings = {"name": name, "train": model.manifest["config"], **asked}
    if dataset is not None:
        settings["ingest"] = dataset.manifest["options"]
    run = Run.create(workspace, name, settings)
    progress("report", 0, 1)
    try:
        yield run
    except BaseException:
        shutil.rmtree(run.folder, ignore_errors=True)
        raise
    progress("report", 1, 1)


def seconds_of(model: TrainedModel, dataset: Dataset | None, **own: float) -> dict[str, float]:
    """What each step took: of the data and the model, made now or before, and the run's own."""
    before = {} if dataset is None else {"ingest": float(dataset.manifest["seconds"])}
    return {**before, "train": float(model.manifest["seconds"]), **own}


def made_of(model: TrainedModel, dataset: Dataset | None) -> dict[str, Any]:
    """For a manifest: which model and which data a run used."""
    about: dict[str, Any] = {
        "model": {"key": model.key, "folder": model.folder.name, "reused": model.reused},
        "dataset": None,
    }
    if dataset is not None:
        about["dataset"] = {
            "name": dataset.name,
            "key": dataset.key,
            "folder": dataset.folder.name,
            "source": dataset.manifest["source"],
            "reused": dataset.reused,
        }
    return about
