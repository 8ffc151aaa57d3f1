"""How a flow fails: our own errors as a failed state with their plain sentence, and which errors are worth a retry."""

from __future__ import annotations

import functools
import inspect
import logging
import os
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from chem_vae.errors import ChemVAEError

P = ParamSpec("P")
R = TypeVar("R")


def plain_failure(function: Callable[P, R]) -> Callable[P, R]:
    """Turn a ChemVAEError into Prefect's failed state whose message is the error's sentence, without a traceback.

    Goes below @flow or @task. A task is then called with `return_state=True`, and `.result()` raises the error again.
    Any other exception passes and is logged by Prefect with its traceback, as a bug should be.
    """

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ChemVAEError as error:
            from prefect.states import Failed

            _log_without_traceback()
            return cast(R, Failed(message=str(error), data=error))

    # Prefect reads the parameters' types off the signature; as text they would be looked up in this module.
    guarded.__signature__ = inspect.signature(function, eval_str=True)  # type: ignore[attr-defined]
    return guarded


class _PlainErrors(logging.Filter):
    """Turns the traceback of one of our own errors into its sentence; other records pass as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ChemVAEError):
            record.msg, record.args, record.exc_info = f"{record.getMessage()}: {error}", (), None
        return True


_PLAIN_ERRORS = _PlainErrors()


def _log_without_traceback() -> None:
    """A deployed run's engine logs what a failed flow raised; --debug (CHEM_VAE_DEBUG) leaves that its traceback."""
    if not os.environ.get("CHEM_VAE_DEBUG"):
        logging.getLogger("prefect.flow_runs").addFilter(_PLAIN_ERRORS)  # a second time is no second filter


def worth_a_retry(task: Any, task_run: Any, state: Any) -> bool:
    """Prefect's retry_condition_fn: true where waiting may help, false for a user's mistake."""
    return is_passing(state.data if isinstance(state.data, BaseException) else None)


def is_passing(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, goes away by itself: timeouts, lost connections, 5xx."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "code", None)
        if isinstance(status, int) and 400 <= status < 600:
            return status >= 500 or status in (408, 429)
        names = {base.__name__ for base in type(error).__mro__}
        if isinstance(error, ConnectionError | TimeoutError) or names & _NETWORK:
            return True
        error = error.__cause__ or error.__context__
    return False


_NETWORK = {"URLError", "IncompleteRead", "RequestException", "HTTPError", "TransportError"}
"""Of urllib, http.client, requests and httpx, by name: none of them needs to be installed."""
