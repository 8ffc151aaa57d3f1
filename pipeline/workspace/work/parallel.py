"""Runs jobs in a pool of processes or on a Dask cluster, few at a time, or in this process where the work is small."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self, TypeVar

from chem_vae.errors import ChemVAEError
from pipeline.workspace.work.cluster import explain_loss, find_cluster, list_lost_errors, pack_setup, run_prepared
from pipeline.workspace.work.interrupts import ignore_interrupts

Job = TypeVar("Job")
Result = TypeVar("Result")


_LONGEST_PATH = 70
"""The longest path of the folder for temporary files that leaves room for the name of a socket, of 107 bytes in all."""


class Workers:
    """A context manager for a pool of processes, which start at the first job and take nothing over from this one.

    Where a cluster is in use (`pipeline.workspace.work.cluster.use_cluster`), its workers take the place of the processes.

    Args:
        count: The number of processes; with 1 everything runs in this process.
        setup: Is called once in each process before its first job. It may hold functions of a notebook, which no other
            process can import: cloudpickle sends them.
        on_cluster: Whether a cluster may do the work; its machines need not have the files of this one.
    """

    def __init__(self, count: int, setup: Callable[[], None] | None = None, *, on_cluster: bool = True) -> None:
        self.setup, self._cluster = setup, find_cluster() if count > 1 and on_cluster else None
        self.count = count if self._cluster is None else self._cluster.count
        self._pool: Executor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cluster is not None and self._pool is not None:
            self._pool.shutdown(wait=kind is None)  # without waiting, a cluster's executor cancels what is under way
        elif self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def map(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Run a function on jobs and yield the results in their order.

        At most two jobs per worker are taken from `jobs` ahead of their results.

        Raises:
            ChemVAEError: If a worker dies, or what a job raises.
        """
        if self.count <= 1 and self._cluster is None:
            yield from map(function, jobs)
            return
        payload, run = pack_setup(self.setup), function
        if self._cluster is not None:
            self._pool, run = self._pool or self._cluster.open_executor(), partial(run_prepared, payload, function)
        elif self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.count, _choose_context(function), initializer=_start, initargs=(payload,)
            )
        waiting: deque[Future[Result]] = deque()
        try:
            for job in jobs:
                waiting.append(self._pool.submit(run, job))
                if len(waiting) > 2 * self.count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise ChemVAEError(
                "a worker process died (killed, or out of memory); run again to go on where it stopped, with fewer "
                "--workers if memory is short. In a script of your own, the call belongs under "
                "`if __name__ == '__main__':`"
            ) from error
        except list_lost_errors() as error:
            raise explain_loss(error) from error
        finally:
            for future in waiting:
                future.cancel()


def _choose_context(function: Callable[..., object]) -> BaseContext:
    """Choose how processes start: forked from one clean process that has imported what the function needs, which saves each
    process seconds; spawned where system libraries do not bear that.
    """
    if sys.platform != "linux" or len(os.fsencode(tempfile.gettempdir())) > _LONGEST_PATH:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function.__module__])  # counts until the first pool
    return context


def _start(payload: bytes) -> None:
    """Prepare a worker: be quiet, leave Ctrl-C to the parent, use one thread, end with the parent, and run its setup."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    ignore_interrupts()
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A worker whose parent was killed would wait for its next job forever.
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    if payload:
        pickle.loads(payload)()  # from our own parent process, never from a file


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def count_workers() -> int:
    """Count the workers of the cluster in use, at least 2, since its work is never done in this process; else the cores."""
    cluster = find_cluster()
    return count_cores() if cluster is None else max(cluster.count, 2)


def count_cores() -> int:
    """Count the cores that this process may run on; a container or a scheduler may allow fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
