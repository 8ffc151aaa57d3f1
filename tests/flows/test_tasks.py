"""The tasks' shared settings without a server: warnings, failures, and which failures are worth a retry."""

from __future__ import annotations

import logging
import urllib.error
import warnings
from email.message import Message
from typing import Any

import pytest

from chem_vae.errors import ChemVAEWarning, DataError
from flows import tasks
from flows.tasks import PlainErrors, declare_task, is_passing
from pipeline.workspace.storage.file_state import FileChangedError


def test_our_warnings_go_to_the_runs_log(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []

    class Log:
        warning = logged.append

    monkeypatch.setattr(tasks, "get_run_logger", lambda: Log)

    @declare_task("warn")
    def warn(times: int) -> int:
        for _ in range(times):
            warnings.warn("the seed is odd", ChemVAEWarning, stacklevel=1)
        warnings.warn("a library's own matter", DeprecationWarning, stacklevel=1)
        return times

    with warnings.catch_warnings(record=True) as shown:
        assert warn.fn(2) == 2
    assert logged == ["the seed is odd"] * 2
    assert [str(w.message) for w in shown if w.category is ChemVAEWarning] == logged, "it is shown as before, too"


def test_an_error_of_ours_fails_a_task_with_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "get_run_logger", lambda: logging.getLogger("test"))

    @declare_task("fail", downloads=True)
    def fail() -> None:
        raise DataError("it is empty")

    state: Any = fail.fn()
    assert state.is_failed() and state.message == "it is empty"
    assert fail.retries == 3 and declare_task("never")(fail.fn).retries == 0


def test_an_error_of_ours_is_logged_without_a_traceback() -> None:
    """A log record that Prefect's engine writes of a failed flow on a schedule."""

    def logged(error: Exception) -> logging.LogRecord:
        record = logging.LogRecord("x", logging.ERROR, "", 1, "engine %s", ("failed",), (type(error), error, None))
        assert PlainErrors().filter(record)
        return record

    plain = logged(DataError("it is empty"))
    assert plain.getMessage() == "engine failed: it is empty" and plain.exc_info is None
    assert logged(ValueError("a bug")).exc_info is not None


def test_which_errors_pass_by_themselves() -> None:
    def http(code: int) -> urllib.error.HTTPError:
        return urllib.error.HTTPError("http://x", code, "", Message(), None)

    assert is_passing(TimeoutError()) and is_passing(http(503)) and is_passing(http(429))
    assert not is_passing(http(404)) and not is_passing(DataError("no SMILES column")) and not is_passing(None)
    assert not is_passing(MemoryError())
    assert is_passing(FileChangedError("it is being written"))
