"""Optimizing from Python: a model, a function, a number of calls."""

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
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import optimize as optimize_in
from pipeline.optimization.result import Optimization
from pipeline.oracles.base import Oracle
from pipeline.oracles.function import FunctionOracle
from pipeline.workflows.optimize_run import annotate_candidates


def optimize(
    model: TrainedModel | str | Path,
    oracle: Oracle | Callable[[list[str]], Any] | None = None,
    calls: int | None = None,
    *,
    endpoints: Sequence[str] = ("score",),
    timeout: float | None = None,
    retries: int | None = None,
    oracle_batch: int | None = None,
    target: Mapping[str, float] | None = None,
    maximize: Iterable[str] = (),
    minimize: Iterable[str] = (),
    config: OptimizeConfig | None = None,
    folder: str | Path | None = None,
    dataset: Dataset | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> Optimization:
    """The best molecules that `calls` oracle calls find.

    >>> found = optimize("moses", oracle=my_function, calls=500)  # doctest: +SKIP
    >>> found.to_frame().head(10), found.curve()  # doctest: +SKIP

    oracle: a function from a list of SMILES to a number (None: failed) or a dictionary by endpoint for each; the computed
    properties of the objectives when not given. endpoints: what the function measures; each as high as possible unless
    `target`, `maximize`, `minimize` or `objectives` say otherwise. timeout: seconds for a batch, after which a function is
    left to itself (a thread cannot be stopped) and the batch fails. retries: of a batch that failed, 1 when not given.
    oracle_batch: molecules handed to the oracle at once. folder: where each call is written as it is paid, so that
    the same request goes on after a crash; a temporary one when not given. Any other field of OptimizeConfig by its name.

    Raises UserError for a request that cannot be carried out, and OracleError where the oracle fails for good.
    """
    if not isinstance(model, TrainedModel):
        from pipeline.models.trained_model import load_model

        model = load_model(model)
    asked: dict[str, Any] = {} if config is None else config.model_dump()
    asked |= {**settings, **({} if calls is None else {"oracle_calls": calls})}
    given = {name: Objective(target=value) for name, value in (target or {}).items()}
    given |= {name: Objective(maximize=True) for name in _names(maximize)}
    given |= {name: Objective(minimize=True) for name in _names(minimize)}
    asked["objectives"] = {**asked.get("objectives", {}), **given}
    options = {k: v for k, v in {"retries": retries, "batch_size": oracle_batch}.items() if v is not None}
    if oracle is None and (options or timeout is not None):
        raise UserError(
            "timeout, retries and oracle_batch go with an oracle given here; else say them in the config's oracle"
        )
    if isinstance(oracle, Oracle):
        if timeout is not None:
            raise UserError("a timeout goes with a function; an Oracle has its own")
    elif oracle is not None:
        function, oracle = oracle, FunctionOracle(oracle, _names(endpoints))
        if timeout is not None:
            oracle = FunctionOracle(_within(timeout, function), oracle.endpoints, oracle.name)
    told = None
    if oracle is not None:
        asked["oracle"], told = None, options
        asked["objectives"] = asked["objectives"] or {e: Objective(maximize=True) for e in oracle.endpoints}
    whole = OptimizeConfig.model_validate(asked)
    dataset = dataset or model.dataset()
    with tempfile.TemporaryDirectory(prefix="chem-vae-") as temporary:
        place = Path(folder) if folder is not None else Path(temporary)
        found = optimize_in(model, whole, place, oracle=oracle, dataset=dataset, options=told, progress=progress)
        found.candidates = annotate_candidates(found, model, dataset, progress).drop(columns=["z", "molecule"])
    return found


def _within(seconds: float, function: Callable[[list[str]], Any]) -> Callable[[list[str]], Any]:
    """The function, but TimeoutError where it takes longer."""

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
                raise  # its own
            raise TimeoutError(f"no answer within {seconds:g} s") from None

    return timed


def _names(given: Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
