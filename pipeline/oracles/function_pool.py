"""A Python function as an oracle in processes of its own: it can be stopped when it hangs, and run beside itself."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import Any

from pebble import ProcessExpired, ProcessPool

from chem_vae.errors import UserError
from pipeline.oracles.base import Answer, Oracle, OracleError
from pipeline.oracles.function import FunctionOracle, load_function
from pipeline.workspace.check_arguments import list_names
from pipeline.workspace.presentation.formatting import count_things

LOADING_SECONDS = 300.0
"""Seconds that importing the function's module may take: large libraries, cold disks."""


class FunctionPoolOracle(Oracle):
    """Calls a function as `FunctionOracle` does, in a pool of processes that live on (pebble.ProcessPool).

    A process whose function takes too long is killed with all that it started, and replaced.

    Args:
        function: The function, as "package.module:function".
        endpoints: The names of the values that it returns for each molecule.
        timeout: Seconds that a batch may take; without end when None.
        processes: Batches that may run at once.
        name: The name in the log; the function's when None.

    Raises:
        UserError: If the function cannot be loaded.
    """

    at_once = True

    def __init__(
        self,
        function: str,
        endpoints: str | Sequence[str] = ("score",),
        *,
        timeout: float | None = None,
        processes: int = 1,
        name: str | None = None,
    ) -> None:
        self.endpoints = list_names("endpoints", endpoints)
        self.name, self.timeout = name or function, timeout
        self._task, self._processes = (function, self.endpoints, self.name), processes
        self._starting = threading.Lock()
        self._pool: ProcessPool | None = None
        try:
            self._run([])  # a function that is not there is told now
        except BaseException:
            self.close()
            raise

    def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
        """Yield all answers when the function returns."""
        started = time.monotonic()
        found = self._run(smiles)
        seconds = (time.monotonic() - started) / max(len(smiles), 1)
        for row, (values, reason) in enumerate(found):
            yield Answer(row, values, reason, seconds)

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()

    def _run(self, smiles: Sequence[str]) -> list[tuple[tuple[float, ...], str | None]]:
        """Have a process answer; of no molecules it only loads the function."""
        with self._starting:
            if self._pool is None:
                spawn = multiprocessing.get_context("spawn")
                self._pool = ProcessPool(self._processes, initializer=_start_worker, initargs=self._task, context=spawn)
            pool = self._pool
        try:
            future = pool.schedule(_evaluate, (*self._task, list(smiles)), timeout=self.timeout)
            kind, result = future.result(None if smiles else LOADING_SECONDS)
        except TimeoutError:
            if not smiles:
                raise OracleError(f"importing {self._task[0]} took over {LOADING_SECONDS:g} s") from None
            raise OracleError(
                f"{self.name} did not return within {self.timeout:g} s for {count_things(len(smiles), 'molecule')} and was stopped"
            ) from None
        except ProcessExpired as error:
            if error.pid:
                _kill_group(error.pid)
            code = error.exitcode
            how = f"with exit code {code}" if code >= 0 else f"by signal {signal.Signals(-code).name}"
            raise OracleError(f"{self.name}: its process ended {how}") from None
        except (BrokenProcessPool, RuntimeError) as error:
            with self._starting:
                self._pool = None if self._pool is pool else self._pool  # the next batch starts another
            raise OracleError(
                f"{self.name}: its process ended ({error}). In a script of your own, the call belongs under "
                "`if __name__ == '__main__':`"
            ) from None
        if kind == "values":
            values: list[tuple[tuple[float, ...], str | None]] = result
            return values
        raise (UserError if kind == "unusable" else OracleError)(result)


@functools.cache
def _load(function: str, endpoints: tuple[str, ...], name: str) -> FunctionOracle:
    return FunctionOracle(load_function(function), endpoints, name)


def _start_worker(*task: Any) -> None:
    """Make this process the head of a group that ends with its parent, keep its output apart, and load the function."""
    if hasattr(os, "setsid"):
        os.setsid()
        signal.signal(signal.SIGTERM, lambda *_: _kill_group(0))
    os.dup2(2, 1)  # what it and its programs print is no result
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    sys.stdout = sys.stderr
    with contextlib.suppress(UserError):  # the first batch tells
        _load(*task)


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    _kill_group(0)


def _kill_group(process: int) -> None:
    with contextlib.suppress(AttributeError, ProcessLookupError, PermissionError):  # some systems know no groups
        os.killpg(process, signal.SIGKILL)


def _evaluate(function: str, endpoints: tuple[str, ...], name: str, smiles: list[str]) -> tuple[str, Any]:
    """Answer a batch in a process of the pool, in plain data: what a function raises need not be picklable."""
    try:
        oracle = _load(function, endpoints, name)
        return "values", [(a.values, a.reason) for a in oracle.answers(smiles)] if smiles else []
    except UserError as error:
        return "unusable", str(error)
    except OracleError as error:
        return "failed", str(error)
