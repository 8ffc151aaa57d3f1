"""The flow `optimize`: from a model and an oracle to the best molecules that a number of calls finds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture

from flows.artifacts import show_run, watched
from flows.prefect_errors import plain_failure
from pipeline.optimization.config import OptimizeConfig


@task(name="ask the oracle", cache_policy=NO_CACHE, persist_result=False)
def ask_oracle(ask: Callable[[list[str]], int], batch: list[str]) -> int:
    """Have one batch of SMILES scored. The calls are counted, logged and tried again by the ledger behind `ask`."""
    return ask(batch)


def through_task_runner(parallel: int) -> Callable[[Callable[[list[str]], int], list[list[str]]], Iterable[int]]:
    """A map over the oracle's batches: each is a task of the flow's task runner, `parallel` of them at once."""

    def over(ask: Callable[[list[str]], int], batches: list[list[str]]) -> Iterator[int]:
        under_way: deque[PrefectFuture[int]] = deque()

        def first() -> int:
            number = under_way[0].result()  # it stays among those to wait for until it has answered
            under_way.popleft()
            return number

        try:
            for batch in batches:
                if len(under_way) == parallel:
                    yield first()
                under_way.append(ask_oracle.submit(ask, batch))
            while under_way:
                yield first()
        finally:
            for future in under_way:  # also after an error: what is under way is paid, and its log is still open
                future.wait()

    return over


@task(name="optimize", cache_policy=NO_CACHE)
@plain_failure
def optimize_molecules(
    model: str, config: OptimizeConfig, workspace: Path, name: str, resume: str | None = None
) -> str:
    """Optimize with the model folder and return the run's folder. resume: a finished run's folder to go on from."""
    from pipeline.models.trained_model import TrainedModel
    from pipeline.workflows.optimize_run import optimize_run
    from pipeline.workspace.runs import Run

    parallel = config.oracle.parallel if config.oracle is not None else 1
    with watched() as progress:
        run = optimize_run(
            TrainedModel.open(Path(model), workspace=workspace),
            config,
            workspace,
            name,
            progress,
            map=through_task_runner(parallel) if parallel > 1 else None,
            resume=Run.open(resume, workspace, optimization=True) if resume else None,
        )
    show_run(run)
    return str(run.folder)


@flow(name="optimize")
@plain_failure
def optimize(
    model: str,
    config: OptimizeConfig,
    workspace: Path = Path("workspace"),
    name: str = "optimize",
    resume: str | None = None,
) -> str:
    """Spend the oracle's budget on molecules that score ever better, and return the run's folder.

    model: a run or model folder, a run's id, a model's key, or `latest`. A run that was killed goes on where it stopped,
    and asks about no answered molecule again. resume: a finished run whose calls are known from the start.
    """
    from pipeline.workspace.lookup import model_folder

    folder = str(model_folder(model, workspace))
    return optimize_molecules(folder, config, workspace, name, resume, return_state=True).result()
