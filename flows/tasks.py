"""Declares the tasks and flows: their shared settings, what is retried, how they fail, and where their warnings go."""

from __future__ import annotations

import functools
import inspect
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from prefect import Flow, Task, flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Failed

from chem_vae.errors import ChemVAEError, TooFewHitsError
from flows.deployment.failures import leave_account
from flows.deployment.night import follow_schedule
from flows.deployment.run_process import end_with_serve
from pipeline.workspace.lookup import find_run
from pipeline.workspace.remote.publishing import find_target, publish_finished
from pipeline.workspace.remote.redaction import redact, redact_error
from pipeline.workspace.run_log import add_to_log
from pipeline.workspace.storage.file_state import FileChangedError
from pipeline.workspace.work.cluster import use_cluster
from pipeline.workspace.work.own_warnings import hear_warnings

P = ParamSpec("P")
R = TypeVar("R")

NETWORK_ERRORS = {"URLError", "IncompleteRead", "RequestException", "HTTPError", "TransportError",
                  "HTTPClientError", "ClientConnectionError"}  # fmt: skip
"""Classes of urllib, http.client, requests, httpx, botocore and aiohttp by name, so that none of these needs to be installed."""


def declare_task(name: str, *, downloads: bool = False) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a Prefect task of a function that does one step's work.

    Prefect's own cache is off: each step names its folder after the hash of its inputs and reuses a finished one. Warnings of
    ours go to the run's log. A `ChemVAEError` gives the state Failed with the error's sentence, so that the task is to be
    called with `return_state=True`; `.result()` then raises the error again.

    Args:
        name: The task's name in Prefect.
        downloads: Whether the step downloads. It is then tried four times where the network is at fault.
    """
    retries: dict[str, Any] = {"retry_condition_fn": has_passing_failure, "retry_jitter_factor": 0.2}
    retries |= {"retries": 3, "retry_delay_seconds": [5, 20, 60]}

    def declare(function: Callable[P, R]) -> Task[P, R]:
        @functools.wraps(function)
        def work(*args: P.args, **kwargs: P.kwargs) -> R:
            with hear_warnings(_log_warning):
                return function(*args, **kwargs)

        return task(name=name, cache_policy=NO_CACHE, **(retries if downloads else {}))(fail_plainly(work))

    return declare


def _log(text: str) -> None:
    get_run_logger().info(redact(text))


def _log_warning(text: str) -> None:
    add_to_log(text, "warning")
    get_run_logger().warning(redact(text))


def declare_flow(name: str) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Make a Prefect flow of a function; a `ChemVAEError` ends it as Failed with the error's sentence.

    A scheduled run works for the date that it is scheduled for, also where it starts late; missed nights are made up once. One
    that ends badly leaves an account of it in the workspace. The parallel work goes to the Dask cluster that the flow's parameter
    `dask` or its `config` or the variable CHEM_VAE_DASK names, if any; what is finished is published to the address that its parameter
    `publish` or its `config`, or CHEM_VAE_PUBLISH names, if any. Of a flow that goes on from a run, the settings of that run hold.
    """
    hooks: list[Any] = [leave_account]

    def declare(function: Callable[P, R]) -> Flow[P, R]:
        guarded = fail_plainly(end_with_serve(follow_schedule(use_its_places(function))))
        return flow(name=name, on_failure=hooks, on_crashed=hooks, on_cancellation=hooks)(guarded)

    return declare


def use_its_places(function: Callable[P, R]) -> Callable[P, R]:
    """Send the parallel work of a flow to the cluster that its parameters name, and what is finished to their storage."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def work(*args: P.args, **kwargs: P.kwargs) -> R:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        config, workspace = _find_settings(given.arguments), given.arguments["workspace"]
        target = find_target(given.arguments.get("publish") or getattr(config, "publish", None), workspace)
        try:
            with use_cluster(given.arguments.get("dask") or getattr(config, "dask", None), workspace):
                made = function(*args, **kwargs)
        except TooFewHitsError:  # its run is finished
            _publish(target, workspace)
            raise
        _publish(target, workspace)
        return made

    return work


def _find_settings(arguments: Mapping[str, Any]) -> Any:
    """Find the settings that say where a flow works and publishes: its own, or those of the run that it goes on from."""
    if "run" not in arguments:
        return arguments.get("config")
    from pipeline.config import load_config  # here: it loads the settings of all rooms

    folder = find_run(arguments["run"], arguments["workspace"], optimization=False)
    return load_config(folder / "config.json", arguments["settings"])


def _publish(target: str | None, workspace: Path) -> None:
    if target is not None:
        with hear_warnings(_log_warning):
            publish_finished(target, workspace, _log)


def fail_plainly(function: Callable[P, R]) -> Callable[P, R]:
    """Turn a `ChemVAEError` into Prefect's state Failed, whose message is the error's sentence, without a traceback.

    Any other exception passes and is logged by Prefect with its traceback, as a bug should be.
    """

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ChemVAEError as error:
            if not os.environ.get("CHEM_VAE_DEBUG"):  # a deployed run's engine logs what a failed flow raised
                logging.getLogger("prefect.flow_runs").addFilter(_PLAIN_ERRORS)  # a second time is no second filter
            redact_error(error)
            return cast(R, Failed(message=str(error), data=error))
        except Exception as error:
            redact_error(error)  # Prefect logs and stores its traceback
            raise

    # Prefect reads the parameters' types off the signature; as text they would be looked up in this module.
    guarded.__signature__ = inspect.signature(function, eval_str=True)  # type: ignore[attr-defined]
    return guarded


class PlainErrors(logging.Filter):
    """Replaces the traceback of a `ChemVAEError` in a log record by its sentence; other records stay as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ChemVAEError):
            record.msg, record.args, record.exc_info = f"{record.getMessage()}: {error}", (), None
        return True


_PLAIN_ERRORS = PlainErrors()


def has_passing_failure(task: Any, task_run: Any, state: Any) -> bool:
    """Tell Prefect whether to try a failed task again: not where the user has to change something."""
    return is_passing(state.data if isinstance(state.data, BaseException) else None)


def is_passing(error: BaseException | None) -> bool:
    """Tell whether an error, or one that it was raised from, goes away by itself: timeouts, lost connections, HTTP 5xx, a file that
    is being written."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "code", None)
        if isinstance(status, int) and 400 <= status < 600:
            return status >= 500 or status in (408, 429)
        names = {base.__name__ for base in type(error).__mro__}
        if isinstance(error, ConnectionError | TimeoutError | FileChangedError) or names & NETWORK_ERRORS:
            return True
        error = error.__cause__ or error.__context__
    return False
