"""The whole job: ingest, train, generate, report; and the run folder that keeps it."""

from __future__ import annotations

from pathlib import Path

from chem_vae.progress import Progress, silent
from pipeline.config import CampaignConfig
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.preflight import check_request, check_start
from pipeline.workspace.runs import Run


def campaign(config: CampaignConfig, workspace: Path, progress: Progress = silent) -> Run:
    """Ingest, train and generate, each reusing what the same inputs gave before, and write the report."""
    # Here: to generate alone takes neither, nor the seconds that Lightning takes to load.
    from pipeline.datasets.ingest import ingest
    from pipeline.training.train import train

    check_request(config)
    check_start(config, workspace)
    dataset = ingest(config.ingest, workspace, progress)
    model = train(dataset, config.train, workspace, progress)
    return generate_run(model, dataset, config.generate, workspace, config.name, progress)
