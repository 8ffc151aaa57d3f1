"""The flow `generate`: from a model to ranked, validated candidates and their report."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import show_run, watched
from flows.prefect_errors import plain_failure
from pipeline.config import CampaignConfig
from pipeline.generation.config import GenerateConfig

DEFAULT = GenerateConfig()


@task(name="generate", cache_policy=NO_CACHE)
@plain_failure
def generate_candidates(model: str, dataset: str | None, config: CampaignConfig, workspace: Path) -> str:
    """Generate with the model folder, compare with the dataset folder (else the model's own), return the run's folder.

    Of the config, `name` and `generate` are followed.
    """
    from pipeline.datasets.dataset import Dataset
    from pipeline.models.trained_model import TrainedModel
    from pipeline.workflows.generate_run import generate_run

    with watched() as progress:
        run = generate_run(
            TrainedModel.open(Path(model)),
            Dataset.open(Path(dataset)) if dataset else None,
            config.generate,
            workspace,
            config.name,
            progress,
        )
    show_run(run)
    return str(run.folder)


@flow(name="generate")
@plain_failure
def generate(
    model: str = "latest",
    config: GenerateConfig = DEFAULT,
    workspace: Path = Path("workspace"),
    name: str = "generate",
) -> str:
    """Generate candidates and return the run's folder.

    model: a run or model folder, a run's id, a model's key, or `latest`.
    """
    from pipeline.workspace.lookup import model_folder

    folder = str(model_folder(model, workspace))
    whole = CampaignConfig(name=name, generate=config)
    return generate_candidates(folder, None, whole, workspace, return_state=True).result()
