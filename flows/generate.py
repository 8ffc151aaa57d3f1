"""The flow `generate`: from a model to ranked, validated candidates and their report."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from flows.artifacts import show_run, track_progress
from flows.tasks import declare_flow, declare_task
from pipeline.config import CampaignConfig
from pipeline.generation.config import GenerateConfig
from pipeline.workflows.checks.require_hits import require_hits
from pipeline.workspace.lookup import find_model

DEFAULT = GenerateConfig()


@declare_task("generate")
def generate_candidates(
    model: str,
    dataset: str | None,
    config: CampaignConfig,
    workspace: Path,
    source: str | None = None,
    hit_score: float | None = None,
    begun: datetime | None = None,
) -> str:
    """Generate with a model folder and return the run's folder.

    Args:
        model: The model's folder.
        dataset: The folder of the dataset to compare with; the model's own when not given.
        config: Its `name`, its `library` and its table `generate` are followed.
        workspace: The folder in which datasets, models and runs are kept.
        source: The source of a campaign: what is new in it since the last night is told.
        hit_score: The score (0 to 1) from which on the best candidate is told as a hit, to which automations of Prefect can answer.
        begun: When the ingest of a campaign began.
    """
    # Here and in the other flows: a worker that only looks at the flow does not wait for torch and RDKit.
    from pipeline.datasets.dataset import Dataset
    from pipeline.models.trained_model import TrainedModel
    from pipeline.workflows.generate_run import generate_run
    from pipeline.workflows.records.night_account import name_run

    opened = Dataset.open(Path(dataset)) if dataset else None
    with track_progress() as progress:
        run = generate_run(
            TrainedModel.open(Path(model), workspace=workspace),
            opened,
            config.generate,
            workspace,
            name_run(config, opened) if source and opened else config.name,
            progress,
            source=source,
            library=config.library,
            overall=config.list_overall(),
            begun=begun,
        )
    show_run(run, hit_score)
    return str(run.folder)


@declare_flow("generate")
def generate(
    model: str | None = None,
    config: GenerateConfig = DEFAULT,
    workspace: Path = Path("workspace"),
    name: str = "generate",
    hit_score: float | None = None,
    candidate_library: str | None = None,
    fail_under: int | None = None,
    dask: str | None = None,
    publish: str | None = None,
) -> str:
    """Generate candidates and report on them.

    Args:
        model: A run or model folder, a run's id, a model's key, or `latest`; when not given, the latest or a shipped one.
        config: The settings of the table `generate`.
        workspace: The folder in which datasets, models and runs are kept.
        name: The run's name.
        hit_score: The score (0 to 1) from which on the best candidate is told as a hit, to which automations of Prefect can answer.
        candidate_library: The database of what was proposed; that of the workspace when not given.
        fail_under: Fail, after the run is written, where fewer of its candidates than so many are within all targets.
        dask: The address of a Dask scheduler to whose workers the parallel work goes; CHEM_VAE_DASK gives it when not given.
        publish: The folder of a storage that finished folders are copied to; that of CHEM_VAE_PUBLISH when not given.

    Returns:
        The run's folder.
    """
    folder = str(find_model(model, workspace))
    whole = CampaignConfig(
        name=name, generate=config, library=candidate_library, fail_under=fail_under, dask=dask, publish=publish
    )
    made = generate_candidates(folder, None, whole, workspace, hit_score=hit_score, return_state=True).result()
    require_hits(Path(made), fail_under)
    return made
