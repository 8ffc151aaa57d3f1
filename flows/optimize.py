"""The flow `optimize`: from a model and an oracle to the best molecules that a number of oracle calls finds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture

from flows.artifacts import show_run, track_progress
from flows.tasks import declare_flow, declare_task
from pipeline.config import CampaignConfig
from pipeline.optimization.config import OptimizeConfig
from pipeline.workflows.checks.require_hits import require_hits
from pipeline.workspace.lookup import find_model
from pipeline.workspace.runs import Run


@task(name="ask the oracle", cache_policy=NO_CACHE, persist_result=False)
def ask_oracle(ask: Callable[[list[str]], int], batch: list[str]) -> int:
    """Score one batch of SMILES. The ledger behind `ask` counts, logs and retries the calls."""
    return ask(batch)


def map_with_tasks(parallel: int) -> Callable[[Callable[[list[str]], int], Iterable[list[str]]], Iterable[int]]:
    """Return a map over an oracle's batches in which each batch is a Prefect task, `parallel` of them at once."""

    def map_batches(ask: Callable[[list[str]], int], batches: Iterable[list[str]]) -> Iterator[int]:
        under_way: deque[PrefectFuture[int]] = deque()

        def wait_for_first() -> int:
            number = under_way[0].result()  # it stays among those to wait for until it has answered
            under_way.popleft()
            return number

        try:
            for batch in batches:
                if len(under_way) == parallel:
                    yield wait_for_first()
                under_way.append(ask_oracle.submit(ask, batch))
            while under_way:
                yield wait_for_first()
        finally:
            for future in under_way:  # also after an error: what is under way is paid, and its log is still open
                future.wait()

    return map_batches


@declare_task("optimize")
def optimize_molecules(
    model: str,
    config: CampaignConfig,
    workspace: Path,
    resume: str | None = None,
    hit_score: float | None = None,
) -> str:
    """Optimize with a model folder and return the run's folder.

    Args:
        model: The model's folder.
        config: Its `name`, its `library` and its table `optimize` are followed.
        workspace: The folder in which datasets, models and runs are kept.
        resume: The folder of a finished optimization to go on from.
        hit_score: The score (0 to 1) from which on the best candidate is told as a hit, to which automations of Prefect can answer.
    """
    from pipeline.models.trained_model import TrainedModel  # here: loads torch and rdkit
    from pipeline.workflows.optimize_run import optimize_run

    asked = config.optimize
    assert asked is not None
    parallel = asked.oracle.parallel if asked.oracle is not None else 1
    with track_progress() as progress:
        run = optimize_run(
            TrainedModel.open(Path(model), workspace=workspace),
            asked,
            workspace,
            config.name,
            progress,
            map=map_with_tasks(parallel) if parallel > 1 else None,
            resume=Run.open(resume, workspace, optimization=True) if resume else None,
            library=config.library,
            overall=config.list_overall(),
        )
    show_run(run, hit_score)
    return str(run.folder)


@declare_flow("optimize")
def optimize(
    model: str | None,
    config: OptimizeConfig,
    workspace: Path = Path("workspace"),
    name: str = "optimize",
    resume: str | None = None,
    hit_score: float | None = None,
    candidate_library: str | None = None,
    fail_under: int | None = None,
    dask: str | None = None,
    publish: str | None = None,
) -> str:
    """Spend a budget of oracle calls on molecules that score ever better.

    A run that was killed goes on where it stopped, and asks about no answered molecule again.

    Args:
        model: A run or model folder, a run's id, a model's key, or `latest`; None is the latest or a shipped one.
        config: The settings of the table `optimize`.
        workspace: The folder in which datasets, models and runs are kept.
        name: The run's name.
        resume: A finished optimization to go on from; its calls are known from the start.
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
        name=name, optimize=config, library=candidate_library, fail_under=fail_under, dask=dask, publish=publish
    )
    made = optimize_molecules(folder, whole, workspace, resume, hit_score, return_state=True).result()
    require_hits(Path(made), fail_under)
    return made
