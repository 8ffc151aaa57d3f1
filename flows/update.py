"""The flow `update`: add new measurements to a run's data, train on all of them, and propose the next batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import get_run_logger

from flows.artifacts import show_measurements, show_run, track_progress
from flows.deployment.events import NOTHING_NEW, emit
from flows.tasks import declare_flow, declare_task
from pipeline.workflows.checks.require_hits import require_hits
from pipeline.workspace.lookup import find_run


@declare_task("update", downloads=True)
def propose_next(
    run: str,
    data: str,
    settings: dict[str, Any] | None,
    workspace: Path,
    smiles_column: str | None,
    hit_score: float | None = None,
) -> str:
    """Go on from the run's folder and return the next run's folder, or its own where nothing new was measured."""
    from pipeline.config import load_config  # here: loads torch and rdkit
    from pipeline.workflows.new_measurements import OTHER_FILE
    from pipeline.workflows.update import NoNewMeasurementsError
    from pipeline.workflows.update import update as next_round
    from pipeline.workspace.runs import Run

    earlier = Run.open(run, workspace)
    config = load_config(earlier.folder / "config.json", {**OTHER_FILE, **(settings or {})})
    try:
        with track_progress() as progress:
            made = next_round(earlier, data, workspace, smiles_column=smiles_column, config=config, progress=progress)
    except NoNewMeasurementsError as nothing:
        # As on most days of a schedule: no failure, and no batch beside the one under way.
        get_run_logger().info("%s", nothing)
        emit(NOTHING_NEW, earlier.id, f"nothing new was measured: {nothing}")
        return str(earlier.folder)
    show_measurements(made)
    show_run(made.run, hit_score)
    require_hits(made.run.folder, config.fail_under)
    return str(made.run.folder)


@declare_flow("update")
def update(
    data: str,
    run: str = "latest",
    settings: dict[str, Any] | None = None,
    workspace: Path = Path("workspace"),
    smiles_column: str | None = None,
    hit_score: float | None = None,
    publish: str | None = None,
) -> str:
    """Propose the next batch from new measurements.

    Args:
        data: A file or URL with SMILES and the measured columns, named as in the run.
        run: A run's folder, id or name, or `latest`.
        settings: The settings that differ from the run's own, by dotted key, e.g. {"generate.n": 50}.
        workspace: The folder in which datasets, models and runs are kept.
        smiles_column: The column of SMILES; found by its name when not given.
        hit_score: The score (0 to 1) from which on the best candidate is told as a hit, to which automations of Prefect can answer.
        publish: The folder of a storage that finished folders are copied to; that of the run, or of CHEM_VAE_PUBLISH, when not given.

    Returns:
        The new run's folder; the earlier run's where the file holds nothing new.
    """
    folder = str(find_run(run, workspace, optimization=False))
    if publish is not None:
        settings = {**(settings or {}), "publish": publish}
    return propose_next(folder, data, settings, workspace, smiles_column, hit_score, return_state=True).result()
