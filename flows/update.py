"""The flow `update`: new measurements join a run's data, the model learns from all of them, the next batch is proposed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import show_measurements, show_run, watched
from flows.prefect_errors import plain_failure, worth_a_retry


@task(
    name="update",
    retries=3,
    retry_delay_seconds=[5, 20, 60],
    retry_jitter_factor=0.2,
    retry_condition_fn=worth_a_retry,
    cache_policy=NO_CACHE,
)
@plain_failure
def propose_next(
    run: str, data: str, settings: dict[str, Any] | None, workspace: Path, smiles_column: str | None
) -> str:
    """Go on from the run's folder and return the next run's, or its own where nothing new was measured. Retried when a download breaks off."""
    from pipeline.config import load_config
    from pipeline.workflows.update import NothingNew
    from pipeline.workflows.update import update as next_round
    from pipeline.workspace.runs import Run

    earlier = Run.open(run, workspace)
    config = load_config(earlier.folder / "config.json", settings)
    try:
        with watched() as progress:
            made = next_round(earlier, data, workspace, smiles_column=smiles_column, config=config, progress=progress)
    except NothingNew as nothing:  # as on most days of a schedule: no failure, and no batch beside the one under way
        get_run_logger().info("%s", nothing)
        return str(earlier.folder)
    show_measurements(made)
    show_run(made.run)
    return str(made.run.folder)


@flow(name="update")
@plain_failure
def update(
    data: str,
    run: str = "latest",
    settings: dict[str, Any] | None = None,
    workspace: Path = Path("workspace"),
    smiles_column: str | None = None,
) -> str:
    """Propose the next batch from new measurements, and return the new run's folder; where the file holds nothing new, the run's.

    data: a file (or URL) with SMILES and the measured columns, named as in the run. run: a run's folder, id or name, or
    `latest`. settings: what is to differ from the run's own, by dotted key, e.g. {"generate.n": 50}.
    """
    from pipeline.workspace.lookup import run_folder

    folder = str(run_folder(run, workspace, optimization=False))
    return propose_next(folder, data, settings, workspace, smiles_column, return_state=True).result()
