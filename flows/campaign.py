"""The flow `campaign`: ingest, train, generate and report in one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from flows.generate import generate_candidates
from flows.ingest import ingest_dataset
from flows.tasks import declare_flow
from flows.train import train_model
from pipeline.config import CampaignConfig
from pipeline.datasets.dataset import Dataset
from pipeline.workflows.checks.preflight import check_goals, check_request, check_start
from pipeline.workflows.checks.require_hits import require_hits

DEFAULT = CampaignConfig()


@declare_flow("campaign")
def campaign(
    config: CampaignConfig = DEFAULT, workspace: Path = Path("workspace"), hit_score: float | None = None
) -> str:
    """Run the whole job: ingest, train, generate and report.

    Three tasks hand over folders. Dataset and model are named after the hash of what they were made from, so that a
    second run reuses them and says so in its artifacts; a run that was killed goes on where it stopped.

    Args:
        config: The settings of all steps.
        workspace: The folder in which datasets, models and runs are kept.
        hit_score: The score (0 to 1) from which on the best candidate is told as a hit, to which automations of Prefect can answer.

    Returns:
        The run's folder, in which report.html lies.
    """
    begun = datetime.now(UTC)
    check_request(config)
    check_start(config, workspace)
    dataset = ingest_dataset(config.ingest, workspace, return_state=True).result()
    check_goals(config, Dataset.open(dataset))
    model = train_model(dataset, config.train, workspace, nightly=True, return_state=True).result()
    folder = generate_candidates(
        model, dataset, config, workspace, config.ingest.source, hit_score, begun, return_state=True
    ).result()
    require_hits(Path(folder), config.fail_under)
    return folder
