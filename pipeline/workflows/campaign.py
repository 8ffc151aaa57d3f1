"""Runs a whole campaign: ingest, train, generate, and the run folder with its report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from chem_vae.progress import Progress, silent
from pipeline.config import CampaignConfig
from pipeline.datasets.ingest import ingest
from pipeline.training.finetuning.go_on import train_or_go_on
from pipeline.workflows.checks.preflight import check_goals, check_request, check_start
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.records.night_account import name_run
from pipeline.workspace.runs import Run


def campaign(
    config: CampaignConfig,
    workspace: Path,
    progress: Progress = silent,
    say: Callable[[str], object] = lambda text: None,
) -> Run:
    """Ingest, train and generate, and write the run folder; a step whose inputs are unchanged is reused.

    Where the source has grown, only its new rows are standardized, and training goes on from the model of the last night
    where enough is new (`pipeline.training.finetuning.go_on`).

    Args:
        config: The settings of all steps.
        workspace: The folder that gets the dataset, the model and the run.
        progress: Told each stage of the work.
        say: Told in a sentence what is done because of the last night.

    Raises:
        UserError: The settings ask for something that the data or the model will not have.
    """
    begun = datetime.now(UTC)
    check_request(config)
    check_start(config, workspace)
    dataset = ingest(config.ingest, workspace, progress)
    check_goals(config, dataset)
    model = train_or_go_on(dataset, config.train, workspace, progress, say)
    return generate_run(
        model,
        dataset,
        config.generate,
        workspace,
        name_run(config, dataset),
        progress,
        source=config.ingest.source,
        library=config.library,
        overall=config.list_overall(),
        begun=begun,
    )
