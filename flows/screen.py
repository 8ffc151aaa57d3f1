"""The flow `screen`: from a library and a model to the molecules that are worth measuring, and their report."""

from __future__ import annotations

from pathlib import Path

from flows.artifacts import show_run, track_progress
from flows.tasks import declare_flow, declare_task
from pipeline.config import CampaignConfig
from pipeline.generation.config import GenerateConfig, ScreenConfig
from pipeline.workflows.checks.require_hits import require_hits
from pipeline.workspace.lookup import find_model


@declare_task("screen")
def screen_molecules(model: str, config: CampaignConfig, workspace: Path, hit_score: float | None = None) -> str:
    """Screen a library with a model folder and return the run's folder.

    Args:
        model: The model's folder.
        config: Its `name`, its `library` and its tables `generate` and `screen` are followed.
        workspace: The folder in which datasets, models and runs are kept.
        hit_score: The score (0 to 1) from which on the best candidate is told as a hit, to which automations of Prefect can answer.
    """
    # Here: a worker that only looks at the flow does not wait for torch and RDKit.
    from pipeline.models.trained_model import TrainedModel
    from pipeline.workflows.screen_run import screen_run

    assert config.screen is not None
    with track_progress() as progress:
        opened = TrainedModel.open(Path(model), workspace=workspace)
        run = screen_run(
            opened, None, config.generate, config.screen, workspace, config.name, progress, library=config.library,
            overall=config.list_overall(),
        )  # fmt: skip
    show_run(run, hit_score)
    return str(run.folder)


@declare_flow("screen")
def screen(
    library: ScreenConfig,
    config: GenerateConfig,
    model: str | None = None,
    workspace: Path = Path("workspace"),
    name: str = "screen",
    hit_score: float | None = None,
    candidate_library: str | None = None,
    fail_under: int | None = None,
    dask: str | None = None,
    publish: str | None = None,
) -> str:
    """Choose the molecules of a library that are worth measuring, and report on them.

    Args:
        library: The settings of the table `screen`: the file of molecules, and how it is read.
        config: The settings of the table `generate`: what is wanted.
        model: A run or model folder, a run's id, a model's key, or `latest`; when not given, the latest or a shipped one.
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
        name=name, generate=config, screen=library, library=candidate_library, fail_under=fail_under, dask=dask,
        publish=publish,
    )  # fmt: skip
    made = screen_molecules(folder, whole, workspace, hit_score, return_state=True).result()
    require_hits(Path(made), fail_under)
    return made
