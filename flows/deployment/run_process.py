"""Lets the process of a served run end when the `chem-vae serve` that started it has gone."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from filelock import FileLock, Timeout

P = ParamSpec("P")
R = TypeVar("R")

PARENT_VARIABLE = "CHEM_VAE_SERVE_PROCESS"
"""The environment variable with the process id of the `chem-vae serve` that starts a run."""
LOCK_VARIABLE = "CHEM_VAE_SERVE_RUN_LOCK"
"""The environment variable with the lock file that a run holds, by which the next `chem-vae serve` knows that none is left."""
END_SECONDS = 5.0


def end_with_serve(function: Callable[P, R]) -> Callable[P, R]:
    """Let a run's process end when its parent has gone; in any other process, change nothing."""

    @functools.wraps(function)
    def work(*args: P.args, **kwargs: P.kwargs) -> R:
        parent = os.getppid()
        if os.environ.get(PARENT_VARIABLE) != str(parent):
            return function(*args, **kwargs)
        with suppress(OSError):
            os.setpgid(0, 0)  # a Ctrl-C in the terminal is for `chem-vae serve`, which ends the run
        lock = FileLock(os.environ[LOCK_VARIABLE], timeout=0, thread_local=False)
        with suppress(Timeout):
            lock.acquire()
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
        try:
            return function(*args, **kwargs)
        finally:
            lock.release()

    return work


def _watch(parent: int) -> None:
    """Wait until the parent has gone; ask the run to end, so that Prefect tells the server, and then end it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
