"""Checks in the evening what a scheduled run will need at night: data, model, oracle, disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chem_vae.errors import DataError
from pipeline.config import CampaignConfig, load_config
from pipeline.models.trained_model import TrainedModel
from pipeline.workflows.checks.model_check import check_choosing, check_generating, check_next_round, check_optimizing
from pipeline.workflows.checks.preflight import check_generation, check_optimization, check_request, check_start
from pipeline.workflows.new_measurements import OTHER_FILE
from pipeline.workspace.lookup import find_dataset, find_model, find_run
from pipeline.workspace.registry import check_file, list_datasets
from pipeline.workspace.remote.downloads import find_address, is_web_address
from pipeline.workspace.remote.publishing import check_target, find_target
from pipeline.workspace.remote.remote_files import check_there
from pipeline.workspace.storage.disk_space import check_writable

NIGHT_BYTES = 200_000_000
"""The room on the disk without which no night is begun: a small dataset, a model and some runs."""


def check_night(
    flow: str,
    config: CampaignConfig,
    workspace: Path,
    *,
    dataset: str,
    model: str | None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Check that a scheduled run of a flow finds what it needs.

    A download from a web server is not tried, and the file of measurements of `update` may come later.

    Args:
        flow: The flow's name.
        config: The settings of all steps.
        workspace: The folder in which datasets, models and runs are kept.
        dataset: The dataset that `train` trains on.
        model: The model that `generate`, `screen` and `optimize` work with; the run that `update` goes on from.
        settings: Settings for `update` by dotted key, on top of the run's own.

    Raises:
        UserError: Something is not there, cannot be read, or cannot be written to; the disk has not enough room; what is wanted is
            unknown to the model.
        DataError: A file or folder is missing or damaged.
    """
    check_writable(workspace, NIGHT_BYTES, "a scheduled run")
    if (address := find_target(config.publish, workspace)) is not None:
        check_target(address, workspace)
    if flow in ("campaign", "train", "update"):
        check_start(config, workspace)
    if flow == "campaign":
        check_request(config)
    if flow in ("campaign", "ingest"):
        check_source(config.ingest.source)
    if flow == "train":
        find_dataset(dataset, workspace)
    if flow == "update":
        run = find_run(model or "latest", workspace, optimization=False)
        config = load_config(run / "config.json", {**OTHER_FILE, **(settings or {})})  # as the flow itself does
        model = str(run)
    if flow in ("screen", "update") and config.screen is not None:
        check_source(config.screen.library)
    if flow in ("generate", "screen", "update", "optimize"):
        check_wishes(flow, config, model, workspace)


def check_source(source: str) -> None:
    """Check that a local file of molecules is there, or a storage's; a named dataset and a web address are fetched when they are needed.

    Raises:
        DataError: The file is missing or empty, or may not be read.
        UserError: The package of the storage is not installed.
        ChemVAEError: The storage does not answer.
    """
    if source in list_datasets():
        return
    if (address := find_address(source)) is not None:
        if not is_web_address(address):
            check_there(address)
        return
    path = Path(source).expanduser()
    check_file(path)
    if not path.stat().st_size:
        raise DataError(f"{path} is empty")


def check_wishes(flow: str, config: CampaignConfig, model: str | None, workspace: Path) -> None:
    """Check that a model is there and whole, and that it knows what is wanted.

    Raises:
        DataError: There is none.
        UserError: The name or what is wanted is unknown to it, or cannot be met.
        CheckpointError: The model is damaged.
    """
    opened = TrainedModel.open(find_model(model, workspace), workspace=workspace)
    if flow == "optimize" and config.optimize is not None:
        check_optimization(config.optimize)
        check_optimizing(config.optimize, opened)
        return
    check_generation(config.generate)
    if flow == "generate":
        check_generating(config.generate, opened)
    elif flow == "screen":
        check_choosing(config.generate, opened)
    elif flow == "update":
        check_next_round(config, opened)
