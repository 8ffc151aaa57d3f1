"""The flow `ingest`: from a file, a URL or a named dataset to a dataset folder."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import show_dataset, watched
from flows.prefect_errors import plain_failure, worth_a_retry
from flows.terminal import note
from pipeline.datasets.config import IngestConfig

DEFAULT = IngestConfig()


@task(
    name="ingest",
    retries=3,
    retry_delay_seconds=[5, 20, 60],
    retry_jitter_factor=0.2,
    retry_condition_fn=worth_a_retry,
    cache_policy=NO_CACHE,
)
@plain_failure
def ingest_dataset(config: IngestConfig, workspace: Path) -> str:
    """Ingest and return the dataset's folder. Retried when a download breaks off; a retry goes on where it stopped.

    Prefect's own cache is off: the dataset folder is named after the hash of the source's content and of the options,
    so `pipeline.datasets.ingest` finds a finished one, checks that it is whole, and reuses it, with or without Prefect.
    """
    from pipeline.datasets.ingest import ingest as ingest_source

    with watched() as progress:
        dataset = ingest_source(config, workspace, progress)
    if dataset.reused:
        note(f"reused: the data ingested before, {dataset.folder}")
    show_dataset(dataset)
    return str(dataset.folder)


@flow(name="ingest", validate_parameters=True)
@plain_failure
def ingest(config: IngestConfig = DEFAULT, workspace: Path = Path("workspace")) -> str:
    """Ingest a source into a workspace and return the dataset's folder.

    Fails with one plain sentence where the source or the options are wrong.
    """
    return ingest_dataset(config, workspace, return_state=True).result()
