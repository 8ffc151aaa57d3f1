"""The flow `ingest`: from a file, a URL or a named dataset to a dataset folder."""

from __future__ import annotations

from pathlib import Path

from flows.artifacts import show_dataset, track_progress
from flows.tasks import declare_flow, declare_task
from flows.terminal import note
from pipeline.datasets.config import IngestConfig

DEFAULT = IngestConfig()


@declare_task("ingest", downloads=True)
def ingest_dataset(config: IngestConfig, workspace: Path) -> str:
    """Ingest and return the dataset's folder; a retry goes on where the download broke off."""
    from pipeline.datasets.ingest import ingest as ingest_source  # here: loads rdkit and pandas

    with track_progress() as progress:
        dataset = ingest_source(config, workspace, progress)
    if dataset.reused:
        note(f"reused: the data ingested before, {dataset.folder}")
    show_dataset(dataset)
    return str(dataset.folder)


@declare_flow("ingest")
def ingest(
    config: IngestConfig = DEFAULT,
    workspace: Path = Path("workspace"),
    dask: str | None = None,
    publish: str | None = None,
) -> str:
    """Ingest a source into a workspace.

    Args:
        config: The settings of the table `ingest`.
        workspace: The folder in which datasets, models and runs are kept.
        dask: The address of a Dask scheduler to whose workers the parallel work goes; CHEM_VAE_DASK gives it when not given.
        publish: The folder of a storage that finished folders are copied to; that of CHEM_VAE_PUBLISH when not given.

    Returns:
        The dataset's folder.
    """
    return ingest_dataset(config, workspace, return_state=True).result()
