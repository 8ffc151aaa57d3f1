"""The flow `campaign`: ingest, train, generate and report in one."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from flows.generate import generate_candidates
from flows.ingest import ingest_dataset
from flows.prefect_errors import plain_failure
from flows.train import train_model
from pipeline.config import CampaignConfig
from pipeline.workflows.preflight import check_request, check_start

DEFAULT = CampaignConfig()


@flow(name="campaign")
@plain_failure
def campaign(config: CampaignConfig = DEFAULT, workspace: Path = Path("workspace")) -> str:
    """Run the whole job and return the run's folder, in which report.html lies.

    Three tasks that hand over folders. Dataset and model are named after the hash of what they were made from, so a
    second run reuses them and says so in its artifacts; a run that was killed goes on where it stopped.
    """
    check_request(config)
    check_start(config, workspace)
    dataset = ingest_dataset(config.ingest, workspace, return_state=True).result()
    model = train_model(dataset, config.train, workspace, return_state=True).result()
    return generate_candidates(model, dataset, config, workspace, return_state=True).result()
