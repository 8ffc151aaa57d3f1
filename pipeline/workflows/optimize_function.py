"""Optimizes from Python with a model, a function and a number of calls."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from chem_vae.errors import UserError
from chem_vae.progress import Progress, silent
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.objectives.aims import collect_objectives
from pipeline.objectives.config import Objective
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import optimize as run_loop
from pipeline.optimization.result import Optimization, explain_full_scaffolds
from pipeline.oracles.base import Oracle
from pipeline.oracles.function import FunctionOracle
from pipeline.workflows.checks.preflight import check_optimization
from pipeline.workflows.optimize_run import annotate_candidates


def optimize(
    model: TrainedModel | str | Path,
    oracle: Oracle | Callable[[list[str]], Any] | None = None,
    calls: int | None = None,
    *,
    endpoints: str | Sequence[str] = ("score",),
    timeout: float | None = None,
    retries: int | None = None,
    oracle_batch: int | None = None,
    target: Mapping[str, float] | None = None,
    maximize: str | Iterable[str] = (),
    minimize: str | Iterable[str] = (),
    config: OptimizeConfig | None = None,
    folder: str | Path | None = None,
    dataset: Dataset | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> Optimization:
    """Search for the best molecules that a number of oracle calls finds.

    >>> found = optimize("moses", oracle=my_function, calls=500)  # doctest: +SKIP
    >>> found.to_frame().head(10), found.curve()  # doctest: +SKIP

    Args:
        model: The trained model, or what `load_model` takes.
        oracle: An Oracle, or a function from a list of SMILES to a number (None: failed) or a dictionary by endpoint for each;
            the computed properties of the objectives when None.
        calls: The number of oracle calls.
        endpoints: The names of what a function measures; each as high as possible without other objectives.
        timeout: Seconds for a batch. After them the batch fails, and the function is left alone: a thread cannot be stopped.
        retries: How often a batch that failed is tried again; 1 when None.
        oracle_batch: The number of molecules handed to the oracle at once.
        target: Target values by endpoint or computed property.
        maximize: Names of endpoints or computed properties that are to be high.
        minimize: Names of endpoints or computed properties that are to be low.
        config: The settings of the search.
        folder: Where each call is written when it is paid, so that the same request goes on after a crash; a temporary
            folder when None.
        dataset: The model's dataset; found beside the model when None.
        progress: Told each stage of the work.
        **settings: Further fields of OptimizeConfig by name.

    Returns:
        Every call and the annotated candidates.

    Raises:
        UserError: The request cannot be carried out.
        OracleError: The oracle fails for good.
    """
    if not isinstance(model, TrainedModel):
        model = load_model(model)
    asked: dict[str, Any] = {} if config is None else config.model_dump()
    asked |= {**settings, **({} if calls is None else {"oracle_calls": calls})}
    asked["objectives"] = {**asked.get("objectives", {}), **collect_objectives(target, maximize, minimize)}
    options = {k: v for k, v in {"retries": retries, "batch_size": oracle_batch}.items() if v is not None}
    if oracle is None and (options or timeout is not None):
        raise UserError(
            "timeout, retries and oracle_batch go with an oracle given here; else say them in the config's oracle"
        )
    if isinstance(oracle, Oracle):
        if timeout is not None:
            raise UserError("a timeout goes with a function; an Oracle has its own")
    elif oracle is not None:
        function, oracle = oracle, FunctionOracle(oracle, endpoints)
        if timeout is not None:
            oracle = FunctionOracle(_limit_time(timeout, function), oracle.endpoints, oracle.name)
            oracle.timeout = timeout  # so that batches are kept short enough
    options_given = None
    if oracle is not None:
        asked["oracle"], options_given = None, options
        asked["objectives"] = asked["objectives"] or {e: Objective(maximize=True) for e in oracle.endpoints}
    whole = OptimizeConfig.from_values(asked)
    check_optimization(whole)
    dataset = dataset or model.dataset()
    with tempfile.TemporaryDirectory(prefix="chem-vae-") as temporary:
        place = Path(folder) if folder is not None else Path(temporary)
        found = run_loop(model, whole, place, oracle=oracle, dataset=dataset, options=options_given, progress=progress)
        found.candidates = annotate_candidates(found, model, dataset, progress).drop(columns=["z", "molecule"])
        found.warnings += explain_full_scaffolds(found.candidates, whole)
    return found


def _limit_time(seconds: float, function: Callable[[list[str]], Any]) -> Callable[[list[str]], Any]:
    """Wrap a function so that it raises TimeoutError where it takes longer."""

    def timed(smiles: list[str]) -> Any:
        answer: Future[Any] = Future()

        def work() -> None:
            try:
                answer.set_result(function(smiles))
            except BaseException as error:
                answer.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        try:
            return answer.result(seconds)
        except TimeoutError:
            if answer.done():
                raise  # the function itself raised it
            raise TimeoutError(f"no answer within {seconds:g} s") from None

    return timed
